/**
 * Values that are computed once. There are three kinds, by what decides whether a value is still valid:
 *
 * - `memo`: a function of one object, which never changes;
 * - `query` (`query.ts`): a function of an object that each build replaces; valid while everything that it read is the same;
 * - `perItem`, `perRow`, `groups` (`list.ts`): a function of a list; valid item by item.
 */

import { sameMembers } from "./same.ts";
import { sideTable } from "./side-table.ts";

/** A function of one object and, optionally, other values: the result for the last ones is known as long as the object exists. */
export function memo<K extends object, V, G extends readonly unknown[] = []>(
  compute: (key: K, ...given: G) => V,
): (key: K, ...given: G) => V {
  const known = sideTable<K, { readonly given: G; readonly value: V }>();
  return (key, ...given) => {
    const before = known.get(key);
    if (before !== undefined && sameMembers(before.given, given)) return before.value;
    const value = compute(key, ...given);
    known.set(key, { given, value });
    return value;
  };
}

interface Lookup<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** The map's value for a key, created if missing. */
export function valueAt<K, V>(map: Lookup<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** A value that is computed on first request. */
export function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => {
    known ??= { value: compute() };
    return known.value;
  };
}
