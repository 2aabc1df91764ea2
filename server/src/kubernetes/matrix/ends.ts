/**
 * The rows and columns of a matrix: workloads or pods, and ranges of external addresses; and which of them a query
 * selects.
 */
import { formatRange, type IpRange, parseIp, parsePrefix, prefixRange, rangeContains } from "../../addressing/ip.ts";
import { readValue } from "../../declared/reading.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Pod, ProcessSpec, Topology, Workload } from "../../topology/model.ts";
import { ownerOf, workloadPods } from "../../topology/owners.ts";
import { holds, type Requirement } from "../../topology/selector.ts";
import { type PolicySet, policySetOf } from "../policy/evaluate.ts";
import type { MatrixEnd } from "./schema.ts";

/** A row or column with its pods. */
export interface Unit {
  readonly end: MatrixEnd;
  readonly cluster: Cluster;
  readonly set: PolicySet;
  /** Never empty. Pods of one workload can be declared one by one, as different workloads. */
  readonly pods: readonly Pod[];
  /** Whether pods use the network of their nodes. */
  readonly hostNetwork: boolean;
}

export const KINDS = {
  pod: "Pod",
  deployment: "Deployment",
  statefulset: "StatefulSet",
  daemonset: "DaemonSet",
} as const;

export function unitsOf(
  topology: Topology,
  byPod: boolean,
  isMeant: (workload: Workload, pod: Pod) => boolean,
): readonly Unit[] {
  const units: Unit[] = [];
  const several = topology.clusters.length > 1;
  for (const cluster of topology.clusters) {
    const set = policySetOf(cluster);
    for (const { kind, namespace, name, parts } of workloadPods(cluster.workloads)) {
      const before = several ? `${cluster.name}/` : "";
      const own: Pod[] = [];
      for (const workload of parts) {
        for (let n = 0; n < workload.replicas; n++) {
          const pod = cluster.pods.podAt(workload, n);
          if (pod.addresses.length > 0 && isMeant(workload, pod)) own.push(pod);
        }
      }
      const endOf = (path: string, of: keyof typeof KINDS): MatrixEnd => ({
        path: `${before}${namespace}/${path}`,
        kind: KINDS[of],
        namespace,
      });
      const add = (end: MatrixEnd, pods: readonly Pod[]): void => {
        units.push({ end, cluster, set, pods, hostNetwork: pods.some(({ workload }) => workload.hostNetwork) });
      };
      if (byPod) for (const pod of own) add(endOf(pod.name, "pod"), [pod]);
      else if (own.length > 0) add(endOf(name, kind), own);
    }
  }
  return units;
}

/** The containers of the unit's pods, each once. */
export function containersOf({ pods }: Unit): readonly ProcessSpec[] {
  const found = new Map<string, ProcessSpec>();
  let last: Workload | undefined;
  for (const { workload } of pods) {
    if (workload !== last)
      for (const one of workload.containers) if (!found.has(shapeOf(one))) found.set(shapeOf(one), one);
    last = workload;
  }
  return [...found.values()];
}

function shapeOf({ name, listeners }: ProcessSpec): string {
  return `${name} ${listeners.map(({ proto, first, last }) => `${proto}${first}-${last}`).join()}`;
}

export function rangeEnd(range: IpRange): MatrixEnd {
  return { range: formatRange(range) };
}

/* ----------------------------------------------------------------- selections */

/**
 * The endpoints that a query selects: `shop`, `shop/web`, `prod/shop/web`, `app=web`, `10.0.0.0/8`; without a query,
 * all. Without its namespace, `web` selects the pods of this name in the namespace `default`; without such pods, in all namespaces. A kind in front selects only objects of this kind: `pod/web`, `deployment/shop/web`, `namespace/shop`.
 */
export interface Selection {
  isPod(workload: Workload, pod: Pod): boolean;
  /** Undefined: all external addresses. */
  readonly ranges: readonly IpRange[] | undefined;
}

export type Selected =
  | { readonly ok: true; readonly selection: Selection }
  | { readonly ok: false; readonly error: string };

export function readSelection(topology: Topology, text: string | undefined): Selected {
  if (text === undefined) return { ok: true, selection: { isPod: () => true, ranges: undefined } };
  const range = addressRange(text);
  if (range !== undefined) {
    const isPod = (_: Workload, pod: Pod): boolean => pod.addresses.some((ip) => rangeContains(range, ip));
    return { ok: true, selection: { isPod, ranges: [range] } };
  }
  if (/[=!]/.test(text)) return readLabels(text);
  return readPath(topology, text) ?? readKind(topology, text) ?? readName(topology, text) ?? unknown(text);
}

