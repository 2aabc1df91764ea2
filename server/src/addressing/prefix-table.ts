/**
 * Longest-prefix match. Prefixes either nest or are disjoint, so in the order "by address, then the shorter length" each
 * one follows what contains it, and the longest match of an address is the last prefix that begins at or before it, or
 * one of those around that prefix. A table is the sorted prefixes and for each the index of the next one around it:
 * building costs a sort, a look-up one binary search whatever lengths there are, and no hash of a bigint is involved
 * (engines hash its low 64 bits only, which are equal in all /64 networks).
 */
import { compareIp } from "./address.ts";
import type { Ip, Prefix } from "./ip.ts";
import { comparePrefix, lastAddress, prefixCovers, prefixEquals } from "./prefix.ts";
import { type Ascending, ascending, upperBound } from "./sorted.ts";

export interface PrefixMatch<T> {
  readonly prefix: Prefix;
  /** In the order in which they were given; never empty. */
  readonly values: readonly T[];
}

/** Values by prefix; both families in one table, several values at one prefix. */
export interface PrefixTable<T> {
  /** The number of values. */
  readonly size: number;
  /** The values at the longest prefix that contains the address; [] if there is none. */
  lookup(ip: Ip): readonly T[];
  /** All prefixes that contain the address, the longest first. */
  matches(ip: Ip): Iterable<PrefixMatch<T>>;
  /** The values at exactly this prefix; [] if there is none. */
  get(prefix: Prefix): readonly T[];
  /** All values: IPv4 first, by address, then the shorter length, then as given. */
  entries(): Iterable<readonly [Prefix, T]>;
  /** All prefixes that contain this one, itself included, the longest first. */
  covering(prefix: Prefix): Iterable<PrefixMatch<T>>;
  /** All prefixes that this one contains, itself included, in the order of `entries`. */
  coveredBy(prefix: Prefix): Iterable<PrefixMatch<T>>;
}

/** One family's part: rows of arrays that belong together. */
interface Rows<T> {
  readonly matches: readonly PrefixMatch<T>[];
  readonly firsts: Ascending;
  readonly lasts: readonly Ip[];
  /** Index of the next longer-reaching prefix around this one; −1: there is none. */
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
    size,
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
      // What the prefix contains follows it without a gap; it may be in the table itself.
      if (index < 0 || !prefixEquals(rows.matches[index]?.prefix ?? NO_PREFIX, prefix)) index++;
      for (let match = rows.matches[index]; match !== undefined; match = rows.matches[++index]) {
        if (!prefixCovers(prefix, match.prefix)) return;
        yield match;
      }
    },
  };
}

/**
 * The prefixes of one family with another value each. It is made when somebody asks for it, and kept: of thousands of
 * prefixes few are ever looked up.
 */
export function mapPrefixTable<T, U>(
  table: PrefixTable<T>,
  family: 4 | 6,
  make: (match: PrefixMatch<T>) => U,
): PrefixTable<U> {
  const made = new Map<readonly T[], PrefixMatch<U>>();
  const everything: Prefix = { ip: family === 4 ? 0 : 0n, len: 0 };
  const isOurs = (ip: Ip): boolean => typeof ip === typeof everything.ip;
  const matchOf = (match: PrefixMatch<T>): PrefixMatch<U> => {
    // The list of a prefix is the same one in every answer of the table.
    let mapped = made.get(match.values);
    if (mapped === undefined) {
      mapped = { prefix: match.prefix, values: [make(match)] };
      made.set(match.values, mapped);
    }
    return mapped;
  };
  return {
    get size() {
      let size = 0;
      for (const _ of table.coveredBy(everything)) size++;
      return size;
    },
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
      for (const match of table.coveredBy(everything)) {
        for (const value of matchOf(match).values) yield [match.prefix, value] as const;
      }
    },
    covering: (prefix) => (isOurs(prefix.ip) ? Array.from(table.covering(prefix), matchOf) : NOTHING),
    coveredBy: function* (prefix) {
      if (isOurs(prefix.ip)) for (const match of table.coveredBy(prefix)) yield matchOf(match);
    },
  };
}

export const emptyPrefixTable: PrefixTable<never> = buildPrefixTable<never>([]);

const NO_PREFIX: Prefix = { ip: -1, len: 0 };

function compareEntries(a: readonly [Prefix, unknown], b: readonly [Prefix, unknown]): number {
  return comparePrefix(a[0], b[0]);
}

/** The same order for a list of IPv4 only: address and length as one exact number (38 bits). */
function compareEntries4(a: readonly [Prefix, unknown], b: readonly [Prefix, unknown]): number {
  return Number(a[0].ip) * 64 + a[0].len - (Number(b[0].ip) * 64 + b[0].len);
}

/** `sorted` is in the order of `comparePrefix`. */
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
    // Around this prefix is the one before it or one around that one.
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

/** Index of the longest prefix that contains the address; −1: none does. */
function longestMatch<T>(rows: Rows<T>, ip: Ip): number {
  let index = upperBound(rows.firsts, ip) - 1;
  while (index >= 0 && (rows.lasts[index] ?? -1) < ip) index = rows.parents[index] ?? -1;
  return index;
}

/** Index of the last row that is `prefix` or sorts before it; −1: all sort after it. */
function lastNotAfter<T>(rows: Rows<T>, prefix: Prefix): number {
  let index = upperBound(rows.firsts, prefix.ip) - 1;
  // At one address lie at most 33 or 129 prefixes.
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
