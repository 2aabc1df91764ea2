/**
 * Longest-prefix match. Two prefixes either nest or are disjoint. Sorted by address, then by length (shorter first), each
 * prefix follows the prefixes that contain it, so the longest match of an address is the last prefix that starts at or
 * below the address, or a prefix that contains that one. A table consists of the sorted prefixes and, for each prefix, the
 * index of the smallest prefix that contains it. Building a table costs a sort; a lookup costs one binary search,
 * regardless of the prefix lengths. Bigints are not hashed: engines hash only their low 64 bits, which are equal for all
 * /64 networks.
 */
import { compareIp } from "./address.ts";
import { comparePrefix, lastAddress, prefixCovers, prefixEquals } from "./prefix.ts";
import { type Ascending, ascending, upperBound } from "./sorted.ts";
import type { Ip, Prefix } from "./types.ts";

export interface PrefixMatch<T> {
  readonly prefix: Prefix;
  /** In input order; never empty. */
  readonly values: readonly T[];
}

/** Values by prefix. One table contains both families; a prefix can have several values. */
export interface PrefixTable<T> {
  /** The number of values. */
  size(): number;
  /** The values of the longest prefix that contains the address; [] without a match. */
  lookup(ip: Ip): readonly T[];
  /** All prefixes that contain the address, longest first. */
  matches(ip: Ip): Iterable<PrefixMatch<T>>;
  /** The values of exactly this prefix; [] if the table does not contain it. */
  get(prefix: Prefix): readonly T[];
  /** All values: IPv4 first, by address, then by length (shorter first), then in input order. */
  entries(): Iterable<readonly [Prefix, T]>;
  /** All prefixes that contain `prefix`, including the prefix itself, longest first. */
  covering(prefix: Prefix): Iterable<PrefixMatch<T>>;
  /** All prefixes within `prefix`, including the prefix itself, in the order of `entries`. */
  coveredBy(prefix: Prefix): Iterable<PrefixMatch<T>>;
}

/** The part of one family: parallel arrays. */
interface Rows<T> {
  readonly matches: readonly PrefixMatch<T>[];
  readonly firsts: Ascending;
  readonly lasts: readonly Ip[];
  /** Index of the smallest prefix that contains this one, or −1. */
  readonly parents: Int32Array;
}

const NOTHING: readonly never[] = [];

export function buildPrefixTable<T>(entries: Iterable<readonly [Prefix, T]>): PrefixTable<T> {
  const list4: (readonly [Prefix, T])[] = [];
  const list6: (readonly [Prefix, T])[] = [];
  for (const entry of entries) (typeof entry[0].ip === "number" ? list4 : list6).push(entry);
  const size = list4.length + list6.length;
  const rows4 = buildRows(4, list4.sort(compareEntries4));
  const rows6 = buildRows(6, list6.sort(compareEntries));
  const rowsOf = (ip: Ip) => (typeof ip === "number" ? rows4 : rows6);

  return {
    size: () => size,
    lookup: (ip) => {
      const rows = rowsOf(ip);
      return rows.matches[longestMatch(rows, ip)]?.values ?? NOTHING;
    },
    matches: (ip) => {
      const rows = rowsOf(ip);
      return upwards(rows, longestMatch(rows, ip));
    },
    get: (prefix) => {
      const rows = rowsOf(prefix.ip);
      const match = rows.matches[lastNotAfter(rows, prefix)];
      return match !== undefined && prefixEquals(match.prefix, prefix) ? match.values : NOTHING;
    },
    entries: function* () {
      for (const { matches } of [rows4, rows6]) {
        for (const { prefix, values } of matches) for (const value of values) yield [prefix, value] as const;
      }
    },
    covering: (prefix) => {
      const rows = rowsOf(prefix.ip);
      let index = lastNotAfter(rows, prefix);
      for (let match = rows.matches[index]; match !== undefined; match = rows.matches[index]) {
        if (prefixCovers(match.prefix, prefix)) break;
        index = rows.parents[index] ?? -1;
      }
      return upwards(rows, index);
    },
    coveredBy: function* (prefix) {
      const rows = rowsOf(prefix.ip);
      let index = lastNotAfter(rows, prefix);
      // The prefixes within `prefix` follow it without a gap; `prefix` itself can be in the table.
      if (index < 0 || !prefixEquals(rows.matches[index]?.prefix ?? NO_PREFIX, prefix)) index++;
      for (let match = rows.matches[index]; match !== undefined; match = rows.matches[++index]) {
        if (!prefixCovers(prefix, match.prefix)) return;
        yield match;
      }
    },
  };
}

/**
 * The prefixes of one family, mapped to other values. A value is computed at its first lookup and cached: of thousands of
 * prefixes, few are ever looked up.
 */
export function mapPrefixTable<T, U>(
  table: PrefixTable<T>,
  family: 4 | 6,
  make: (match: PrefixMatch<T>) => U,
): PrefixTable<U> {
  const everything = family === 4 ? ALL_4 : ALL_6;
  const isOurs = (ip: Ip): boolean => typeof ip === typeof everything.ip;
  return {
    ...mapped<T, U>(table, isOurs, (match) => [make(match)]),
    size() {
      let size = 0;
      for (const _ of table.coveredBy(everything)) size++;
      return size;
    },
  };
}

