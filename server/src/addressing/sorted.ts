/**
 * Binary search in ascending addresses of one family. One function a family: a loop that has seen both numbers and
 * bigints compares several times slower than one that has seen one kind only.
 */
import type { Ip } from "./ip.ts";

/** Ascending values, by family. What is an index here is one in the arrays that go with it. */
export type Ascending =
  | { readonly family: 4; readonly values: ArrayLike<number> }
  | { readonly family: 6; readonly values: ArrayLike<bigint> };

/** Ascending values of one family as they come from a sort; the caller vouches for the order. */
export function ascending(family: 4 | 6, values: readonly Ip[]): Ascending {
  if (family === 6) return { family, values: values.map(BigInt) };
  // Not Float64Array.from with a function: that goes through an iterator, ten times slower.
  const numbers = new Float64Array(values.length);
  for (const [i, value] of values.entries()) numbers[i] = Number(value);
  return { family, values: numbers };
}

/** How many values are ≤ `ip`: the index after the last of them. Zero for an address of the other family. */
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
