/** Arithmetic and classification of single addresses. */
import { countLike, plus } from "./arith.ts";
import type { Family, Ip } from "./types.ts";

const MAX_4 = 0xffffffff;
const MAX_6 = (1n << 128n) - 1n;

export function family(ip: Ip): Family {
  return typeof ip === "number" ? 4 : 6;
}

/** The address length of the family in bits. */
export function bits(ip: Ip): 32 | 128 {
  return typeof ip === "number" ? 32 : 128;
}

/** Whether address and family are equal: 0.0.0.1 is not ::1. */
export function ipEquals(a: Ip, b: Ip): boolean {
  return a === b;
}

/** A key for sets and maps. Engines hash only the low 64 bits of a bigint, which are often equal. */
export function ipKey(ip: Ip): number | string {
  return typeof ip === "number" ? ip : ip.toString(36);
}

/** Sort order: IPv4 before IPv6, then by value. */
export function compareIp(a: Ip, b: Ip): number {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `ip` + `n`, where `n` can be negative; undefined outside the address space of the family. */
export function addIp(ip: Ip, n: number | bigint): Ip | undefined {
  const count = countLike(ip, n);
  if (count === undefined) return undefined;
  const sum = plus(ip, count);
  return sum >= 0 && sum <= (typeof ip === "number" ? MAX_4 : MAX_6) ? sum : undefined;
}

/** The IPv4 address of an IPv4-mapped address, ::ffff:a.b.c.d (RFC 4291 §2.5.5.2); any other address unchanged. */
export function unmapped(ip: Ip): Ip {
  return typeof ip === "bigint" && ip >> 32n === 0xffffn ? Number(ip & 0xffffffffn) : ip;
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3) or ::1 (RFC 4291 §2.5.3). */
export function isLoopback(ip: Ip): boolean {
  return typeof ip === "number" ? ip >>> 24 === 127 : ip === 1n;
}

/** 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(ip: Ip): boolean {
  return typeof ip === "number" ? ip >>> 16 === 0xa9fe : ip >> 118n === 0x3fan;
}

/** 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291 §2.7). */
export function isMulticast(ip: Ip): boolean {
  return typeof ip === "number" ? ip >>> 28 === 14 : ip >> 120n === 0xffn;
}
