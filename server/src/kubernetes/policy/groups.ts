/**
 * Pods as policies see them. Pods with the same namespace, labels, and named ports form one group: nearly always all
 * pods of a workload, often the pods of several workloads. Policies are evaluated for groups, never for single pods.
 */
import type { Cluster, Namespace, Pod, Workload } from "../../topology/model.ts";
import { NAMESPACE_NAME, type Protocol } from "../../topology/policy.ts";
import type { Labels } from "../../topology/selector.ts";
import type { PortRange } from "./ports.ts";

export interface PodGroup {
  /** Position among the cluster's groups. */
  readonly id: number;
  readonly namespace: string;
  readonly labels: Labels;
  readonly namespaceLabels: Labels;
  /** Policies do not apply to pods of the host network, which are identified only by their node's address. */
  readonly hostNetwork: boolean;
  /** Ports declared with `listen … as`, in order; of any protocol if it is undefined. */
  named(name: string, proto: Protocol | undefined): readonly PortRange[];
}

export interface PodGroups {
  readonly all: readonly PodGroup[];
  groupOf(pod: Pod): PodGroup;
  /** Undefined if the workload's pods differ. */
  groupOfAll(workload: Workload): PodGroup | undefined;
  namespaceLabels(namespace: string): Labels;
}

/** Labels that the StatefulSet controller sets on each pod (pkg/controller/statefulset, stateful_set_utils.go). */
const POD_NAME = "statefulset.kubernetes.io/pod-name";
const POD_INDEX = "apps.kubernetes.io/pod-index";

/** `keys`: the labels that policies select by. */
export function podGroups(cluster: Cluster, keys: ReadonlySet<string>): PodGroups {
  const apart = keys.has(POD_NAME) || keys.has(POD_INDEX);
  const namespaces = new Map<string, Labels>();
  const byKey = new Map<string, PodGroup>();
  const all: PodGroup[] = [];
  const whole = new Map<Workload, PodGroup>();

  const namespaceLabels = (name: string): Labels => {
    let labels = namespaces.get(name);
    if (labels === undefined) {
      labels = labelsOfNamespace(
        cluster.namespaces.find((one) => one.name === name),
        name,
      );
      namespaces.set(name, labels);
    }
    return labels;
  };
  const make = (workload: Workload, labels: Labels): PodGroup => {
    const listeners = workload.containers.flatMap((container) => container.listeners);
    const named = listeners.filter(({ name }) => name !== undefined);
    const ports = named.map(({ name, proto, first, last }) => `${name}/${proto}=${first}-${last}`).join();
    const words = [...labels].map(([key, value]) => `${key}=${value}`).sort();
    const key = `${workload.namespace} ${workload.hostNetwork} ${words.join()} ${ports}`;
    const before = byKey.get(key);
    if (before !== undefined) return before;
    const group: PodGroup = {
      id: all.length,
      namespace: workload.namespace,
      labels,
      namespaceLabels: namespaceLabels(workload.namespace),
      hostNetwork: workload.hostNetwork,
      named: (name, proto) => named.filter((one) => one.name === name && (proto === undefined || one.proto === proto)),
    };
    byKey.set(key, group);
    all.push(group);
    return group;
  };
  const isApart = ({ kind }: Workload): boolean => apart && kind === "statefulset";
  const groupOfAll = (workload: Workload): PodGroup | undefined => {
    if (isApart(workload)) return undefined;
    let group = whole.get(workload);
    if (group === undefined) {
      group = make(workload, workload.labels);
      whole.set(workload, group);
    }
    return group;
  };
  const groupOf = (pod: Pod): PodGroup => {
    const { workload } = pod;
    const group = groupOfAll(workload);
    if (group !== undefined) return group;
    return make(
      workload,
      new Map([...workload.labels, [POD_NAME, pod.name], [POD_INDEX, pod.name.slice(workload.name.length + 1)]]),
    );
  };
  for (const workload of cluster.workloads) {
    if (!isApart(workload)) groupOfAll(workload);
    else for (let n = 0; n < workload.replicas; n++) groupOf(cluster.pods.podAt(workload, n));
  }
  return { all, groupOf, groupOfAll, namespaceLabels };
}

function labelsOfNamespace(namespace: Namespace | undefined, name: string): Labels {
  return new Map([...(namespace?.labels ?? []), [NAMESPACE_NAME, name]]);
}
