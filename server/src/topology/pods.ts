/** The pods of a cluster, each computed on request from its place (`pod-layout.ts`) and its slot (`pod-addresses.ts`). */
import { family, type Ip } from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import { once, valueAt } from "../memo/memo.ts";
import { countBelow } from "../text/search.ts";
import type { SharedRange } from "./addressing.ts";
import type { Node, Pod, PodIndex, Workload } from "./model.ts";
import { ownedPods } from "./owners.ts";
import { type AddressInput, type PodAddresses, podAddresses } from "./pod-addresses.ts";
import { type PodLayout, podLayout } from "./pod-layout.ts";
import { type SharedSpaces, sharedAddresses, sharedDemand, sharedHolder, sharedSpaces } from "./shared.ts";

export interface PodPlan extends AddressInput {
  readonly cluster: string;
  /** By workload index. */
  readonly placement: readonly number[];
  nodeByName(name: string): Node | undefined;
  workloadByName(namespace: string, name: string): Workload | undefined;
  /** Ranges of the whole cluster, instead of the nodes' ranges. */
  readonly shared: readonly SharedRange[] | undefined;
}

export interface PlannedPods {
  readonly index: PodIndex;
  /** Number of the node's pods that need an address, and number of available addresses. */
  demand(node: Node): { readonly wanted: number; readonly available: number };
  /** Whether no node has more pods than addresses, which is known without looking at each node. */
  areSatisfied(): boolean;
  /** The demand of the whole cluster, if its pods share their ranges. */
  readonly shared: { readonly wanted: number; readonly available: number } | undefined;
}

export function planPods(plan: PodPlan): PlannedPods {
  const { nodes, workloads, placement, placed } = plan;
  const shared = plan.shared && sharedSpaces(plan.shared, workloads);
  const addresses = podAddresses(plan);
  const layout = podLayout<Pod>({ nodeCount: nodes.length, workloads, placement, placed }, (...place) =>
    podOf(plan, addresses, shared, place),
  );
  return {
    index: podIndex(plan, layout, addresses, shared),
    demand: (node) => {
      const wanted = placed.slotsOf(node.index);
      return { wanted, available: shared ? wanted : addresses.available(node) };
    },
    areSatisfied: () => shared !== undefined || addresses.areEnough(placed.mostSlots()),
    shared: shared && sharedDemand(shared),
  };
}

function podOf(
  { cluster, nodes, workloads }: PodPlan,
  { addressOf }: PodAddresses,
  shared: SharedSpaces | undefined,
  [workload, ordinal, nodeIndex, slot]: readonly [Workload, number, number, number],
): Pod {
  const { kind, hostNetwork, addresses: configured } = workload;
  const node = nodes[nodeIndex];
  const number = (): number => skipping(declaredOrdinals(workloads, workload), ordinal);
  const name =
    kind === "pod" ? workload.name : `${workload.name}-${kind === "daemonset" ? (node?.name ?? ordinal) : number()}`;
  const addresses = (): readonly Ip[] => {
    if (hostNetwork) return nodeAddresses(node);
    if (configured.length > 0) return configured.map(({ ip }) => ip);
    if (node === undefined) return [];
    return shared ? sharedAddresses(shared, workload.index, ordinal) : addressOf(node, slot);
  };
  const path = `${cluster}/${workload.namespace}/${name}`;
  return { path, name, workload, ordinal, node, slot, addresses: addresses() };
}

