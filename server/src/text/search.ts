/** Binary search. */

/** The number of entries below `value` in an ascending list. */
export function countBelow(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the last number ≤ `limit`, or -1, in an ascending list of whole numbers. */
export function lastUpTo(ascending: readonly number[], limit: number): number {
  return countBelow(ascending, limit + 1) - 1;
}

/** The smallest n below `end` that satisfies a monotonic predicate (false, then true); `end` if no n satisfies it. */
export function firstThat(end: number, matches: (n: number) => boolean): number {
  let low = 0;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (matches(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
