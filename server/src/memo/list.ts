/**
 * Queries over lists. After an edit, only the items that it replaced are computed again, not the 5,000 others. If no
 * result has changed, the list of the results is the same object as before.
 */
import { type Lineage, lineageOf, succeed, succeedList } from "./lineage.ts";
import { valueAt } from "./memo.ts";
import { sameList, sameMembers } from "./same.ts";
import { sideTable } from "./side-table.ts";

interface KnownRows<L extends readonly unknown[], G extends readonly unknown[], V> {
  readonly lists: Lists<L>;
  readonly given: G;
  readonly results: readonly V[];
}

/** Lists of equal length. */
type Lists<L extends readonly unknown[]> = { readonly [I in keyof L]: readonly L[I][] };

/**
 * One result per item; `given`: the other values on which the results depend. `isSame`: whether an item's old result can
 * stay in place of the new one.
 */
export function perItem<T, V, G extends readonly unknown[] = []>(
  compute: (item: T, ...given: G) => V,
  isSame: (a: V, b: V) => boolean = Object.is,
): (list: readonly T[], ...given: G) => readonly V[] {
  const rows = byIndex<[T], V, G>(([list], index, ...given) => compute(list[index]!, ...given), isSame);
  return (list, ...given) => rows([list], ...given);
}

/** The same for lists of equal length: one result per index, which depends on the items at this index. */
export function perRow<L extends readonly [unknown, ...unknown[]], V, G extends readonly unknown[] = []>(
  compute: (items: L, index: number, ...given: G) => V,
  isSame: (a: V, b: V) => boolean = Object.is,
): (lists: Lists<L>, ...given: G) => readonly V[] {
  return byIndex<L, V, G>(
    (lists, index, ...given) => compute(lists.map((list) => list[index]) as unknown as L, index, ...given),
    isSame,
  );
}

function byIndex<L extends readonly [unknown, ...unknown[]], V, G extends readonly unknown[]>(
  compute: (lists: Lists<L>, index: number, ...given: G) => V,
  isSame: (a: V, b: V) => boolean,
): (lists: Lists<L>, ...given: G) => readonly V[] {
  const known = sideTable<Lineage, KnownRows<L, G, V>>();
  return (lists, ...given) => {
    const lineage = lineageOf(lists[0]);
    const before = known.get(lineage);
    const isReady = before !== undefined && sameMembers(before.given, given);
    if (isReady && sameMembers(before.lists, lists)) return before.results;
    const at = (index: number): V => compute(lists, index, ...given);
    const results = isReady ? renewed(before, lists, at, isSame) : allOf(before?.results, lists[0], at, isSame);
    known.set(lineage, { lists, given, results });
    return results;
  };
}

function renewed<L extends readonly [unknown, ...unknown[]], V>(
  { lists: old, results }: Pick<KnownRows<L, readonly unknown[], V>, "lists" | "results">,
  lists: Lists<L>,
  at: (index: number) => V,
  isSame: (a: V, b: V) => boolean,
): readonly V[] {
  const { length } = lists[0];
  let copy = length === results.length ? undefined : results.slice(0, length);
  const changed: number[] = [];
  for (const index of changedIndexes(old, lists)) {
    const value = at(index);
    if (index < results.length && isSame(results[index] as V, value)) continue;
    copy ??= [...results];
    copy[index] = value;
    changed.push(index);
  }
  if (copy === undefined) return results;
  noteDifferences(results, succeed(results, copy), changed);
  return copy;
}

/** Ascending. */
function changedIndexes<L extends readonly unknown[]>(old: Lists<L>, lists: Lists<L>): readonly number[] {
  const [changed = [], ...others] = lists
    .map((list, i) => differences(old[i] ?? [], list))
    .filter(({ length }) => length > 0);
  return others.length === 0 ? changed : [...new Set([...changed, ...others.flat()])].sort((a, b) => a - b);
}

interface KnownDifferences {
  readonly old: readonly unknown[];
  readonly list: readonly unknown[];
  readonly changed: readonly number[];
}

const knownDifferences = sideTable<Lineage, KnownDifferences>();

/** Dozens of queries over the same list need the same comparison after each build. */
function differences(old: readonly unknown[], list: readonly unknown[]): readonly number[] {
  if (old === list) return [];
  const lineage = lineageOf(list);
  const known = knownDifferences.get(lineage);
  if (known !== undefined && known.old === old && known.list === list) return known.changed;
  const changed: number[] = [];
  for (let i = 0; i < list.length; i += 1) if (list[i] !== old[i]) changed.push(i);
  noteDifferences(old, list, changed);
  return changed;
}

/** `changed`: at least the indexes of the items that differ, ascending. */
function noteDifferences(old: readonly unknown[], list: readonly unknown[], changed: readonly number[]): void {
  knownDifferences.set(lineageOf(list), { old, list, changed });
}

