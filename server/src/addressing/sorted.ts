/**
 * Binary search in ascending addresses of one family. There is one function per family: a loop that handles both numbers
 * and bigints is several times slower than a loop that handles only one of the two types.
 */
import type { Ip } from "./types.ts";

/** Ascending values of one family; an index is also valid in the parallel arrays of the caller. */
export type Ascending =
  | { readonly family: 4; readonly values: ArrayLike<number> }
  | { readonly family: 6; readonly values: ArrayLike<bigint> };

/** Wraps sorted values of one family. The order is not checked. */
export function ascending(family: 4 | 6, values: readonly Ip[]): Ascending {
  if (family === 6) return { family, values: values.map(BigInt) };
  // Float64Array.from with a function uses an iterator and is ten times slower.
  const numbers = new Float64Array(values.length);
  for (const [i, value] of values.entries()) numbers[i] = Number(value);
  return { family, values: numbers };
}

/** The number of values ≤ `ip`, which is the index after the last one; 0 if the family differs. */
export function upperBound(sorted: Ascending, ip: Ip): number {
  if (sorted.family === 4) return typeof ip === "number" ? upperBound4(sorted.values, ip) : 0;
  return typeof ip === "bigint" ? upperBound6(sorted.values, ip) : 0;
}

function upperBound4(values: ArrayLike<number>, ip: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = values[middle];
    if (value !== undefined && value <= ip) low = middle + 1;
    else high = middle;
  }
  return low;
}

function upperBound6(values: ArrayLike<bigint>, ip: bigint): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = values[middle];
    if (value !== undefined && value <= ip) low = middle + 1;
    else high = middle;
  }
  return low;
}
