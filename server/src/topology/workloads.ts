/**
 * The phases from placement to pod addresses: workloads with their nodes, the ranges that nodes claim for their pods, and
 * the pods.
 */
import { formatIp, formatPrefix, type Ip, prefixContains } from "../addressing/ip.ts";
import { succeedList } from "../memo/lineage.ts";
import { groups } from "../memo/list.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { query, type Read } from "../memo/query.ts";
import { t } from "../text/l10n.ts";
import { type AddressingOf, type ModeAddressing, type SharedRange, sizeOfNeeds } from "./addressing.ts";
import { type Addressings, addressingsOf } from "./addressings.ts";
import type { Claimant } from "./claims.ts";
import { type ClusterDraft, states } from "./cluster.ts";
import { MOST_REPLICAS } from "./limits.ts";
import type { ClusterMachines } from "./machines.ts";
import type { Node, Pod, PodIndex, Workload } from "./model.ts";
import { type NameProblems, nameProblems } from "./nearby.ts";
import { workloadPods } from "./owners.ts";
import type { PlacedWorkload } from "./parts.ts";
import { EVERYWHERE, NOWHERE, type Placement, placePods, SPREAD } from "./placement.ts";
import { nodeRanges, type PlannedPods, planPods } from "./pods.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import { slotsOf } from "./slots.ts";
import { nameTwice, nothing } from "./station.ts";
import type { WorkloadParts } from "./workload.ts";

/** The workloads and pods of a cluster. */
export interface Tenants {
  readonly workloads: readonly Workload[];
  /** Where they run, by workload. */
  readonly placement: readonly number[];
  workloadByName(namespace: string, name: string): Workload | undefined;
  readonly pods: PodIndex;
  /** The node whose ranges contain the address. */
  holder(ip: Ip): Node | undefined;
  readonly problems: readonly TopologyProblem[];
}

const byNamespace = groups<Workload, string>(({ namespace }) => [namespace]);

/** A cluster's workloads, by namespace. */
export function workloadsByNamespace(workloads: readonly Workload[]): (namespace: string) => readonly Workload[] {
  const found = byNamespace(workloads);
  return (namespace) => found.get(namespace) ?? nothing;
}

export const tenantsOf = query<ClusterDraft, Tenants, [readonly Node[], ClusterMachines["complete"], AddressingOf]>(
  (read, before, nodes, complete, addressingOf) => {
    const { indexes } = read((cluster) => slotsOf(cluster.nodes));
    const cluster = {
      name: read(({ name }) => name),
      cni: read(({ cni }) => cni),
      podCidrs: read(({ podCidrs }) => podCidrs),
      maxPods: read(({ maxPods }) => maxPods),
    };
    const addressings = addressingsOf(cluster, addressingOf);
    const written = read(({ workloads }) => workloads);
    const nodeByName = (name: string): Node | undefined => nodes[indexes.get(name) ?? -1];
    const firstRanges = nodeRanges(nodes);
    const built = buildWorkloads(written, {
      cluster: cluster.name,
      nodeCount: nodes.length,
      nodeByName,
      names: nodeNames(indexes),
      holder: (ip) => firstRanges().lookup(ip)[0],
    });
    const workloads = succeedList(before?.workloads, built.workloads);
    const placement = succeedList(before?.placement, built.placement);
    const placed = placePods(workloads, placement, nodes.length);
    complete?.(claimantsOf(nodes, workloads, placed));
    const ranges = complete === undefined ? firstRanges : nodeRanges(nodes);
    const planned = planPods({
      cluster: cluster.name,
      nodes,
      workloads,
      placement,
      placed,
      nodeByName,
      workloadByName: built.workloadByName,
      ranges,
      shared: addressings.cluster.shared,
      addressing: byPlugin(cluster.cni.plugin, addressings),
    });
    const problems = [
      ...built.problems,
      ...givenAddressProblems(workloads, planned, addressings.cluster),
      ...demandProblems(read, nodes, planned, addressings.cluster),
      ...sharedProblems(cluster.name, addressings.cluster.shared, planned),
    ];
    return {
      workloads,
      placement,
      workloadByName: built.workloadByName,
      pods: planned.index,
      holder: (ip) => ranges().lookup(ip)[0],
      problems,
    };
  },
);

/** Nodes of one plugin use their ranges in the same way: the cluster's plugin, or the settings of its first node. */
function byPlugin(plugin: string, addressings: Addressings): (node: Node) => ModeAddressing {
  const known = new Map([[plugin, addressings.cluster]]);
  return ({ cni }) => (cni === undefined ? addressings.cluster : valueAt(known, cni.plugin, () => addressings.of(cni)));
}

