/**
 * Names and MAC addresses that the real programs choose at random (veth names, MAC addresses) or derive from a
 * container ID (CNI- chains) are derived here from the path of the object, so a file always results in the same
 * network. FNV-1a (draft-eastlake-fnv) with a final mix; nothing here is secret.
 */
import type { Mac } from "../dataplane/model.ts";

const PRIME = 0x01000193;

export function hash32(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** `digits` hexadecimal digits that depend on the text. */
export function hexOf(text: string, digits: number): string {
  let hex = "";
  for (let seed = 0x811c9dc5; hex.length < digits; seed = Math.imul(seed, 31) + 7) {
    hex += hash32(text, seed).toString(16).padStart(8, "0");
  }
  return hex.slice(0, digits);
}

const OCTETS: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));

/**
 * A locally administered unicast address. The first octet is 02, 0e as on flannel's VTEPs (pkg/mac), or 66 as on
 * Calico's (felix/calc/vxlan_resolver.go: the letter "f" and a hash).
 */
export function macOf(text: string, first: "02" | "0e" | "66" = "02"): Mac {
  const hash = hash32(text);
  const last = hash32(text, 0x2545f491) & 255;
  return `${first}:${OCTETS[hash >>> 24]}:${OCTETS[(hash >>> 16) & 255]}:${OCTETS[(hash >>> 8) & 255]}:${OCTETS[hash & 255]}:${OCTETS[last]}`;
}

/** A 32-byte key in base64, as WireGuard writes it. */
export function keyOf(text: string): string {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const bits = [...hexOf(text, 64)].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
  const padded = bits.padEnd(258, "0");
  return `${Array.from({ length: 43 }, (_, i) => digits[Number.parseInt(padded.slice(i * 6, i * 6 + 6), 2)] ?? "A").join("")}=`;
}

/** The link-local address that the kernel derives from a MAC address (modified EUI-64, RFC 4291 appendix A). */
export function linkLocalOf(mac: Mac): bigint {
  const octets = mac.split(":").map((octet) => Number.parseInt(octet, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = octets;
  const high = BigInt((((a ^ 2) * 256 + b) * 256 + c) * 256 + 0xff);
  const low = BigInt(((0xfe * 256 + d) * 256 + e) * 256 + f);
  return (0xfe80n << 112n) | (high << 32n) | low;
}
