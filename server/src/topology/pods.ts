/**
 * The pods of a cluster, none of which exists until somebody asks. Where a pod runs follows from its place in the order of
 * declaration: pinned workloads run on their node, daemonsets on all, and the others form one long row that is dealt to
 * the nodes in turn. Position p of the row is on node p mod N, so that counts and positions are arithmetic, and what
 * stands in lists grows with the text of the file, not with the number of pods.
 */
import {
  freeCount,
  freeIndex,
  kthFree,
  nothingReserved,
  type SortedReserved,
  sortReserved,
} from "../addressing/allocation.ts";
import { family, type Ip, prefixContains } from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import type { ModeAddressing } from "./addressing.ts";
import type { Node, Pod, PodIndex, Workload } from "./model.ts";
import { countBelow, firstThat } from "./search.ts";

/** Where a workload's pods run: on the node of this index, or … */
export const SPREAD = -1;
export const EVERYWHERE = -2;
export const NOWHERE = -3;

export interface PodPlan {
  readonly cluster: string;
  readonly nodes: readonly Node[];
  readonly workloads: readonly Workload[];
  /** By index of the workload. */
  readonly placement: readonly number[];
  nodeByName(name: string): Node | undefined;
  workloadByName(namespace: string, name: string): Workload | undefined;
  /** How the node's pods get addresses. */
  addressing(node: Node): ModeAddressing;
  /** Nodes by the ranges of their pods. */
  ranges(): PrefixTable<Node>;
}

export interface PlannedPods {
  readonly index: PodIndex;
  /** The node's pods that are to get an address, and for how many there is one. */
  demand(node: Node): { readonly wanted: number; readonly available: number };
}

/** Nodes by the ranges of their pods; sorted when it is first asked for. */
export function nodeRanges(nodes: readonly Node[]): () => PrefixTable<Node> {
  let table: PrefixTable<Node> | undefined;
  return () => {
    table ??= buildPrefixTable(nodes.flatMap((node) => node.podCidrs.map(({ prefix }) => [prefix, node] as const)));
    return table;
  };
}

/** What is pinned to one node. */
interface Pinned {
  readonly workloads: number[];
  /** Slots and pods of all workloads before each; one entry more than workloads. */
  readonly slots: number[];
  readonly pods: number[];
}

/** One range from which a node gives its pods addresses. */
interface Space {
  readonly first: Ip;
  readonly last: Ip;
  readonly reserved: SortedReserved;
}