/** The requirements of the nodes, after the pods have been placed. */
function claimantsOf(nodes: readonly Node[], workloads: readonly Workload[], placed: Placement): readonly Claimant[] {
  const given = new Map<number, Ip[]>();
  for (const workload of workloads) {
    if (workload.addresses.length === 0 || workload.hostNetwork) continue;
    const home = placed.homeOf(workload);
    if (home === undefined) continue;
    const own = given.get(home) ?? [];
    given.set(home, own);
    for (const { ip } of workload.addresses) own.push(ip);
  }
  return nodes.map((node) => ({
    node,
    wanted: placed.slotsOf(node.index),
    given: given.get(node.index) ?? nothing,
  }));
}

/* --------------------------------------------------------------- workloads */

interface Workloads {
  readonly workloads: readonly Workload[];
  /** By workload. */
  readonly placement: readonly number[];
  workloadByName(namespace: string, name: string): Workload | undefined;
  readonly problems: readonly TopologyProblem[];
}

/** Where workloads are placed. */
interface Place {
  readonly cluster: string;
  readonly nodeCount: number;
  nodeByName(name: string): Node | undefined;
  readonly names: Pick<NameProblems, "unknown">;
  /** The node whose ranges contain the address. */
  holder(ip: Ip): Node | undefined;
}

function nodeNames(indexes: ReadonlyMap<string, number>): Pick<NameProblems, "unknown"> {
  const names = nameProblems(new Map(), new Set());
  return { unknown: (name, kind, source) => names.unknown(name, kind, source, indexes.keys()) };
}

/** Whether no workload names a node or an address. */
const areFree = memo((written: readonly PlacedWorkload[]) =>
  written.every(({ parts }) => parts.on === undefined && parts.addresses.length === 0),
);

/** Their nodes are irrelevant, except for the number. */
const freeWorkloads = memo(
  (written: readonly PlacedWorkload[], cluster: string, nodeCount: number): Workloads =>
    placeWorkloads(written, {
      cluster,
      nodeCount,
      nodeByName: () => undefined,
      names: nodeNames(new Map()),
      holder: () => undefined,
    }),
);

function buildWorkloads(written: readonly PlacedWorkload[], place: Place): Workloads {
  return areFree(written) ? freeWorkloads(written, place.cluster, place.nodeCount) : placeWorkloads(written, place);
}

function placeWorkloads(written: readonly PlacedWorkload[], place: Place): Workloads {
  const problems: TopologyProblem[] = [];
  const workloads: Workload[] = [];
  const placement: number[] = [];
  const namespaces = new Map<string, Map<string, Workload>>();
  let left = MOST_REPLICAS;
  for (const one of written) {
    const { namespace, parts } = one;
    problems.push(...parts.problems);
    const inNamespace = valueAt(namespaces, namespace, () => new Map<string, Workload>());
    const before = inNamespace.get(parts.name);
    if (before !== undefined) {
      const context = { kind: "namespace", name: namespace } as const;
      problems.push(nameTwice(parts.kind, parts.name, context, parts.nameSource, before.source));
      continue;
    }
    const { on, where } = placeOf(parts, place, problems);
    const replicas = Math.min(left, parts.kind === "daemonset" ? place.nodeCount : parts.replicas);
    left -= replicas;
    const workload = workloadOf(one, place.cluster, workloads.length, replicas, on);
    workloads.push(workload);
    placement.push(where);
    inNamespace.set(parts.name, workload);
  }
  const workloadByName = (namespace: string, name: string): Workload | undefined =>
    namespaces.get(namespace)?.get(name);
  return { workloads, placement, workloadByName, problems };
}

/** The node of a pinned workload, and the placement of its pods. */
function placeOf(
  parts: WorkloadParts,
  { cluster, nodeCount, nodeByName, names, holder }: Place,
  problems: TopologyProblem[],
): { readonly on: Node | undefined; readonly where: number } {
  const where = nodeCount === 0 ? NOWHERE : parts.kind === "daemonset" ? EVERYWHERE : SPREAD;
  if (parts.on !== undefined) {
    const { text, source } = parts.on;
    const prefix = `${cluster}/`;
    const on = nodeByName(text.startsWith(prefix) ? text.slice(prefix.length) : text);
    if (on === undefined) problems.push(names.unknown(text, "node", source));
    return { on, where: on?.index ?? NOWHERE };
  }
  const [address] = parts.addresses;
  const isHeld = address !== undefined && where === SPREAD;
  return { on: undefined, where: isHeld ? (holder(address.ip)?.index ?? where) : where };
}

/** The same object while nothing about the workload has changed. */
const workloadOf = memo(
  (
    { namespace, parts }: PlacedWorkload,
    cluster: string,
    index: number,
    replicas: number,
    on: Node | undefined,
  ): Workload => ({
    kind: parts.kind,
    cluster,
    namespace,
    name: parts.name,
    index,
    replicas,
    on,
    hostNetwork: parts.hostNetwork,
    ...(parts.notReady ? { notReady: true } : {}),
    ...(parts.owner ? { owner: parts.owner } : {}),
    containers: parts.containers,
    labels: parts.labels,
    addresses: parts.addresses,
    source: parts.source,
  }),
);

