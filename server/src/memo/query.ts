/** Queries over an object that each build replaces, such as a topology or a cluster. */
import { type Lineage, lineageOf, succeed } from "./lineage.ts";
import { sameMembers } from "./same.ts";
import { sideTable } from "./side-table.ts";

/** Reads a part of the object. `isSame`: whether the result is still valid with another value of the part. */
export type Read<K> = <T>(select: (key: K) => T, isSame?: (a: T, b: T) => boolean) => T;

interface Reading<K> {
  /** Whether the object still has the value that was read. */
  holds(key: K): boolean;
}

interface Known<K, V, G> {
  readonly given: G;
  readonly readings: readonly Reading<K>[];
  readonly value: V;
}

/**
 * The function receives `read` instead of the object, so it depends on nothing that was not recorded. After the next
 * build, the readings are repeated in order; the function runs again if one of them differs. `given`: other values on
 * which the result depends. `before`: the previous result, parts of which can be used again.
 */
export function query<K extends object, V, G extends readonly unknown[] = []>(
  compute: (read: Read<K>, before: V | undefined, ...given: G) => V,
): (key: K, ...given: G) => V {
  const known = sideTable<Lineage, Known<K, V, G>>();
  return (key, ...given) => {
    const lineage = lineageOf(key);
    const before = known.get(lineage);
    if (before !== undefined && sameMembers(before.given, given) && before.readings.every((one) => one.holds(key))) {
      return before.value;
    }
    const readings: Reading<K>[] = [];
    const read: Read<K> = (select, isSame = Object.is) => {
      const part = select(key);
      readings.push({ holds: (other) => isSame(part, select(other)) });
      return part;
    };
    const value = succeed(before?.value, compute(read, before?.value, ...given));
    known.set(lineage, { given, readings, value });
    return value;
  };
}