export function planPods(plan: PodPlan): PlannedPods {
  const { nodes, workloads, placement } = plan;
  const nodeCount = nodes.length;
  const pinned = new Map<number, Pinned>();
  const daemons: number[] = [];
  const daemonSlots = [0];
  const spread: number[] = [];
  const spreadStarts = [0];
  /** Workloads of the row whose pods take no slot, with their part of the row. */
  const slotless: { readonly workload: number; readonly start: number; readonly end: number }[] = [];
  let count = 0;

  for (let index = 0; index < workloads.length; index++) {
    const workload = workloads[index]!;
    const where = placement[index] ?? NOWHERE;
    const takesSlot = takesSlots(workload);
    count += workload.replicas;
    if (where >= 0) {
      const list = pinned.get(where) ?? { workloads: [], slots: [0], pods: [0] };
      pinned.set(where, list);
      list.workloads.push(index);
      list.slots.push(list.slots.at(-1)! + (takesSlot ? workload.replicas : 0));
      list.pods.push(list.pods.at(-1)! + workload.replicas);
    } else if (where === EVERYWHERE) {
      daemons.push(index);
      daemonSlots.push(daemonSlots.at(-1)! + (takesSlot ? 1 : 0));
    } else if (where === SPREAD) {
      const start = spreadStarts.at(-1)!;
      const end = start + workload.replicas;
      spread.push(index);
      spreadStarts.push(end);
      if (!takesSlot) slotless.push({ workload: index, start, end });
    }
  }
  const rowLength = spreadStarts.at(-1)!;

  /** How many of the row's first `length` positions are on the node. */
  const dealt = (length: number, node: number): number =>
    length > node ? Math.floor((length - 1 - node) / nodeCount) + 1 : 0;

  /** How many slots of the node the workloads before this one take. */
  const slotsBefore = (node: number, workload: number): number => {
    const list = pinned.get(node);
    let slots = list === undefined ? 0 : list.slots[countBelow(list.workloads, workload)]!;
    slots += daemonSlots[countBelow(daemons, workload)]!;
    if (spread.length === 0) return slots;
    slots += dealt(spreadStarts[countBelow(spread, workload)]!, node);
    for (const part of slotless) {
      if (part.workload >= workload) break;
      slots -= dealt(part.end, node) - dealt(part.start, node);
    }
    return slots;
  };

  /* ------------------------------------------------------------ addresses */

  const given = new Map<Ip, number[]>();
  const givenOn = new Map<number, Ip[]>();
  for (const workload of workloads) {
    if (workload.addresses.length === 0 || workload.hostNetwork) continue;
    const where = placement[workload.index] ?? NOWHERE;
    const home = where === SPREAD ? spreadStarts[countBelow(spread, workload.index)]! % nodeCount : where;
    for (const { ip } of workload.addresses) {
      append(given, ip, workload.index);
      const holder = nodes[home]?.podCidrs.some(({ prefix }) => prefixContains(prefix, ip))
        ? home
        : (plan.ranges().lookup(ip)[0]?.index ?? home);
      append(givenOn, holder, ip);
    }
  }

  const spaces: (readonly Space[] | undefined)[] = [];
  const spacesOf = (node: Node): readonly Space[] => {
    const known = spaces[node.index];
    if (known !== undefined) return known;
    const addressing = plan.addressing(node);
    const bridge = node.dockerBridge?.address.ip;
    const taken = givenOn.get(node.index);
    const made: Space[] = [];
    for (const { prefix } of node.podCidrs) {
      const usable = addressing.usable(prefix);
      if (usable === undefined) continue;
      let { first, last } = usable;
      const reserved: Ip[] = taken === undefined ? [] : taken.filter((ip) => family(ip) === family(prefix.ip));
      // Where docker0 has another address than usual, that one is taken and the usual one is free.
      const gateway = addressing.gateway(prefix);
      if (bridge !== undefined && gateway !== undefined && bridge !== gateway && prefixContains(prefix, bridge)) {
        reserved.push(bridge);
        if (gateway < first) first = gateway;
        if (gateway > last) last = gateway;
      }
      made.push({
        first,
        last,
        reserved:
          reserved.length === 0 ? nothingReserved : sortReserved(reserved.map((ip) => ({ first: ip, last: ip }))),
      });
    }
    spaces[node.index] = made;
    return made;
  };

  const addressOf = (node: Node, slot: number): readonly Ip[] => {
    const addresses: Ip[] = [];
    for (const { first, last, reserved } of spacesOf(node)) {
      const ip = kthFree(first, last, reserved, slot);
      if (ip === undefined) return [];
      addresses.push(ip);
    }
    return addresses;
  };

  /** For ranges with nothing special in them the number follows from their length. */
  const sizes = new Map<ModeAddressing, Map<number, number>>();
  const available = (node: Node): number => {
    const plain = node.dockerBridge === undefined && !givenOn.has(node.index);
    if (!plain || node.podCidrs.length !== 1) return countSpaces(spacesOf(node));
    const addressing = plan.addressing(node);
    const bySize = sizes.get(addressing) ?? new Map<number, number>();
    sizes.set(addressing, bySize);
    const { prefix } = node.podCidrs[0]!;
    const key = typeof prefix.ip === "number" ? prefix.len : prefix.len + 1000;
    let size = bySize.get(key);
    if (size === undefined) {
      size = countSpaces(spacesOf(node));
      bySize.set(key, size);
    }
    return size;
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
      // The workload of a position is the last one that begins at or before it.
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
    for (const { values } of plan.ranges().matches(ip)) {
      for (const node of values) {
        for (const { first, last, reserved } of spacesOf(node)) {
          const slot = freeIndex(first, last, reserved, ip);
          // The number is exact where it counts: no node has 2^53 pods.
          const pod = slot === undefined ? undefined : podInSlot(node, Number(slot));
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
    demand: (node) => ({ wanted: slotsBefore(node.index, workloads.length), available: available(node) }),
  };
}

/** How many pods get an address in each of the ranges. */
function countSpaces(spaces: readonly Space[]): number {
  if (spaces.length === 0) return 0;
  return Math.min(...spaces.map(({ first, last, reserved }) => Number(freeCount(first, last, reserved))));
}

/** Do its pods get addresses of their node's range? */
function takesSlots(workload: Workload): boolean {
  return !workload.hostNetwork && workload.addresses.length === 0;
}

/** The node's addresses as Kubernetes lists them: the first one of each family. */
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