function podIndex(
  plan: PodPlan,
  layout: PodLayout<Pod>,
  addresses: PodAddresses,
  shared: SharedSpaces | undefined,
): PodIndex {
  const { workloads } = plan;
  const configured = workloadsByAddress(workloads);
  const podsByAddress = (ip: Ip): readonly Pod[] => {
    const found = (configured.get(ip) ?? []).map((workload) => layout.at(workload, 0));
    if (shared) {
      const holder = sharedHolder(shared, ip);
      const workload = holder && workloads[holder.workload];
      return workload && holder ? [...found, layout.at(workload, holder.ordinal)] : found;
    }
    for (const { node, slot } of addresses.slotsWith(ip)) {
      const pod = layout.inSlot(node.index, slot);
      if (pod?.addresses.includes(ip) === true) found.push(pod);
    }
    return found;
  };
  return {
    count: plan.placed.count,
    podAt: layout.at,
    podsOn: (node) => layout.on(node.index),
    countOn: (node) => plan.placed.countOn(node.index),
    inhabited: plan.placed.inhabited,
    podByName: (namespace, name) => podByName(plan, layout, namespace, name),
    podsByAddress,
    addressOf: addresses.addressOf,
  };
}

function workloadsByAddress(workloads: readonly Workload[]): ReadonlyMap<Ip, readonly Workload[]> {
  const found = new Map<Ip, Workload[]>();
  for (const workload of workloads) {
    if (workload.hostNetwork) continue;
    for (const { ip } of workload.addresses) valueAt(found, ip, (): Workload[] => []).push(workload);
  }
  return found;
}

/** By a pod's own name, or the name of its workload with the pod's ordinal or node. */
function podByName(
  { workloadByName, nodeByName, workloads }: PodPlan,
  layout: PodLayout<Pod>,
  namespace: string,
  name: string,
): Pod | undefined {
  const exact = workloadByName(namespace, name);
  if (exact?.kind === "pod") return layout.at(exact, 0);
  const ordinalOf = (workload: Workload, rest: string): number | undefined => {
    if (workload.kind === "pod") return undefined;
    if (workload.kind === "daemonset") return nodeByName(rest)?.index;
    if (!/^(?:0|[1-9]\d{0,8})$/.test(rest)) return undefined;
    const ordinal = Number(rest) - countBelow(declaredOrdinals(workloads, workload), Number(rest));
    return ordinal < workload.replicas ? ordinal : undefined;
  };
  for (let dash = name.lastIndexOf("-"); dash > 0; dash = name.lastIndexOf("-", dash - 1)) {
    const workload = workloadByName(namespace, name.slice(0, dash));
    const ordinal = workload === undefined ? undefined : ordinalOf(workload, name.slice(dash + 1));
    if (workload !== undefined && ordinal !== undefined) return layout.at(workload, ordinal);
  }
  return undefined;
}

/** The numbers of the workload's pods that are declared one by one (`pod db-2 { owner statefulset db }`), in order. */
function declaredOrdinals(workloads: readonly Workload[], { kind, namespace, name }: Workload): readonly number[] {
  return ownedPods(workloads, namespace, name)
    .flatMap((pod) => {
      const rest = pod.name.startsWith(`${name}-`) ? pod.name.slice(name.length + 1) : "";
      return pod.owner?.kind === kind && /^(?:0|[1-9]\d{0,8})$/.test(rest) ? [Number(rest)] : [];
    })
    .sort((a, b) => a - b);
}

/** The number of the n-th pod: the numbers of declared pods are taken. */
function skipping(taken: readonly number[], ordinal: number): number {
  return taken.reduce((number, one) => (one <= number ? number + 1 : number), ordinal);
}

/** Nodes by the ranges of their pods; sorted on first request. */
export function nodeRanges(nodes: readonly Node[]): () => PrefixTable<Node> {
  return once(() =>
    buildPrefixTable(nodes.flatMap((node) => node.podCidrs.map(({ prefix }) => [prefix, node] as const))),
  );
}

/** The node's addresses as listed by Kubernetes: the first address of each family. */
function nodeAddresses(node: Node | undefined): readonly Ip[] {
  const addresses: Ip[] = [];
  for (const { addresses: own } of node?.interfaces ?? []) {
    for (const { ip } of own) if (!addresses.some((other) => family(other) === family(ip))) addresses.push(ip);
  }
  return addresses;
}
