/**
 * Which object of one build takes the place of which object of the build before. Values know nothing about it: only
 * this file does, and forgets it with the last object.
 */

import { sameList } from "./same.ts";
import { sideTable } from "./side-table.ts";

/** All objects that took the same place. */
export interface Lineage {
  readonly lineage: true;
}

const lineages = sideTable<object, Lineage>();

export function lineageOf(value: object): Lineage {
  let lineage = lineages.get(value);
  if (lineage === undefined) {
    lineage = { lineage: true };
    lineages.set(value, lineage);
  }
  return lineage;
}

/** Notes that `next` takes the place of `before`: results about `before` are compared and reused for `next`. */
export function succeed<T>(before: unknown, next: T): T {
  if (isObject(before) && isObject(next)) lineages.set(next, lineageOf(before));
  return next;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The list of the build before if the new one has the same members; otherwise the new list, in its place. */
export function succeedList<T>(before: readonly T[] | undefined, list: readonly T[]): readonly T[] {
  const same = sameList(before, list);
  return same === list ? succeed(before, list) : same;
}
