/**
 * Arithmetic that is the same for both families. The two arguments are of one family; results are exact: an IPv4
 * quantity never exceeds 2^33, far below what a double counts exactly.
 */
import type { Ip } from "./ip.ts";

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

/** A whole number in the type that counts addresses of `like`'s family; undefined when it is none. */
export function countLike(like: Ip, n: number | bigint): Ip | undefined {
  if (typeof n === "number" && !Number.isInteger(n)) return undefined;
  return typeof like === "number" ? Number(n) : BigInt(n);
}
