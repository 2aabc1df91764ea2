/** Values that are computed once: by key, by object, or until an input changes. */

/** The last result, and its inputs. */
export interface Made<T> {
  readonly of: readonly unknown[];
  readonly result: T;
}

export interface Slot<T> {
  made: Made<T> | undefined;
}

/** The slot's result if its inputs are the same. `isLasting`: whether the next build can reuse the result. */
export function keptIn<T>(
  slot: Slot<T>,
  of: readonly unknown[],
  make: (before: Made<T> | undefined) => T,
  isLasting: (result: T) => boolean = () => true,
): T {
  if (slot.made !== undefined && sameMembers(slot.made.of, of)) return slot.made.result;
  const result = make(slot.made);
  slot.made = isLasting(result) ? { of, result } : undefined;
  return result;
}

/** The old list if the new one has the same members, so everything derived from it remains valid. */
export function sameList<T>(old: readonly T[] | undefined, made: readonly T[]): readonly T[] {
  return old !== undefined && sameMembers(old, made) ? old : made;
}

export function sameMembers<T>(a: ArrayLike<T>, b: ArrayLike<T>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** A value derived from one object alone, kept as long as the object exists. */
export function keptFor<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, { readonly value: V }>();
  return (key) => valueAt(known, key, () => ({ value: make(key) })).value;
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
