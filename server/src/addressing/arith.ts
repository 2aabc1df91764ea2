/**
 * Arithmetic for both families. Both arguments must be of the same family. Results are exact: an IPv4 quantity never
 * exceeds 2^33, and doubles are exact up to 2^53.
 */
import type { Ip } from "./types.ts";

/** a + b */
export function plus(a: Ip, b: Ip): Ip {
  return typeof a === "number" && typeof b === "number" ? a + b : BigInt(a) + BigInt(b);
}

/** a − b */
export function minus(a: Ip, b: Ip): Ip {
  return typeof a === "number" && typeof b === "number" ? a - b : BigInt(a) - BigInt(b);
}

/** ⌊a / 2^n⌋, for a ≥ 0 */
export function shiftRight(a: Ip, n: number): Ip {
  return typeof a === "number" ? Math.floor(a / 2 ** n) : a >> BigInt(n);
}

/** a · 2^n */
export function shiftLeft(a: Ip, n: number): Ip {
  return typeof a === "number" ? a * 2 ** n : a << BigInt(n);
}

/** `n` with the number type of the family of `like`; undefined if `n` is not an integer. */
export function countLike(like: Ip, n: number | bigint): Ip | undefined {
  if (typeof n === "number" && !Number.isInteger(n)) return undefined;
  return typeof like === "number" ? Number(n) : BigInt(n);
}