/** All results computed again; equal ones stay. */
function allOf<V>(
  before: readonly V[] | undefined,
  list: readonly unknown[],
  at: (index: number) => V,
  isSame: (a: V, b: V) => boolean,
): readonly V[] {
  // `map` allocates an array of the exact size, and is several times faster than `Array.from`.
  const results = list.map((_, index) => at(index));
  if (before === undefined) return results;
  for (let i = 0; i < Math.min(results.length, before.length); i += 1) {
    const old = before[i] as V;
    if (isSame(old, results[i] as V)) results[i] = old;
  }
  return succeedList(before, results);
}

/* ------------------------------------------------------------------ groups */

interface KnownGroups<T, K> {
  readonly list: readonly T[];
  readonly groups: ReadonlyMap<K, readonly T[]>;
}

/** The items by their keys, in order; an item occurs once, and can have several keys, each once. A group without changes is the same list as before. */
export function groups<T, K>(keysOf: (item: T) => readonly K[]): (list: readonly T[]) => ReadonlyMap<K, readonly T[]> {
  const known = sideTable<Lineage, KnownGroups<T, K>>();
  return (list) => {
    const lineage = lineageOf(list);
    const before = known.get(lineage);
    if (before?.list === list) return before.groups;
    const found = (before && replacedIn(before, list, keysOf)) ?? grouped(before?.groups, list, keysOf);
    known.set(lineage, { list, groups: succeed(before?.groups, found) });
    return found;
  };
}

/** Undefined if the keys of an item have changed. */
function replacedIn<T, K>(
  { list: old, groups: before }: KnownGroups<T, K>,
  list: readonly T[],
  keysOf: (item: T) => readonly K[],
): ReadonlyMap<K, readonly T[]> | undefined {
  if (old.length !== list.length) return undefined;
  const changed = differences(old, list);
  if (changed.length === 0) return before;
  const replaced = new Map<K, Map<T, T>>();
  for (const index of changed) {
    const [was, is] = [old[index] as T, list[index] as T];
    const keys = keysOf(is);
    if (!sameMembers(keysOf(was), keys)) return undefined;
    for (const key of keys) valueAt(replaced, key, () => new Map<T, T>()).set(was, is);
  }
  const found = new Map(before);
  for (const [key, own] of replaced) {
    const group = before.get(key) ?? [];
    found.set(key, succeed(group, withReplaced(group, own)));
  }
  return found;
}

function withReplaced<T>(group: readonly T[], own: ReadonlyMap<T, T>): readonly T[] {
  if (own.size > 8) return group.map((item) => own.get(item) ?? item);
  const copy = [...group];
  for (const [was, is] of own) copy[group.indexOf(was)] = is;
  return copy;
}

function grouped<T, K>(
  before: ReadonlyMap<K, readonly T[]> | undefined,
  list: readonly T[],
  keysOf: (item: T) => readonly K[],
): ReadonlyMap<K, readonly T[]> {
  const found = new Map<K, T[]>();
  for (const item of list) for (const key of keysOf(item)) valueAt(found, key, (): T[] => []).push(item);
  return new Map([...found].map(([key, group]) => [key, succeed(before?.get(key), sameList(before?.get(key), group))]));
}

/* ----------------------------------------------------------------- repeats */

interface KnownCounts<T, K> {
  readonly list: readonly T[];
  readonly counts: Map<K, number>;
  readonly repeated: ReadonlySet<K>;
}

/** The keys that several items have, or one item several times. After an edit, only the replaced items are counted again. */
export function repeats<T, K>(keysOf: (item: T) => readonly K[]): (list: readonly T[]) => ReadonlySet<K> {
  const known = sideTable<Lineage, KnownCounts<T, K>>();
  return (list) => {
    const lineage = lineageOf(list);
    const before = known.get(lineage);
    if (before?.list === list) return before.repeated;
    const found =
      before === undefined || before.list.length !== list.length
        ? counted(list, keysOf)
        : recounted(before, list, keysOf);
    known.set(lineage, found);
    return found.repeated;
  };
}

function counted<T, K>(list: readonly T[], keysOf: (item: T) => readonly K[]): KnownCounts<T, K> {
  const counts = new Map<K, number>();
  const repeated = new Set<K>();
  for (const item of list) for (const key of keysOf(item)) if (addTo(counts, key, 1) > 1) repeated.add(key);
  return { list, counts, repeated };
}

/** The counts of `before` are changed, not copied: this is the only place that reads them. */
function recounted<T, K>(
  { list: old, counts, repeated: before }: KnownCounts<T, K>,
  list: readonly T[],
  keysOf: (item: T) => readonly K[],
): KnownCounts<T, K> {
  const touched = new Set<K>();
  const count = (item: T, by: 1 | -1): void => {
    for (const key of keysOf(item)) {
      addTo(counts, key, by);
      touched.add(key);
    }
  };
  for (const index of differences(old, list)) {
    count(old[index] as T, -1);
    count(list[index] as T, 1);
  }
  const isRepeated = (key: K): boolean => (counts.get(key) ?? 0) > 1;
  if ([...touched].every((key) => before.has(key) === isRepeated(key))) return { list, counts, repeated: before };
  const repeated = new Set([...before, ...touched].filter(isRepeated));
  return { list, counts, repeated: succeed(before, repeated) };
}

function addTo<K>(counts: Map<K, number>, key: K, by: number): number {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
  return count;
}
