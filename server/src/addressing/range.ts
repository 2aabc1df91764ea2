/** Arithmetic of ranges; both bounds are inclusive. */
import { addIp, bits } from "./address.ts";
import { minus, plus } from "./arith.ts";
import { lastAddress, network, prefixSize } from "./prefix.ts";
import type { Count, Ip, IpRange, Prefix } from "./types.ts";

/** The number of addresses in a range. */
export function rangeSize(range: IpRange): Count {
  return plus(minus(range.last, range.first), typeof range.first === "number" ? 1 : 1n);
}

/** Whether the ranges share an address. */
export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  return typeof a.first === typeof b.first && a.first <= b.last && b.first <= a.last;
}

export function rangeContains(range: IpRange, ip: Ip): boolean {
  return typeof range.first === typeof ip && range.first <= ip && ip <= range.last;
}

/** The minimal list of prefixes that equals the range, in address order; at most 62 (IPv4) or 254 (IPv6). */
export function rangeToPrefixes(range: IpRange): Prefix[] {
  const prefixes: Prefix[] = [];
  const width = bits(range.first);
  let first: Ip | undefined = range.first;
  while (first !== undefined && first <= range.last) {
    // The largest block that starts at `first` and does not exceed the range.
    let len: number = width;
    while (len > 0 && network(first, len - 1) === first && lastAddress({ ip: first, len: len - 1 }) <= range.last)
      len--;
    const prefix: Prefix = { ip: first, len };
    prefixes.push(prefix);
    first = addIp(first, prefixSize(prefix));
  }
  return prefixes;
}
