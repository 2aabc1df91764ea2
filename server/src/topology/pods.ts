/**
 * The pods of a cluster, each computed on request. A pod's node follows from its position in the order of declaration:
 * pinned workloads run on their node, DaemonSets on all nodes, and the remaining workloads form one long row that is
 * distributed over the nodes in turn. Position p of the row is on node p mod N, so counts and positions are arithmetic,
 * and the size of the lists depends on the size of the file, not on the number of pods.
 */
import { bits, family, type Ip, prefixContains } from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import { countBelow, firstThat } from "../addressing/search.ts";
import { perItem } from "../memo/list.ts";
import type { ModeAddressing, SharedRange } from "./addressing.ts";
import type { Node, Pod, PodIndex, Workload } from "./model.ts";
import { EVERYWHERE, NOWHERE, type Placement, SPREAD, takesSlots } from "./placement.ts";
import { sharedAddresses, sharedDemand, sharedHolder, sharedSpaces } from "./shared.ts";
import { countOf, indexOf, nthOf, type Space, spacesOf } from "./spaces.ts";

export interface PodPlan {
  readonly cluster: string;
  readonly nodes: readonly Node[];
  readonly workloads: readonly Workload[];
  /** By workload index. */
  readonly placement: readonly number[];
  readonly placed: Placement;
  nodeByName(name: string): Node | undefined;
  workloadByName(namespace: string, name: string): Workload | undefined;
  /** How the node's pods get addresses. */
  addressing(node: Node): ModeAddressing;
  /** Nodes by the ranges of their pods. */
  ranges(): PrefixTable<Node>;
  /** Ranges of the whole cluster, instead of the nodes' ranges. */
  readonly shared: readonly SharedRange[] | undefined;
}

export interface PlannedPods {
  readonly index: PodIndex;
  /** Number of the node's pods that need an address, and number of available addresses. */
  demand(node: Node): { readonly wanted: number; readonly available: number };
  /** The same for the whole cluster, if its pods share their ranges. */
  readonly shared: { readonly wanted: number; readonly available: number } | undefined;
}

/** Nodes by the ranges of their pods; sorted on first request. */
export function nodeRanges(nodes: readonly Node[]): () => PrefixTable<Node> {
  let table: PrefixTable<Node> | undefined;
  return () => {
    table ??= buildPrefixTable(nodes.flatMap((node) => node.podCidrs.map(({ prefix }) => [prefix, node] as const)));
    return table;
  };
}