/* ---------------------------------------------------------------- problems */

/** One problem for all pods of a workload. */
function givenAddressProblems(
  workloads: readonly Workload[],
  { index }: PlannedPods,
  { accepts }: ModeAddressing,
): readonly TopologyProblem[] {
  const isOutside = (pod: Pod, ip: Ip): boolean =>
    pod.node !== undefined &&
    pod.node.podCidrs.length > 0 &&
    !pod.node.podCidrs.some(({ prefix }) => prefixContains(prefix, ip)) &&
    accepts?.(ip, pod.node) !== true;
  const outside = workloads.filter(
    (one) =>
      one.addresses.length > 0 &&
      !one.hostNetwork &&
      one.addresses.some(({ ip }) => isOutside(index.podAt(one, 0), ip)),
  );
  return workloadPods(outside).flatMap(({ parts: [first, ...others] }) => {
    if (first === undefined) return [];
    const pod = index.podAt(first, 0);
    const { node, path } = pod;
    if (node === undefined) return [];
    const range = node.podCidrs.map(({ prefix }) => formatPrefix(prefix)).join(", ");
    const related = node.podCidrs.map((cidr) => ({
      source: cidr.source,
      message: t`${formatPrefix(cidr.prefix)} is the pod CIDR of node \`${node.path}\``,
    }));
    return first.addresses
      .filter(({ ip }) => isOutside(pod, ip))
      .map(({ ip, source }) => {
        const data = { pod: path, address: formatIp(ip), node: node.path, range, others: others.length };
        return problem(CODES.podAddressOutsideNode, source, data, related);
      });
  });
}

/**
 * Whether the node's segment had no complete share left: the mode reports the consequences, because it counts addresses
 * instead of blocks.
 */
function isShort({ podCidrs }: Node, { fromSegment }: ModeAddressing, wanted: number, available: number): boolean {
  if (fromSegment?.kind === "interfaces") return available < sizeOfNeeds(fromSegment.needs(wanted));
  return (
    fromSegment !== undefined && podCidrs.length > 0 && podCidrs.every(({ prefix }) => prefix.len > fromSegment.len)
  );
}

/** Nodes with more pods than addresses: one problem for all nodes with the same number of addresses. */
function demandProblems(
  read: Read<ClusterDraft>,
  nodes: readonly Node[],
  { demand, areSatisfied }: PlannedPods,
  addressing: ModeAddressing,
): readonly TopologyProblem[] {
  // Without a plugin, pods have no network, which is not a shortage.
  if (read(({ cni }) => cni.plugin) === "none" || areSatisfied()) return nothing;
  const shortages = new Map<number, { readonly node: Node; readonly wanted: number; count: number }>();
  let withoutRange = false;
  for (const node of nodes) {
    const { wanted, available } = demand(node);
    if (wanted <= available || isShort(node, addressing, wanted, available)) continue;
    if (node.podCidrs.length === 0) {
      // Reported by KN401 or below.
      withoutRange = true;
      continue;
    }
    const shortage = shortages.get(available);
    if (shortage === undefined) shortages.set(available, { node, wanted, count: 1 });
    else shortage.count++;
  }
  const problems = [...shortages].map(([addresses, { node, wanted, count }]): TopologyProblem => {
    const source = node.podCidrs[0]?.source ?? node.source;
    const data = { cluster: read(({ name }) => name), count, node: node.path, pods: wanted, addresses };
    return problem(CODES.noPodAddressLeft, source, data, [{ source: node.source, message: t`node \`${node.path}\`` }]);
  });
  // If ranges come from the nodes' segments or from the plugin's own settings (Calico's pools), the mode reports nodes without one.
  const isOwn = addressing.fromSegment !== undefined || addressing.nodeRanges.length > 0;
  if (withoutRange && !isOwn && !read((cluster) => states(cluster, "pods"))) {
    const context = { kind: "cluster", name: read(({ name }) => name) } as const;
    const data = { keyword: "pods", context };
    problems.push(
      problem(
        CODES.missingStatement,
        read(({ nameSource }) => nameSource),
        data,
      ),
    );
  }
  return problems;
}

/** A range for all pods of the cluster that is too small. */
function sharedProblems(
  name: string,
  ranges: readonly SharedRange[] | undefined,
  { shared }: PlannedPods,
): readonly TopologyProblem[] {
  // A plugin without a range is reported elsewhere.
  if (!shared || !ranges?.[0] || shared.wanted <= shared.available) return nothing;
  const data = { cluster: name, pods: shared.wanted, addresses: shared.available };
  return [problem(CODES.sharedRangeFull, ranges[0].source, data)];
}
