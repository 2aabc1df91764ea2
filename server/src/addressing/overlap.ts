/**
 * Finds overlapping ranges and duplicate addresses. Ranges are visited in address order (a sweep line); each group keeps
 * its visited ranges until the sweep passes their ends. Every range that is compared is therefore either reported or
 * removed for good. Groups that are allowed to overlap (a pod CIDR and its node pod CIDRs) are never compared: 150,000
 * addresses inside a range that contains them by design cost one sort and one step each.
 */
import { compareIp } from "./address.ts";
import type { Ip, IpRange } from "./types.ts";

export interface RangeItem<T> {
  readonly range: IpRange;
  readonly value: T;
}

/** The relation of `a` to `b`. */
export type OverlapKind = "equal" | "contains" | "within" | "partial";

export interface Overlap<T> {
  /** The earlier item of the input. */
  readonly a: RangeItem<T>;
  readonly b: RangeItem<T>;
  readonly kind: OverlapKind;
}

export interface OverlapOptions<T> {
  /**
   * The group of an item; `related` compares groups. Use few groups: in addition to the sort, an item costs one step for
   * each group with a range at the same address, and `related` is called at most once per pair of overlapping groups.
   */
  readonly group: (value: T) => string;
  /** Whether overlaps between these groups (or within one group) are reported. Symmetric. */
  readonly related: (groupA: string, groupB: string) => boolean;
  /** Maximum number of reported pairs (default: 1000). */
  readonly limit?: number;
}

export interface Overlaps<T> {
  /** Sorted by the first shared address; each pair once. */
  readonly overlaps: readonly Overlap<T>[];
  /** Whether there are more than `limit` pairs. */
  readonly truncated: boolean;
}

/** An item during the search. */
interface Entry<T> {
  readonly item: RangeItem<T>;
  readonly index: number;
  readonly group: Group<T>;
}

interface Group<T> {
  readonly name: string;
  /** Index in the list of groups, for `related`. */
  readonly id: number;
  /** Cached results of `related`, indexed by group id. */
  readonly related: (boolean | undefined)[];
  /** Visited entries. Entries that end before the current address are removed at the next comparison with the group. */
  active: Entry<T>[];
  /** The highest last address of the active entries. */
  reach: Ip;
}

const DEFAULT_LIMIT = 1000;

/**
 * All pairs of overlapping ranges of related groups, once each. O(n log n + reported pairs), see
 * `OverlapOptions.group`.
 */
export function findOverlaps<T>(items: Iterable<RangeItem<T>>, options: OverlapOptions<T>): Overlaps<T> {
  const limit = options.limit ?? DEFAULT_LIMIT;
  const overlaps: Overlap<T>[] = [];
  /** Groups with active entries. */
  let groups: Group<T>[] = [];
  let family: string | undefined;

  for (const entry of sortedEntries(items, options.group)) {
    const { first, last } = entry.item.range;
    if (typeof first !== family) {
      // Ranges of different families never overlap.
      for (const group of groups) group.active = [];
      groups = [];
      family = typeof first;
    }
    let passed = 0;
    for (const other of groups) {
      if (other.reach < first) {
        other.active = [];
        passed++;
      } else if (areRelated(entry.group, other, options.related)) {
        other.active = other.active.filter((earlier) => earlier.item.range.last >= first);
        for (const earlier of other.active) {
          if (overlaps.length >= limit) return { overlaps, truncated: true };
          overlaps.push(overlapOf(earlier, entry));
        }
      }
    }
    if (passed > 0) groups = groups.filter((group) => group.active.length > 0);
    const { group } = entry;
    if (group.active.length === 0) {
      groups.push(group);
      group.reach = last;
    } else if (last > group.reach) group.reach = last;
    group.active.push(entry);
  }
  return { overlaps, truncated: false };
}

function sortedEntries<T>(items: Iterable<RangeItem<T>>, groupOf: (value: T) => string): Entry<T>[] {
  const groups = new Map<string, Group<T>>();
  const entries: Entry<T>[] = [];
  for (const item of items) {
    const name = groupOf(item.value);
    let group = groups.get(name);
    if (group === undefined) {
      group = { name, id: groups.size, related: [], active: [], reach: 0 };
      groups.set(name, group);
    }
    entries.push({ item, index: entries.length, group });
  }
  return entries.sort((a, b) => compareIp(a.item.range.first, b.item.range.first) || a.index - b.index);
}

function areRelated<T>(a: Group<T>, b: Group<T>, related: OverlapOptions<T>["related"]): boolean {
  let result = a.related[b.id];
  if (result === undefined) {
    result = related(a.name, b.name);
    a.related[b.id] = result;
    b.related[a.id] = result;
  }
  return result;
}

function overlapOf<T>(x: Entry<T>, y: Entry<T>): Overlap<T> {
  const [a, b] = x.index < y.index ? [x.item, y.item] : [y.item, x.item];
  return { a, b, kind: overlapKind(a.range, b.range) };
}

/** The relation of `a` to `b`; the ranges must overlap. */
export function overlapKind(a: IpRange, b: IpRange): OverlapKind {
  if (a.first === b.first && a.last === b.last) return "equal";
  if (a.first <= b.first && a.last >= b.last) return "contains";
  if (b.first <= a.first && b.last >= a.last) return "within";
  return "partial";
}

/* ---------------------------------------------------------------- single addresses */

export interface IpItem<T> {
  readonly ip: Ip;
  readonly value: T;
}

export interface Duplicate<T> {
  readonly ip: Ip;
  readonly group: string;
  /** Two or more, in input order. */
  readonly values: readonly T[];
}

export interface Duplicates<T> {
  /** Sorted by address. */
  readonly duplicates: readonly Duplicate<T>[];
  /** Whether there are more than `limit` addresses. */
  readonly truncated: boolean;
}

/** Addresses that occur more than once in a group, for example on a segment; at most `limit` addresses. O(n log n). */
export function findDuplicates<T>(
  items: Iterable<IpItem<T>>,
  group: (value: T) => string = () => "",
  limit: number = DEFAULT_LIMIT,
): Duplicates<T> {
  // Sorted, not hashed: engines hash only the low 64 bits of a bigint, which are often equal.
  const sorted = Array.from(items).sort((a, b) => compareIp(a.ip, b.ip));
  const duplicates: Duplicate<T>[] = [];
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    const ip = sorted[start]?.ip;
    while (end < sorted.length && sorted[end]?.ip === ip) end++;
    if (ip === undefined || end - start < 2) continue;
    for (const [name, same] of groupBy(sorted.slice(start, end), group)) {
      if (same.length < 2) continue;
      if (duplicates.length >= limit) return { duplicates, truncated: true };
      duplicates.push({ ip, group: name, values: same });
    }
  }
  return { duplicates, truncated: false };
}

function groupBy<T>(items: readonly IpItem<T>[], group: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const { value } of items) {
    const name = group(value);
    const values = groups.get(name);
    if (values === undefined) groups.set(name, [value]);
    else values.push(value);
  }
  return groups;
}
