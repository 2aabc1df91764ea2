/** Workloads as Deployments, StatefulSets, DaemonSets, and Pods. */
import { formatIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Listener, Pod, ProcessSpec, Workload } from "../../topology/model.ts";
import { ownerOf, workloadPods } from "../../topology/owners.ts";
import { ifAny, type KubeItem, labelRecord, type PlainRecord, unless } from "../objects.ts";
import type { Agent } from "./agents.ts";

export interface WorkloadItems {
  readonly items: readonly KubeItem[];
  readonly losses: readonly string[];
}

/** `agents`: programs of the pod network whose DaemonSets can also be declared as workloads. */
export function workloadItems(cluster: Cluster, agents: readonly Agent[]): WorkloadItems {
  const losses: string[] = [];
  const inOrder = isGrouped(cluster);
  const withOwned = new Set(workloadPods(cluster.workloads).flatMap(({ parts }) => (parts.length > 1 ? parts : [])));
  const items = cluster.workloads.flatMap((workload): readonly KubeItem[] => {
    if (workload.kind === "pod") return [podItem(cluster, cluster.pods.podAt(workload, 0), !inOrder)];
    const agent = agents.find((one) => isAgent(workload, one));
    const controller = controllerItem(workload, agent, losses);
    // A template shows neither where its pods run nor whether they are ready; pods that run replace it.
    if (inOrder && workload.notReady !== true && !withOwned.has(workload)) return [controller];
    const pods = Array.from({ length: workload.replicas }, (_, ordinal) => cluster.pods.podAt(workload, ordinal));
    return [controller, ...pods.map((pod) => podItem(cluster, pod, true))];
  });
  return { items, losses };
}

export function isAgent(workload: Workload, agent: Agent): boolean {
  return workload.kind === "daemonset" && workload.namespace === agent.namespace && workload.name === agent.name;
}

/**
 * Pods are placed in the order of the workloads. Objects are read by namespace, so the order is the same only if the workloads of each
 * namespace are consecutive.
 */
function isGrouped({ workloads }: Cluster): boolean {
  const seen = new Set<string>();
  let current: string | undefined;
  for (const { namespace } of workloads) {
    if (namespace === current) continue;
    if (seen.has(namespace)) return false;
    seen.add(namespace);
    current = namespace;
  }
  return true;
}

/** `isRunning`: with its node and addresses, as in a dump. */
function podItem({ nodes }: Cluster, pod: Pod, isRunning: boolean): KubeItem {
  const { workload, name, node, addresses } = pod;
  const { namespace, labels, hostNetwork } = workload;
  const shown = isRunning ? addresses : workload.addresses.map(({ ip }) => ip);
  const place = isRunning ? node : workload.on;
  const ready = { type: "Ready", status: workload.notReady === true ? "False" : "True" };
  const hasStatus = isRunning || shown.length > 0 || workload.notReady === true;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      labels: labelRecord(labels),
      ownerReferences: ownerReferences(workload),
    },
    spec: {
      nodeName: place && nodes.length > 0 ? place.name : undefined,
      hostNetwork: hostNetwork ? true : undefined,
      containers: containers(workload.containers, undefined),
    },
    status: hasStatus
      ? {
          phase: "Running",
          podIP: shown[0] === undefined ? undefined : formatIp(shown[0]),
          podIPs: ifAny(shown.map((ip) => ({ ip: formatIp(ip) }))),
          conditions: [ready],
        }
      : undefined,
  };
}

const KINDS = { deployment: "Deployment", statefulset: "StatefulSet", daemonset: "DaemonSet" } as const;

/** The pods of a Deployment belong to its ReplicaSet, which is not a separate object here. */
function ownerReferences(workload: Workload): readonly PlainRecord[] | undefined {
  const { kind, name } = ownerOf(workload);
  return kind === "pod" ? undefined : [{ apiVersion: "apps/v1", kind: KINDS[kind], name, controller: true }];
}

/** A selector is required; without labels, the template gets one. */
function controllerItem(workload: Workload, agent: Agent | undefined, losses: string[]): KubeItem {
  const { kind, namespace, name, replicas, on, hostNetwork } = workload;
  if (kind === "pod") throw new Error("a pod has no controller");
  const labels = labelRecord(workload.labels);
  if (labels === undefined)
    losses.push(t`${kind} ${namespace}/${name}: without labels, kube-apiserver rejects its selector`);
  return {
    apiVersion: "apps/v1",
    kind: KINDS[kind],
    metadata: { name, namespace },
    spec: {
      replicas: kind === "daemonset" ? undefined : replicas,
      selector: { matchLabels: labels ?? {} },
      serviceName: kind === "statefulset" ? name : undefined,
      template: {
        metadata: labels === undefined ? undefined : { labels },
        spec: {
          nodeName: on?.name,
          hostNetwork: hostNetwork ? true : undefined,
          containers: containers(workload.containers, agent),
        },
      },
    },
  };
}

/** knet models no images; a pod without a container is invalid, so one that does nothing takes its place. */
const IMAGE = "registry.k8s.io/pause";

function containers(processes: readonly ProcessSpec[], agent: Agent | undefined): readonly PlainRecord[] {
  const own = processes.map(({ name, listeners }) => ({
    name,
    image: agent?.container === name ? agent.image : IMAGE,
    ...(agent?.container === name ? agentFields(agent) : {}),
    ports: ifAny(listeners.flatMap(ports)),
  }));
  const isMissing = agent !== undefined && !processes.some(({ name }) => name === agent.container);
  const all = isMissing ? [...own, agentContainer(agent)] : own;
  return all.length > 0 ? all : [{ name: "pause", image: IMAGE }];
}

export function agentContainer(agent: Agent): PlainRecord {
  return { name: agent.container, image: agent.image, ...agentFields(agent) };
}

function agentFields({ args, env }: Agent): PlainRecord {
  return { args: ifAny(args), env: ifAny(env.map(([name, value]) => ({ name, value }))) };
}

/** A range of ports is one entry per port; the API has no ranges here. */
function ports({ proto, first, last, name, hostPort }: Listener): readonly PlainRecord[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    name: first === last ? name : undefined,
    containerPort: first + index,
    hostPort,
    protocol: unless(proto.toUpperCase(), "TCP"),
  }));
}