/** Items by prefix, from a table of their indexes, which remains valid when items are replaced that have the same prefixes. */
export function itemsByPrefix<T>(indexes: PrefixTable<number>, items: readonly T[]): PrefixTable<T> {
  return mapped(
    indexes,
    () => true,
    ({ values }) => values.flatMap((index) => items.slice(index, index + 1)),
  );
}

/** `isOurs`: whether the result has the prefixes of an address's family. Its size is the size of the original table. */
function mapped<T, U>(
  table: PrefixTable<T>,
  isOurs: (ip: Ip) => boolean,
  make: (match: PrefixMatch<T>) => readonly U[],
): PrefixTable<U> {
  const made = new Map<readonly T[], PrefixMatch<U>>();
  const matchOf = (match: PrefixMatch<T>): PrefixMatch<U> => {
    // The table always returns the same list object for a prefix.
    let found = made.get(match.values);
    if (found === undefined) {
      found = { prefix: match.prefix, values: make(match) };
      made.set(match.values, found);
    }
    return found;
  };
  return {
    size: () => table.size(),
    lookup: (ip) => {
      if (isOurs(ip)) for (const match of table.matches(ip)) return matchOf(match).values;
      return NOTHING;
    },
    matches: (ip) => (isOurs(ip) ? Array.from(table.matches(ip), matchOf) : NOTHING),
    get: (prefix) => {
      const values = isOurs(prefix.ip) ? table.get(prefix) : NOTHING;
      return values.length === 0 ? NOTHING : matchOf({ prefix, values }).values;
    },
    entries: function* () {
      for (const everything of [ALL_4, ALL_6]) {
        if (!isOurs(everything.ip)) continue;
        for (const match of table.coveredBy(everything)) {
          for (const value of matchOf(match).values) yield [match.prefix, value] as const;
        }
      }
    },
    covering: (prefix) => (isOurs(prefix.ip) ? Array.from(table.covering(prefix), matchOf) : NOTHING),
    coveredBy: function* (prefix) {
      if (isOurs(prefix.ip)) for (const match of table.coveredBy(prefix)) yield matchOf(match);
    },
  };
}

const ALL_4: Prefix = { ip: 0, len: 0 };
const ALL_6: Prefix = { ip: 0n, len: 0 };

export const emptyPrefixTable: PrefixTable<never> = buildPrefixTable<never>([]);

const NO_PREFIX: Prefix = { ip: -1, len: 0 };

function compareEntries(a: readonly [Prefix, unknown], b: readonly [Prefix, unknown]): number {
  return comparePrefix(a[0], b[0]);
}

/** The same order for IPv4 lists: address and length combined in one exact number (38 bits). */
function compareEntries4(a: readonly [Prefix, unknown], b: readonly [Prefix, unknown]): number {
  return Number(a[0].ip) * 64 + a[0].len - (Number(b[0].ip) * 64 + b[0].len);
}

/** `sorted` must be in the order of `comparePrefix`. */
function buildRows<T>(family: 4 | 6, sorted: readonly (readonly [Prefix, T])[]): Rows<T> {
  const matches: { prefix: Prefix; values: T[] }[] = [];
  const lasts: Ip[] = [];
  const parents: number[] = [];
  for (const [prefix, value] of sorted) {
    const previous = matches.length - 1;
    const before = matches[previous];
    if (before !== undefined && prefixEquals(before.prefix, prefix)) {
      before.values.push(value);
      continue;
    }
    // The parent is the preceding prefix, or one of its parents.
    let parent = previous;
    while (parent >= 0 && (lasts[parent] ?? -1) < prefix.ip) parent = parents[parent] ?? -1;
    matches.push({ prefix, values: [value] });
    lasts.push(lastAddress(prefix));
    parents.push(parent);
  }
  const firsts = ascending(
    family,
    matches.map((match) => match.prefix.ip),
  );
  return { matches, firsts, lasts, parents: Int32Array.from(parents) };
}

/** Index of the longest prefix that contains the address, or −1. */
function longestMatch<T>(rows: Rows<T>, ip: Ip): number {
  let index = upperBound(rows.firsts, ip) - 1;
  while (index >= 0 && (rows.lasts[index] ?? -1) < ip) index = rows.parents[index] ?? -1;
  return index;
}

/** Index of the last row that does not sort after `prefix`, or −1. */
function lastNotAfter<T>(rows: Rows<T>, prefix: Prefix): number {
  let index = upperBound(rows.firsts, prefix.ip) - 1;
  // At most 33 (IPv4) or 129 (IPv6) prefixes start at the same address.
  for (let match = rows.matches[index]; match !== undefined; match = rows.matches[--index]) {
    if (compareIp(match.prefix.ip, prefix.ip) !== 0 || match.prefix.len <= prefix.len) break;
  }
  return index;
}

function upwards<T>(rows: Rows<T>, from: number): readonly PrefixMatch<T>[] {
  const found: PrefixMatch<T>[] = [];
  let index = from;
  for (let match = rows.matches[index]; match !== undefined; match = rows.matches[index]) {
    found.push(match);
    index = rows.parents[index] ?? -1;
  }
  return found;
}
