/**
 * Allocation without lists of what is free: the k-th free address or block is computed by a binary search in the reserved
 * ranges. Indices k count from 0 in address order.
 *
 * With R(a) the number of reserved addresses below a, the free address number k from `first` on is the a with
 * a − R(a) = first − R(first) + k; a − R(a) is constant inside reserved ranges and grows by one elsewhere.
 */
import { bits } from "./address.ts";
import { countLike, minus, plus, shiftLeft } from "./arith.ts";
import type { Count, Ip, IpRange, Prefix } from "./ip.ts";
import { lastAddress, subnetCount, subnetIndex } from "./prefix.ts";
import { type Ascending, ascending, upperBound } from "./sorted.ts";

/** What may not be allocated, ready for searching: see `sortReserved`. */
export interface SortedReserved {
  readonly v4: ReservedFamily;
  readonly v6: ReservedFamily;
}

interface ReservedFamily {
  /** Disjoint, ascending, with at least one free address between each two. */
  readonly ranges: readonly IpRange[];
  readonly firsts: Ascending;
  /** For each range, its first address minus the reserved addresses below it. */
  readonly offsets: Ascending;
  /** The number of addresses in the ranges before each; one entry more than ranges. */
  readonly below: readonly Count[];
}

/** Prepares reserved ranges, which may overlap, be of both families and in any order. O(n log n). */
export function sortReserved(ranges: Iterable<IpRange>): SortedReserved {
  const list4: IpRange[] = [];
  const list6: IpRange[] = [];
  for (const range of ranges) (typeof range.first === "number" ? list4 : list6).push(range);
  return { v4: sortFamily(4, list4), v6: sortFamily(6, list6) };
}

export const nothingReserved: SortedReserved = sortReserved([]);

function sortFamily(family: 4 | 6, unsorted: IpRange[]): ReservedFamily {
  const one: Ip = family === 4 ? 1 : 1n;
  const ranges: { first: Ip; last: Ip }[] = [];
  for (const { first, last } of unsorted.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const previous = ranges.at(-1);
    if (previous === undefined || first > plus(previous.last, one)) ranges.push({ first, last });
    else if (last > previous.last) previous.last = last;
  }
  const below: Count[] = [family === 4 ? 0 : 0n];
  const offsets: Ip[] = [];
  let sum: Count = family === 4 ? 0 : 0n;
  for (const { first, last } of ranges) {
    offsets.push(minus(first, sum));
    sum = plus(sum, plus(minus(last, first), one));
    below.push(sum);
  }
  const firsts = ascending(
    family,
    ranges.map((range) => range.first),
  );
  return { ranges, firsts, offsets: ascending(family, offsets), below };
}

function familyOf(reserved: SortedReserved, ip: Ip): ReservedFamily {
  return typeof ip === "number" ? reserved.v4 : reserved.v6;
}

/** `ip` minus the number of reserved addresses below it: the same number for all of a reserved range. */
function offsetOf(reserved: ReservedFamily, ip: Ip): Ip {
  const index = upperBound(reserved.firsts, ip) - 1;
  const range = reserved.ranges[index];
  const offset = reserved.offsets.values[index];
  if (range === undefined || offset === undefined) return ip;
  return ip <= range.last ? offset : minus(ip, reserved.below[index + 1] ?? 0);
}

/** Is the address in a reserved range? O(log n). */
export function isReserved(reserved: SortedReserved, ip: Ip): boolean {
  const family = familyOf(reserved, ip);
  const range = family.ranges[upperBound(family.firsts, ip) - 1];
  return range !== undefined && ip <= range.last;
}

/** Free address number `k` of first…last; undefined when there are not so many. O(log n). */
export function kthFree(first: Ip, last: Ip, reserved: SortedReserved, k: number | bigint): Ip | undefined {
  const family = familyOf(reserved, first);
  const count = countLike(first, k);
  if (count === undefined || count < 0) return undefined;
  const target = plus(offsetOf(family, first), count);
  const ip = plus(target, family.below[upperBound(family.offsets, target)] ?? 0);
  return ip <= last ? ip : undefined;
}