export function planPods(plan: PodPlan): PlannedPods {
  const { nodes, workloads, placement } = plan;
  const nodeCount = nodes.length;
  const { count, pinned, daemons, spread, spreadStarts, rowLength, dealt, slotsBefore, slotsOf } = plan.placed;
  const shared = plan.shared && sharedSpaces(plan.shared, workloads);

  /* ------------------------------------------------------------ addresses */

  const given = new Map<Ip, number[]>();
  const givenOn = new Map<number, Ip[]>();
  for (const workload of workloads) {
    if (workload.addresses.length === 0 || workload.hostNetwork) continue;
    const home = plan.placed.homeOf(workload) ?? NOWHERE;
    for (const { ip } of workload.addresses) {
      append(given, ip, workload.index);
      const own = nodes[home]?.podCidrs.find(({ prefix }) => prefixContains(prefix, ip))?.prefix;
      append(givenOn, own === undefined ? (plan.ranges().lookup(ip)[0]?.index ?? home) : home, ip);
      if (own?.len !== bits(ip)) continue;
      // A single address of another node's block: that node cannot allocate it to its pods either.
      for (const { values } of plan.ranges().matches(ip)) {
        for (const { index } of values) if (index !== home) append(givenOn, index, ip);
      }
    }
  }

  const spaces: (readonly Space[] | undefined)[] = [];
  const spacesFor = (node: Node): readonly Space[] => {
    const known = spaces[node.index] ?? spacesOf(node, plan.addressing(node), givenOn.get(node.index));
    spaces[node.index] = known;
    return known;
  };

  const addressOf = (node: Node, slot: number): readonly Ip[] => {
    const addresses: Ip[] = [];
    for (const space of spacesFor(node)) {
      const ip = nthOf(space, slot);
      if (ip === undefined) return [];
      addresses.push(ip);
    }
    return addresses;
  };

  /** For plain ranges, the number follows from the prefix length. */
  const sizes = new Map<number, number>();
  const available = (node: Node): number => {
    const size = plainSizes(nodes)[node.index];
    if (size === undefined || givenOn.has(node.index)) return countOf(spacesFor(node));
    let count = sizes.get(size);
    if (count === undefined) {
      count = countOf(spacesFor(node));
      sizes.set(size, count);
    }
    return count;
  };

  /* ------------------------------------------------------------ pods */

  const makePod = (workload: Workload, ordinal: number, node: Node | undefined, slot: number): Pod => {
    const name =
      workload.kind === "pod"
        ? workload.name
        : `${workload.name}-${workload.kind === "daemonset" ? (node?.name ?? ordinal) : ordinal}`;
    return {
      path: `${plan.cluster}/${workload.namespace}/${name}`,
      name,
      workload,
      ordinal,
      node,
      slot,
      addresses: workload.hostNetwork
        ? nodeAddresses(node)
        : workload.addresses.length > 0
          ? workload.addresses.map(({ ip }) => ip)
          : node === undefined
            ? []
            : shared
              ? sharedAddresses(shared, workload.index, ordinal)
              : addressOf(node, slot),
    };
  };

  const podAt = (workload: Workload, ordinal: number): Pod => {
    const { index } = workload;
    const where = placement[index] ?? NOWHERE;
    if (where === NOWHERE || nodeCount === 0) return makePod(workload, ordinal, undefined, -1);
    let node = where;
    let within = ordinal;
    if (where === EVERYWHERE) {
      node = ordinal;
      within = 0;
    } else if (where === SPREAD) {
      const start = spreadStarts[countBelow(spread, index)]!;
      node = (start + ordinal) % nodeCount;
      within = Math.floor(ordinal / nodeCount);
    }
    const slot = takesSlots(workload) ? slotsBefore(node, index) + within : -1;
    return makePod(workload, ordinal, nodes[node], slot);
  };

  const podsOn = function* (node: Node): Iterable<Pod> {
    const own = pinned.get(node.index)?.workloads ?? [];
    let nextOwn = 0;
    let nextDaemon = 0;
    let position = node.index;
    let slot = 0;
    for (;;) {
      const a = own[nextOwn] ?? Infinity;
      const b = daemons[nextDaemon] ?? Infinity;
      // The workload of a position is the last one that starts at or before the position.
      const at = position < rowLength ? countBelow(spreadStarts, position + 1) - 1 : -1;
      const c = spread[at] ?? Infinity;
      const index = Math.min(a, b, c);
      const workload = workloads[index];
      if (workload === undefined) return;
      const takesSlot = takesSlots(workload);
      if (index === c) {
        yield makePod(workload, position - spreadStarts[at]!, node, takesSlot ? slot++ : -1);
        position += nodeCount;
      } else if (index === b) {
        yield makePod(workload, node.index, node, takesSlot ? slot++ : -1);
        nextDaemon++;
      } else {
        for (let ordinal = 0; ordinal < workload.replicas; ordinal++) {
          yield makePod(workload, ordinal, node, takesSlot ? slot++ : -1);
        }
        nextOwn++;
      }
    }
  };

  /** The pod that has this slot of the node. */
  const podInSlot = (node: Node, slot: number): Pod | undefined => {
    const index = firstThat(workloads.length, (workload) => slotsBefore(node.index, workload + 1) > slot);
    const workload = workloads[index];
    if (workload === undefined) return undefined;
    const within = slot - slotsBefore(node.index, index);
    const where = placement[index] ?? NOWHERE;
    if (where === EVERYWHERE) return makePod(workload, node.index, node, slot);
    if (where !== SPREAD) return makePod(workload, within, node, slot);
    const start = spreadStarts[countBelow(spread, index)]!;
    const firstHere = (((node.index - start) % nodeCount) + nodeCount) % nodeCount;
    return makePod(workload, firstHere + within * nodeCount, node, slot);
  };

  const podsByAddress = (ip: Ip): readonly Pod[] => {
    const found: Pod[] = (given.get(ip) ?? []).map((index) => podAt(workloads[index]!, 0));
    if (shared) {
      const holder = sharedHolder(shared, ip);
      const workload = holder && workloads[holder.workload];
      return workload && holder ? [...found, podAt(workload, holder.ordinal)] : found;
    }
    for (const { values } of plan.ranges().matches(ip)) {
      for (const node of values) {
        for (const space of spacesFor(node)) {
          const slot = indexOf(space, ip);
          const pod = slot === undefined ? undefined : podInSlot(node, slot);
          if (pod?.addresses.includes(ip) === true) found.push(pod);
        }
      }
    }
    return found;
  };

  const podByName = (namespace: string, name: string): Pod | undefined => {
    const exact = plan.workloadByName(namespace, name);
    if (exact?.kind === "pod") return podAt(exact, 0);
    for (let dash = name.lastIndexOf("-"); dash > 0; dash = name.lastIndexOf("-", dash - 1)) {
      const workload = plan.workloadByName(namespace, name.slice(0, dash));
      const ordinal = workload === undefined ? undefined : ordinalOf(workload, name.slice(dash + 1));
      if (workload !== undefined && ordinal !== undefined) return podAt(workload, ordinal);
    }
    return undefined;
  };

  const ordinalOf = (workload: Workload, rest: string): number | undefined => {
    if (workload.kind === "pod") return undefined;
    if (workload.kind === "daemonset") return plan.nodeByName(rest)?.index;
    return /^(?:0|[1-9]\d{0,8})$/.test(rest) && Number(rest) < workload.replicas ? Number(rest) : undefined;
  };

  const index: PodIndex = {
    count,
    podAt,
    podsOn,
    countOn: (node) => (pinned.get(node.index)?.pods.at(-1) ?? 0) + daemons.length + dealt(rowLength, node.index),
    podByName,
    podsByAddress,
    addressOf,
  };
  return {
    index,
    demand: (node) => {
      const wanted = slotsOf(node.index);
      return { wanted, available: shared ? wanted : available(node) };
    },
    shared: shared && sharedDemand(shared),
  };
}

/** A number for the size of the node's only range; undefined if the range is not plain. */
const plainSizes = perItem<Node, number | undefined>(({ podCidrs: [cidr, ...others], dockerBridge, cni }) => {
  if (cidr === undefined || others.length > 0 || dockerBridge !== undefined || cni !== undefined) return undefined;
  const { prefix, own = 0 } = cidr;
  return own * 2000 + (typeof prefix.ip === "number" ? prefix.len : prefix.len + 1000);
});

/** The node's addresses as listed by Kubernetes: the first address of each family. */
function nodeAddresses(node: Node | undefined): readonly Ip[] {
  const addresses: Ip[] = [];
  for (const { addresses: own } of node?.interfaces ?? []) {
    for (const { ip } of own) if (!addresses.some((other) => family(other) === family(ip))) addresses.push(ip);
  }
  return addresses;
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
