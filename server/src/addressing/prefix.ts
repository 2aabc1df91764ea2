/** Arithmetic of prefixes and subnets. A length must be 0 to `bits(ip)`: the parsers validate it. */
import { bits, compareIp } from "./address.ts";
import { countLike, minus, plus, shiftLeft, shiftRight } from "./arith.ts";
import type { Count, InterfaceAddress, Ip, IpRange, Prefix } from "./types.ts";

/** The network address: `ip` with the host bits cleared. `len` is 0 to `bits(ip)`. */
export function network(ip: Ip, len: number): Ip {
  // A shift by 32 is a shift by 0 in JavaScript, hence the division for IPv4.
  if (typeof ip === "number") return ip - (ip % 2 ** (32 - len));
  const host = BigInt(128 - len);
  return (ip >> host) << host;
}

/** The prefix of length `len` that contains `ip`. */
export function prefixOf(ip: Ip, len: number): Prefix {
  return { ip: network(ip, len), len };
}

/** The prefix that contains only this address: /32 or /128. */
export function hostPrefix(ip: Ip): Prefix {
  return { ip, len: bits(ip) };
}

/** The last address of the prefix. */
export function lastAddress(prefix: Prefix): Ip {
  const { ip, len } = prefix;
  return typeof ip === "number" ? ip + (2 ** (32 - len) - 1) : ip | ((1n << BigInt(128 - len)) - 1n);
}

/** The directed broadcast address; undefined for IPv6, /31 (RFC 3021), and /32. */
export function broadcast(prefix: Prefix): Ip | undefined {
  return typeof prefix.ip === "number" && prefix.len < 31 ? lastAddress(prefix) : undefined;
}

export function prefixRange(prefix: Prefix): IpRange {
  return { first: prefix.ip, last: lastAddress(prefix) };
}

/** The number of addresses, including network and broadcast address. */
export function prefixSize(prefix: Prefix): Count {
  return typeof prefix.ip === "number" ? 2 ** (32 - prefix.len) : 1n << BigInt(128 - prefix.len);
}

/** Whether the prefix contains the address; false across families. */
export function prefixContains(prefix: Prefix, ip: Ip): boolean {
  const { ip: first, len } = prefix;
  if (typeof first === "number") return typeof ip === "number" && ip >= first && ip < first + 2 ** (32 - len);
  return typeof ip === "bigint" && (ip ^ first) >> BigInt(128 - len) === 0n;
}

/** Whether `other` is in the on-link prefix of the interface address; false across families. */
export function isNear({ ip, len }: InterfaceAddress, other: Ip): boolean {
  return typeof ip === typeof other && network(ip, len) === network(other, len);
}

/** Whether `inner` is equal to or within `outer`. */
export function prefixCovers(outer: Prefix, inner: Prefix): boolean {
  return outer.len <= inner.len && prefixContains(outer, inner.ip);
}

export function prefixEquals(a: Prefix, b: Prefix): boolean {
  return a.ip === b.ip && a.len === b.len;
}

export function samePrefixes(a: readonly Prefix[], b: readonly Prefix[]): boolean {
  return (
    a.length === b.length &&
    a.every((prefix, i) => {
      const other = b[i];
      return other !== undefined && prefixEquals(prefix, other);
    })
  );
}

/**
 * Sort order: IPv4 first, by address, then by length (shorter first). A prefix precedes the prefixes that it contains.
 */
export function comparePrefix(a: Prefix, b: Prefix): number {
  return compareIp(a.ip, b.ip) || a.len - b.len;
}

/** Address `n` of the prefix, where 0 is the network address; undefined if `n` is out of range. */
export function nthAddress(prefix: Prefix, n: number | bigint): Ip | undefined {
  const count = countLike(prefix.ip, n);
  return count !== undefined && count >= 0 && count < prefixSize(prefix) ? plus(prefix.ip, count) : undefined;
}

/** The number of subnets of length `len`; 0 if `len` is shorter than the prefix length or longer than an address. */
export function subnetCount(prefix: Prefix, len: number): Count {
  const possible = len >= prefix.len && len <= bits(prefix.ip);
  if (typeof prefix.ip === "number") return possible ? 2 ** (len - prefix.len) : 0;
  return possible ? 1n << BigInt(len - prefix.len) : 0n;
}

/** Subnet `n` of length `len`, starting at 0; undefined if `n` is out of range. */
export function nthSubnet(prefix: Prefix, len: number, n: number | bigint): Prefix | undefined {
  const count = countLike(prefix.ip, n);
  if (count === undefined || count < 0 || count >= subnetCount(prefix, len)) return undefined;
  return { ip: plus(prefix.ip, shiftLeft(count, bits(prefix.ip) - len)), len };
}

/**
 * The index of the subnet of length `len` that contains `ip`; undefined if the prefix does not contain `ip` or has no
 * such subnets.
 */
export function subnetIndex(prefix: Prefix, len: number, ip: Ip): Count | undefined {
  if (!prefixContains(prefix, ip) || subnetCount(prefix, len) < 1) return undefined;
  return shiftRight(minus(ip, prefix.ip), bits(ip) - len);
}