/** The number of free addresses in first…last. O(log n). */
export function freeCount(first: Ip, last: Ip, reserved: SortedReserved): Count {
  const one: Ip = typeof first === "number" ? 1 : 1n;
  if (first > last) return minus(one, one);
  const family = familyOf(reserved, first);
  const free = minus(offsetOf(family, last), offsetOf(family, first));
  return isReserved(reserved, last) ? free : plus(free, one);
}

/** The k for which `kthFree` gives this address; undefined when it is reserved or outside first…last. O(log n). */
export function freeIndex(first: Ip, last: Ip, reserved: SortedReserved, ip: Ip): Count | undefined {
  if (typeof ip !== typeof first || ip < first || ip > last || isReserved(reserved, ip)) return undefined;
  const family = familyOf(reserved, first);
  return minus(offsetOf(family, ip), offsetOf(family, first));
}

/* ---------------------------------------------------------------- equal blocks */

/** The equal blocks of a prefix, e.g. a cluster CIDR cut into node blocks, without those that touch a reserved range. */
export interface Blocks {
  readonly cluster: Prefix;
  /** Length of each block's prefix. */
  readonly len: number;
  /** The number of blocks, reserved ones included. */
  readonly count: Count;
  /** Ranges of block indices, in the type of the cluster's family. */
  readonly reserved: SortedReserved;
}

/** Prepares the blocks of length `len`; there are none when `len` is shorter than the cluster's. O(n log n). */
export function blocksOf(cluster: Prefix, len: number, reserved: Iterable<IpRange>): Blocks {
  const count = subnetCount(cluster, len);
  const end = lastAddress(cluster);
  const indices: IpRange[] = [];
  for (const { first, last } of reserved) {
    if (typeof first !== typeof end || first > end || last < cluster.ip) continue;
    const from = subnetIndex(cluster, len, first < cluster.ip ? cluster.ip : first);
    const to = subnetIndex(cluster, len, last > end ? end : last);
    if (from !== undefined && to !== undefined) indices.push({ first: from, last: to });
  }
  return { cluster, len, count, reserved: sortReserved(indices) };
}

/** Free block number `k` in address order; undefined when there are not so many. O(log n). */
export function kthFreeBlock(blocks: Blocks, k: number | bigint): Prefix | undefined {
  const zero = minus(blocks.count, blocks.count);
  const index = kthFree(zero, lastIndex(blocks), blocks.reserved, k);
  if (index === undefined) return undefined;
  const { ip } = blocks.cluster;
  return { ip: plus(ip, shiftLeft(index, bits(ip) - blocks.len)), len: blocks.len };
}

/** The number of blocks that touch no reserved range. O(log n). */
export function freeBlockCount(blocks: Blocks): Count {
  return freeCount(minus(blocks.count, blocks.count), lastIndex(blocks), blocks.reserved);
}

/** The k for which `kthFreeBlock` gives the block that contains `ip`; undefined when that is not free. O(log n). */
export function freeBlockIndex(blocks: Blocks, ip: Ip): Count | undefined {
  const index = subnetIndex(blocks.cluster, blocks.len, ip);
  if (index === undefined) return undefined;
  return freeIndex(minus(blocks.count, blocks.count), lastIndex(blocks), blocks.reserved, index);
}

/** −1 when there is no block. */
function lastIndex(blocks: Blocks): Ip {
  return minus(blocks.count, typeof blocks.count === "number" ? 1 : 1n);
}

/** The first prefix of length `len` inside `within` that touches nothing used; undefined when there is none. */
export function nextFreePrefix(within: Prefix, len: number, used: Iterable<IpRange>): Prefix | undefined {
  return kthFreeBlock(blocksOf(within, len, used), 0);
}
