/** Ranges that all pods of a cluster share: one row of addresses, allocated in order of declaration. */
import { freeCount, freeIndex, kthFree, type SortedReserved, sortReserved } from "../addressing/allocation.ts";
import { family, type Ip } from "../addressing/ip.ts";
import { countBelow } from "../text/search.ts";
import type { SharedRange } from "./addressing.ts";
import type { Workload } from "./model.ts";
import { takesSlots } from "./placement.ts";

export interface SharedSpaces {
  readonly spaces: readonly { readonly first: Ip; readonly last: Ip; readonly reserved: SortedReserved }[];
  /** Number of addresses used by the workloads before each workload; one entry more than workloads. */
  readonly before: readonly number[];
}

export function sharedSpaces(ranges: readonly SharedRange[], workloads: readonly Workload[]): SharedSpaces {
  const given = workloads.flatMap(({ addresses }) => addresses.map(({ ip }) => ({ first: ip, last: ip })));
  const before = [0];
  let taken = 0;
  for (const workload of workloads) {
    taken += takesSlots(workload) ? workload.replicas : 0;
    before.push(taken);
  }
  return {
    before,
    spaces: ranges.map(({ range, exclude }) => ({
      ...range,
      reserved: sortReserved([...exclude, ...given.filter(({ first }) => family(first) === family(range.first))]),
    })),
  };
}

/** Number of addresses that the pods need, and number of pods for which every range has an address. */
export function sharedDemand({ spaces, before }: SharedSpaces): {
  readonly wanted: number;
  readonly available: number;
} {
  const counts = spaces.map(({ first, last, reserved }) => Number(freeCount(first, last, reserved)));
  return { wanted: before.at(-1) ?? 0, available: counts.length === 0 ? 0 : Math.min(...counts) };
}

/** The addresses of a pod, one per range; none if one of the ranges is exhausted. */
export function sharedAddresses({ spaces, before }: SharedSpaces, workload: number, ordinal: number): readonly Ip[] {
  const addresses: Ip[] = [];
  for (const { first, last, reserved } of spaces) {
    const ip = kthFree(first, last, reserved, (before[workload] ?? 0) + ordinal);
    if (ip === undefined) return [];
    addresses.push(ip);
  }
  return addresses;
}

/** The pod that has the address. */
export function sharedHolder(
  { spaces, before }: SharedSpaces,
  ip: Ip,
): { readonly workload: number; readonly ordinal: number } | undefined {
  const space = spaces.find(({ first }) => family(first) === family(ip));
  const found = space && freeIndex(space.first, space.last, space.reserved, ip);
  if (found === undefined || found >= (before.at(-1) ?? 0)) return undefined;
  const place = Number(found);
  // Workloads without addresses start where the next one does: it is the last workload that starts here or earlier.
  const workload = countBelow(before, place + 1) - 1;
  return { workload, ordinal: place - (before[workload] ?? 0) };
}
