/**
 * Allocation without lists of free addresses: a binary search in the reserved ranges finds the k-th free address or block.
 * The index k starts at 0, in address order.
 *
 * R(a) is the number of reserved addresses below a. The k-th free address from `first` is the address a with
 * a − R(a) = first − R(first) + k; a − R(a) is constant inside a reserved range and increases by one elsewhere.
 */
import { bits } from "./address.ts";
import { countLike, minus, plus, shiftLeft } from "./arith.ts";
import { lastAddress, network, prefixSize, subnetCount, subnetIndex } from "./prefix.ts";
import { rangeSize } from "./range.ts";
import { type Ascending, ascending, upperBound } from "./sorted.ts";
import type { Count, Ip, IpRange, Prefix } from "./types.ts";

/** Reserved addresses, prepared for searching by `sortReserved`. */
export interface SortedReserved {
  readonly v4: ReservedFamily;
  readonly v6: ReservedFamily;
}

interface ReservedFamily {
  /** Disjoint and ascending, with at least one free address between consecutive ranges. */
  readonly ranges: readonly IpRange[];
  readonly firsts: Ascending;
  /** For each range: its first address minus the number of reserved addresses below it. */
  readonly offsets: Ascending;
  /** For each range: the number of addresses in all preceding ranges; has one more entry than `ranges`. */
  readonly below: readonly Count[];
}

/** Prepares reserved ranges, which can overlap and can be of both families, in any order. O(n log n). */
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

/** `ip` minus the number of reserved addresses below it: constant within a reserved range. */
function offsetOf(reserved: ReservedFamily, ip: Ip): Ip {
  const index = upperBound(reserved.firsts, ip) - 1;
  const range = reserved.ranges[index];
  const offset = reserved.offsets.values[index];
  if (range === undefined || offset === undefined) return ip;
  return ip <= range.last ? offset : minus(ip, reserved.below[index + 1] ?? 0);
}

/** Whether the address is in a reserved range. O(log n). */
export function isReserved(reserved: SortedReserved, ip: Ip): boolean {
  const family = familyOf(reserved, ip);
  const range = family.ranges[upperBound(family.firsts, ip) - 1];
  return range !== undefined && ip <= range.last;
}

/** The k-th free address of first…last; undefined if there are fewer. O(log n). */
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

/** The parts of first…last between the reserved ranges, in address order. */
function* freeParts(first: Ip, last: Ip, reserved: SortedReserved): Generator<IpRange> {
  const one: Ip = typeof first === "number" ? 1 : 1n;
  const { ranges, firsts } = familyOf(reserved, first);
  let next = first;
  for (let i = Math.max(0, upperBound(firsts, first) - 1); next <= last; i++) {
    const range = ranges[i];
    if (range === undefined || range.first > last) return yield { first: next, last };
    if (range.first > next) yield { first: next, last: minus(range.first, one) };
    if (range.last >= next) next = plus(range.last, one);
  }
}

/** The largest prefix in first…last without a reserved address; of several, the first. O(n). */
export function largestFreePrefix(first: Ip, last: Ip, reserved: SortedReserved): Prefix | undefined {
  let best: Prefix | undefined;
  for (const part of freeParts(first, last, reserved)) {
    if (best !== undefined && rangeSize(part) <= prefixSize(best)) continue;
    const largest = largestPrefix(part);
    if (best === undefined || largest.len < best.len) best = largest;
  }
  return best;
}

/** The largest prefix in a range that is not empty; of two, the first. */
function largestPrefix({ first, last }: IpRange): Prefix {
  const size = rangeSize({ first, last });
  // A block of this size fits if the range is aligned; a block of a quarter of this size always fits.
  let len = bits(first) - (typeof size === "number" ? Math.floor(Math.log2(size)) : size.toString(2).length - 1);
  for (; ; len++) {
    const before = network(first, len);
    const ip = before === first ? first : plus(before, prefixSize({ ip: first, len }));
    if (lastAddress({ ip, len }) <= last) return { ip, len };
  }
}

/** The inverse of `kthFree`; undefined if the address is reserved or outside first…last. O(log n). */
export function freeIndex(first: Ip, last: Ip, reserved: SortedReserved, ip: Ip): Count | undefined {
  if (typeof ip !== typeof first || ip < first || ip > last || isReserved(reserved, ip)) return undefined;
  const family = familyOf(reserved, first);
  return minus(offsetOf(family, ip), offsetOf(family, first));
}

/* ---------------------------------------------------------------- equal blocks */

/**
 * The equally sized blocks of a prefix, without those that overlap a reserved range; for example the node pod CIDRs of
 * a pod CIDR.
 */
export interface Blocks {
  readonly cluster: Prefix;
  /** Prefix length of each block. */
  readonly len: number;
  /** The number of blocks, including reserved blocks. */
  readonly count: Count;
  /** Ranges of block indices, with the number type of the prefix's family. */
  readonly reserved: SortedReserved;
}

/** Prepares the blocks of length `len`; no blocks if `len` is shorter than the length of `cluster`. O(n log n). */
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

/** The k-th free block in address order; undefined if there are fewer. O(log n). */
export function kthFreeBlock(blocks: Blocks, k: number | bigint): Prefix | undefined {
  const zero = minus(blocks.count, blocks.count);
  const index = kthFree(zero, lastIndex(blocks), blocks.reserved, k);
  if (index === undefined) return undefined;
  const { ip } = blocks.cluster;
  return { ip: plus(ip, shiftLeft(index, bits(ip) - blocks.len)), len: blocks.len };
}

/** The first free block after the block that contains `ip`; undefined if all are reserved or `ip` is outside. O(log n). */
export function freeBlockAfter(blocks: Blocks, ip: Ip): Prefix | undefined {
  const index = subnetIndex(blocks.cluster, blocks.len, ip);
  if (index === undefined) return undefined;
  return kthFreeBlock(blocks, freeCount(minus(blocks.count, blocks.count), index, blocks.reserved));
}

/** The number of blocks that do not overlap a reserved range. O(log n). */
export function freeBlockCount(blocks: Blocks): Count {
  return freeCount(minus(blocks.count, blocks.count), lastIndex(blocks), blocks.reserved);
}

/** The index k, for `kthFreeBlock`, of the block that contains `ip`; undefined if that block is not free. O(log n). */
export function freeBlockIndex(blocks: Blocks, ip: Ip): Count | undefined {
  const index = subnetIndex(blocks.cluster, blocks.len, ip);
  if (index === undefined) return undefined;
  return freeIndex(minus(blocks.count, blocks.count), lastIndex(blocks), blocks.reserved, index);
}

/** −1 if there are no blocks. */
function lastIndex(blocks: Blocks): Ip {
  return minus(blocks.count, typeof blocks.count === "number" ? 1 : 1n);
}

/** The first prefix of length `len` in `within` that does not overlap a used range; undefined if all are used. */
export function nextFreePrefix(within: Prefix, len: number, used: Iterable<IpRange>): Prefix | undefined {
  return kthFreeBlock(blocksOf(within, len, used), 0);
}