/** Undefined: nothing has this path. */
function readPath(topology: Topology, text: string): Selected | undefined {
  const isPod = (workload: Workload, pod: Pod): boolean => pathsOf(workload, pod).includes(text);
  const known = topology.clusters.some(
    ({ name, workloads, namespaces, pods }) =>
      name === text ||
      namespaces.some((namespace) => namespace.name === text || `${name}/${namespace.name}` === text) ||
      workloads.some((workload) => workload.replicas > 0 && isPod(workload, pods.podAt(workload, 0))) ||
      podNamed(topology, text),
  );
  return known ? { ok: true, selection: { isPod, ranges: [] } } : undefined;
}

/** `pod/shop/web`; undefined: no kind, or nothing of this kind has the path. */
function readKind(topology: Topology, text: string): Selected | undefined {
  const [kind = "", ...rest] = text.split("/");
  const path = rest.join("/");
  const isPod = (workload: Workload, pod: Pod): boolean => {
    const { cluster, namespace } = workload;
    const owner = ownerOf(workload);
    if (kind === "cluster") return cluster === path;
    if (kind === "namespace") return [namespace, `${cluster}/${namespace}`].includes(path);
    if (kind !== "pod" && kind !== owner.kind) return false;
    return pathsFor(workload, owner.name).includes(path) || pathsFor(workload, pod.name).includes(path);
  };
  const name = rest.at(-1) ?? "";
  const isKnown = topology.clusters.some(({ workloads, pods }) => {
    const pod = pods.podByName(rest.at(-2) ?? "default", name) ?? pods.podByName("default", name);
    if (pod && isPod(pod.workload, pod)) return true;
    return workloads.some((workload) => workload.replicas > 0 && isPod(workload, pods.podAt(workload, 0)));
  });
  return isKnown ? { ok: true, selection: { isPod, ranges: [] } } : undefined;
}

/** `web`, `pod/web`, in any namespace; undefined: no workload or pod has this name. */
function readName(topology: Topology, text: string): Selected | undefined {
  const [, kind, name = ""] = /^(?:([^/]+)\/)?([^/]+)$/.exec(text) ?? [];
  const isPod = (workload: Workload, pod: Pod): boolean => {
    const owner = ownerOf(workload);
    return (kind === undefined || kind === "pod" || kind === owner.kind) && [owner.name, pod.name].includes(name);
  };
  const isKnown = topology.clusters.some(
    ({ workloads, namespaces, pods }) =>
      workloads.some((workload) => workload.replicas > 0 && isPod(workload, pods.podAt(workload, 0))) ||
      namespaces.some((namespace) => {
        const pod = pods.podByName(namespace.name, name);
        return pod !== undefined && isPod(pod.workload, pod);
      }),
  );
  return isKnown ? { ok: true, selection: { isPod, ranges: [] } } : undefined;
}

/** `web`, `shop/web`, `prod/shop/web`; the namespace `default` is optional. */
function pathsFor({ cluster, namespace }: Workload, name: string): readonly string[] {
  const own = [`${namespace}/${name}`, `${cluster}/${namespace}/${name}`];
  return namespace === "default" ? [...own, name, `${cluster}/${name}`] : own;
}

function unknown(text: string): Selected {
  return {
    ok: false,
    error: t`no workload, pod, or namespace \`${text}\`; write labels as \`app=web\`, addresses as \`10.0.0.0/8\``,
  };
}

function addressRange(text: string): IpRange | undefined {
  const ip = parseIp(text);
  if (ip !== undefined) return { first: ip, last: ip };
  const prefix = parsePrefix(text)?.prefix;
  return prefix && prefixRange(prefix);
}

function readLabels(text: string): Selected {
  const requirements: Requirement[] = [];
  for (const word of text.split(",")) {
    const value = readValue({ kind: "selector" }, word.trim());
    if (value.kind !== "requirement")
      return {
        ok: false,
        error: t`invalid label selector \`${word}\`: write \`app=web\`, \`app!=web\`, \`app\`, or \`!app\``,
      };
    if (value.requirement !== undefined) requirements.push(value.requirement);
  }
  const isPod = (workload: Workload): boolean => requirements.every((one) => holds(one, workload.labels));
  return { ok: true, selection: { isPod, ranges: [] } };
}

/** All names that can be used for a pod, including its namespace and cluster. */
function pathsOf(workload: Workload, pod: Pod): readonly string[] {
  const { cluster, namespace } = workload;
  const { name } = ownerOf(workload);
  const own = [name, pod.name].flatMap((one) => [`${namespace}/${one}`, `${cluster}/${namespace}/${one}`]);
  return [cluster, namespace, `${cluster}/${namespace}`, ...own, ...(namespace === "default" ? [name, pod.name] : [])];
}

function podNamed(topology: Topology, text: string): boolean {
  const parts = text.split("/");
  const name = parts.at(-1) ?? "";
  const namespace = parts.at(-2) ?? "default";
  return topology.clusters.some(({ pods }) => {
    const pod = pods.podByName(namespace, name);
    return pod !== undefined && pathsOf(pod.workload, pod).includes(text);
  });
}
