/** Comparisons that keep an old object in place of an equal new one, so that everything derived from it remains valid. */

/** The old list if the new one has the same members. */
export function sameList<T>(old: readonly T[] | undefined, list: readonly T[]): readonly T[] {
  return old !== undefined && sameMembers(old, list) ? old : list;
}

export function sameMembers<T>(a: ArrayLike<T>, b: ArrayLike<T>): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** The old map if the new one has the same entries in the same order. */
export function sameMap<K, V>(old: ReadonlyMap<K, V> | undefined, map: ReadonlyMap<K, V>): ReadonlyMap<K, V> {
  return old !== undefined &&
    sameMembers([...old.keys()], [...map.keys()]) &&
    sameMembers([...old.values()], [...map.values()])
    ? old
    : map;
}

/** Whether two records have the same fields. */
export function sameRecord(a: object, b: object): boolean {
  if (a === b) return true;
  const [entries, others] = [Object.entries(a), Object.entries(b)];
  return (
    entries.length === others.length &&
    entries.every(([key, value], i) => others[i]?.[0] === key && others[i][1] === value)
  );
}
