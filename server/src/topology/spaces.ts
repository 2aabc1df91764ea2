/**
 * The addresses that a node has for its pods: one row per family, made of its ranges in the order in which they were
 * allocated.
 */
import {
  freeCount,
  freeIndex,
  kthFree,
  nothingReserved,
  type SortedReserved,
  sortReserved,
} from "../addressing/allocation.ts";
import { addIp, family, type Ip, prefixContains } from "../addressing/ip.ts";
import type { ModeAddressing } from "./addressing.ts";
import type { Node } from "./model.ts";

/** One range, with its reserved addresses. */
interface Part {
  readonly first: Ip;
  readonly last: Ip;
  readonly reserved: SortedReserved;
}

/** One family's row. */
export type Space = readonly Part[];

/** `taken`: configured addresses of pods in the file. */
export function spacesOf(node: Node, addressing: ModeAddressing, taken: readonly Ip[] | undefined): readonly Space[] {
  const spaces = new Map<4 | 6, Part[]>();
  const bridge = node.dockerBridge?.address.ip;
  for (const { prefix, own = 0 } of node.podCidrs) {
    const usable = addressing.usable(prefix);
    if (usable === undefined) continue;
    let { first, last } = usable;
    if (own > 0) first = addIp(first, own) ?? first;
    const reserved: Ip[] = taken === undefined ? [] : taken.filter((ip) => family(ip) === family(prefix.ip));
    // If docker0 has another address than the default, that address is in use and the default is free.
    const gateway = addressing.gateway(prefix);
    if (bridge !== undefined && gateway !== undefined && bridge !== gateway && prefixContains(prefix, bridge)) {
      reserved.push(bridge);
      if (gateway < first) first = gateway;
      if (gateway > last) last = gateway;
    }
    if (first > last) continue;
    const part: Part = {
      first,
      last,
      reserved: reserved.length === 0 ? nothingReserved : sortReserved(reserved.map((ip) => ({ first: ip, last: ip }))),
    };
    const row = spaces.get(family(prefix.ip));
    if (row === undefined) spaces.set(family(prefix.ip), [part]);
    else row.push(part);
  }
  return [...spaces.values()];
}

/** Address number `k` of the row. */
export function nthOf(space: Space, k: number): Ip | undefined {
  let left = k;
  for (const { first, last, reserved } of space) {
    const ip = kthFree(first, last, reserved, left);
    if (ip !== undefined) return ip;
    left -= Number(freeCount(first, last, reserved));
  }
  return undefined;
}

/** The address's number in the row. Exact in practice: no node has 2^53 pods. */
export function indexOf(space: Space, ip: Ip): number | undefined {
  let before = 0;
  for (const { first, last, reserved } of space) {
    const index = freeIndex(first, last, reserved, ip);
    if (index !== undefined) return before + Number(index);
    before += Number(freeCount(first, last, reserved));
  }
  return undefined;
}

/** Number of pods that get an address in each of the rows. */
export function countOf(spaces: readonly Space[]): number {
  if (spaces.length === 0) return 0;
  return Math.min(
    ...spaces.map((space) =>
      space.reduce((sum, { first, last, reserved }) => sum + Number(freeCount(first, last, reserved)), 0),
    ),
  );
}
