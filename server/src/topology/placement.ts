/**
 * Placement of a cluster's pods, as arithmetic: pinned workloads on their node, DaemonSets on all nodes, and the
 * remaining workloads in one long row that is distributed over the nodes in turn. Position p of the row is on node p
 * mod N.
 */

import { memo, once } from "../memo/memo.ts";
import { countBelow } from "../text/search.ts";
import type { Workload } from "./model.ts";

/** Placement of a workload's pods: the index of their node, or … */
export const SPREAD = -1;
export const EVERYWHERE = -2;
export const NOWHERE = -3;

/** Workloads pinned to one node. */
export interface Pinned {
  readonly workloads: number[];
  /** Number of slots and pods of all workloads before each workload; one entry more than `workloads`. */
  readonly slots: number[];
  readonly pods: number[];
}

export interface Placement {
  /** The number of pods. */
  readonly count: number;
  /** By node index. */
  readonly pinned: ReadonlyMap<number, Pinned>;
  /** Indexes of the DaemonSets. */
  readonly daemons: readonly number[];
  /** Indexes of the workloads in the row, and the start of each; one entry more. */
  readonly spread: readonly number[];
  readonly spreadStarts: readonly number[];
  readonly rowLength: number;
  /** Number of the row's first `length` positions that are on the node. */
  dealt(length: number, node: number): number;
  /** Number of pods on the node. */
  countOn(node: number): number;
  /** By node index, 1 if pods run on the node. */
  inhabited(): ArrayLike<number>;
  /** Number of the node's slots used by the workloads before this one. */
  slotsBefore(node: number, workload: number): number;
  /** Number of the node's slots used by all workloads. */
  slotsOf(node: number): number;
  /** The largest number of slots used on a node. */
  mostSlots(): number;
  /** The node of a workload's first pod. */
  homeOf(workload: Workload): number | undefined;
}

/** The workloads by the kind of their placement. */
interface Rows extends Pick<Placement, "count" | "pinned" | "daemons" | "spread" | "spreadStarts"> {
  /** Number of slots on each node of all DaemonSets before each; one entry more. */
  readonly daemonSlots: readonly number[];
  /** Workloads of the row whose pods use no slots, with their part of the row. */
  readonly slotless: readonly { readonly workload: number; readonly start: number; readonly end: number }[];
}

function rowsOf(workloads: readonly Workload[], where: readonly number[]): Rows {
  const pinned = new Map<number, Pinned>();
  const daemons: number[] = [];
  const daemonSlots = [0];
  const spread: number[] = [];
  const spreadStarts = [0];
  const slotless: { readonly workload: number; readonly start: number; readonly end: number }[] = [];
  let count = 0;

  for (let index = 0; index < workloads.length; index++) {
    const workload = workloads[index]!;
    const at = where[index] ?? NOWHERE;
    const takesSlot = takesSlots(workload);
    count += workload.replicas;
    if (at >= 0) {
      const list = pinned.get(at) ?? { workloads: [], slots: [0], pods: [0] };
      pinned.set(at, list);
      list.workloads.push(index);
      list.slots.push(list.slots.at(-1)! + (takesSlot ? workload.replicas : 0));
      list.pods.push(list.pods.at(-1)! + workload.replicas);
    } else if (at === EVERYWHERE) {
      daemons.push(index);
      daemonSlots.push(daemonSlots.at(-1)! + (takesSlot ? 1 : 0));
    } else if (at === SPREAD) {
      const start = spreadStarts.at(-1)!;
      const end = start + workload.replicas;
      spread.push(index);
      spreadStarts.push(end);
      if (!takesSlot) slotless.push({ workload: index, start, end });
    }
  }
  return { count, pinned, daemons, daemonSlots, spread, spreadStarts, slotless };
}

/** `where`: by workload index. The same object for the same lists. */
export const placePods = memo(placed);

function placed(workloads: readonly Workload[], where: readonly number[], nodeCount: number): Placement {
  const { count, pinned, daemons, daemonSlots, spread, spreadStarts, slotless } = rowsOf(workloads, where);
  const rowLength = spreadStarts.at(-1)!;

  const dealt = (length: number, node: number): number =>
    length > node ? Math.floor((length - 1 - node) / nodeCount) + 1 : 0;

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

  const slotsOf = (node: number): number => {
    let slots = (pinned.get(node)?.slots.at(-1) ?? 0) + daemonSlots.at(-1)! + dealt(rowLength, node);
    for (const { start, end } of slotless) slots -= dealt(end, node) - dealt(start, node);
    return slots;
  };

  const mostSlots = once(() => {
    let most = 0;
    for (let node = 0; node < nodeCount; node++) most = Math.max(most, slotsOf(node));
    return most;
  });

  const countOn = (node: number): number =>
    (pinned.get(node)?.pods.at(-1) ?? 0) + daemons.length + dealt(rowLength, node);

  const inhabited = once(() => Uint8Array.from({ length: nodeCount }, (_, node) => (countOn(node) > 0 ? 1 : 0)));

  const homeOf = ({ index }: Workload): number | undefined => {
    const at = where[index] ?? NOWHERE;
    if (at === SPREAD) return nodeCount === 0 ? undefined : spreadStarts[countBelow(spread, index)]! % nodeCount;
    return at >= 0 ? at : undefined;
  };

  return {
    count,
    pinned,
    daemons,
    spread,
    spreadStarts,
    rowLength,
    dealt,
    countOn,
    inhabited,
    slotsBefore,
    slotsOf,
    mostSlots,
    homeOf,
  };
}

/** Whether its pods get addresses of their node's range. */
export function takesSlots(workload: Workload): boolean {
  return !workload.hostNetwork && workload.addresses.length === 0;
}
