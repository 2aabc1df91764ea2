/**
 * The pods of a cluster by their place: which pod of which workload is on which node, and in which of its slots. A pod's node
 * follows from its position in the order of declaration: pinned workloads run on their node, DaemonSets on all nodes,
 * and the remaining workloads form one long row that is distributed over the nodes in turn. Position p of the row is on
 * node p mod N, so counts and positions are arithmetic, and the size of the lists depends on the size of the file, not
 * on the number of pods.
 */
import { countBelow, firstThat } from "../text/search.ts";
import type { Workload } from "./model.ts";
import { EVERYWHERE, NOWHERE, type Placement, SPREAD, takesSlots } from "./placement.ts";

export interface LayoutInput {
  readonly nodeCount: number;
  readonly workloads: readonly Workload[];
  /** By workload index. */
  readonly placement: readonly number[];
  readonly placed: Placement;
}

/** The result for a place. `node`: -1 if the pod is on no node; `slot`: -1 if the pod takes no address of the node's range. */
export type At<T> = (workload: Workload, ordinal: number, node: number, slot: number) => T;

export interface PodLayout<T> {
  at(workload: Workload, ordinal: number): T;
  /** The pods on a node, in order of declaration. */
  on(node: number): Iterable<T>;
  /** The pod that has this slot of the node. */
  inSlot(node: number, slot: number): T | undefined;
}

export function podLayout<T>(input: LayoutInput, make: At<T>): PodLayout<T> {
  return {
    at: (workload, ordinal) => podAt(input, make, workload, ordinal),
    on: (node) => podsOn(input, make, node),
    inSlot: (node, slot) => podInSlot(input, make, node, slot),
  };
}

function podAt<T>({ nodeCount, placement, placed }: LayoutInput, make: At<T>, workload: Workload, ordinal: number): T {
  const { spread, spreadStarts, slotsBefore } = placed;
  const { index } = workload;
  const where = placement[index] ?? NOWHERE;
  if (where === NOWHERE || nodeCount === 0) return make(workload, ordinal, -1, -1);
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
  return make(workload, ordinal, node, takesSlots(workload) ? slotsBefore(node, index) + within : -1);
}

function* podsOn<T>({ nodeCount, workloads, placed }: LayoutInput, make: At<T>, node: number): Iterable<T> {
  const { pinned, daemons, spread, spreadStarts, rowLength } = placed;
  const own = pinned.get(node)?.workloads ?? [];
  let nextOwn = 0;
  let nextDaemon = 0;
  let position = node;
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
      yield make(workload, position - spreadStarts[at]!, node, takesSlot ? slot++ : -1);
      position += nodeCount;
    } else if (index === b) {
      yield make(workload, node, node, takesSlot ? slot++ : -1);
      nextDaemon++;
    } else {
      for (let ordinal = 0; ordinal < workload.replicas; ordinal++) {
        yield make(workload, ordinal, node, takesSlot ? slot++ : -1);
      }
      nextOwn++;
    }
  }
}

function podInSlot<T>(input: LayoutInput, make: At<T>, node: number, slot: number): T | undefined {
  const { nodeCount, workloads, placement, placed } = input;
  const { spread, spreadStarts, slotsBefore } = placed;
  const index = firstThat(workloads.length, (workload) => slotsBefore(node, workload + 1) > slot);
  const workload = workloads[index];
  if (workload === undefined) return undefined;
  const within = slot - slotsBefore(node, index);
  const where = placement[index] ?? NOWHERE;
  if (where === EVERYWHERE) return make(workload, node, node, slot);
  if (where !== SPREAD) return make(workload, within, node, slot);
  const start = spreadStarts[countBelow(spread, index)]!;
  const firstHere = (((node - start) % nodeCount) + nodeCount) % nodeCount;
  return make(workload, firstHere + within * nodeCount, node, slot);
}
