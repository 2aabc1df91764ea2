/**
 * Which ranges overlap, and which addresses are used twice. Ranges are visited in address order; for each group those
 * visited before are kept until one is passed. What is looked at is therefore either reported or dropped for good, and
 * groups that may overlap (a cluster's pod range and its node blocks) are not looked at for one another: 150,000
 * addresses inside one range that rightly contains them cost a sort and a step each.
 */
import { compareIp } from "./address.ts";
import type { Ip, IpRange } from "./ip.ts";

export interface RangeItem<T> {
  readonly range: IpRange;
  readonly value: T;
}

/** What a is to b. */
export type OverlapKind = "equal" | "contains" | "within" | "partial";

export interface Overlap<T> {
  /** The one that comes first in the input. */
  readonly a: RangeItem<T>;
  readonly b: RangeItem<T>;
  readonly kind: OverlapKind;
}

export interface OverlapOptions<T> {
  /**
   * Items that are alike for `related`. Take few: beyond sorting, an item costs a step for each group that has a range at
   * the same place, and `related` is asked at most once for each two groups that meet.
   */
  readonly group: (value: T) => string;
  /** Is an overlap between items of these groups (or inside one group) of interest? Symmetric. */
  readonly related: (groupA: string, groupB: string) => boolean;
  /** The most pairs to report; 1000 unless given. */
  readonly limit?: number;
}

export interface Overlaps<T> {
  /** By the address where the overlap begins; each pair once. */
  readonly overlaps: readonly Overlap<T>[];
  /** Are there more than `limit`? */
  readonly truncated: boolean;
}

/** An item while it is searched. */
interface Entry<T> {
  readonly item: RangeItem<T>;
  readonly index: number;
  readonly group: Group<T>;
}

interface Group<T> {
  readonly name: string;
  /** Position in the list of groups, for `related`. */
  readonly id: number;
  /** Answers of `related` by the other group's id, as far as asked. */
  readonly related: (boolean | undefined)[];
  /** Entries visited; those that end before the current address are removed when the group is next looked at. */
  active: Entry<T>[];
  /** The last address of any active entry. */
  reach: Ip;
}

const DEFAULT_LIMIT = 1000;

/** All pairs of overlapping ranges of related groups, once each. O(n log n + reported), see `OverlapOptions.group`. */
export function findOverlaps<T>(items: Iterable<RangeItem<T>>, options: OverlapOptions<T>): Overlaps<T> {
  const limit = options.limit ?? DEFAULT_LIMIT;
  const overlaps: Overlap<T>[] = [];
  /** Groups that have active entries. */
  let groups: Group<T>[] = [];
  let family: string | undefined;

  for (const entry of sortedEntries(items, options.group)) {
    const { first, last } = entry.item.range;
    if (typeof first !== family) {
      // Nothing of one family reaches into the other.
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
  let answer = a.related[b.id];
  if (answer === undefined) {
    answer = related(a.name, b.name);
    a.related[b.id] = answer;
    b.related[a.id] = answer;
  }
  return answer;
}

function overlapOf<T>(x: Entry<T>, y: Entry<T>): Overlap<T> {
  const [a, b] = x.index < y.index ? [x.item, y.item] : [y.item, x.item];
  return { a, b, kind: overlapKind(a.range, b.range) };
}

/** What `a` is to `b`, of two ranges that overlap. */
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
  /** Two or more, in the order of the input. */
  readonly values: readonly T[];
}

export interface Duplicates<T> {
  /** By address. */
  readonly duplicates: readonly Duplicate<T>[];
  /** Are there more than `limit` addresses? */
  readonly truncated: boolean;
}

/** Addresses that occur more than once in one group, e.g. on one segment. O(n log n), reports at most `limit` addresses. */
export function findDuplicates<T>(
  items: Iterable<IpItem<T>>,
  group: (value: T) => string = () => "",
  limit: number = DEFAULT_LIMIT,
): Duplicates<T> {
  // Sorted rather than hashed: engines hash the low 64 bits of a bigint only, and those are often the same.
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
