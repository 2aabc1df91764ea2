/** How messages put numbers, lists and ranges into words. */
import type { Count, IpRange, Prefix } from "../addressing/ip.ts";
import { bits, formatIp, formatRange, prefixEquals, rangeSize, rangeToPrefixes } from "../addressing/ip.ts";

/** 65536 → "65,536". Counts beyond 2^64 are given as a power of two, since nobody reads 39 digits. */
export function number(count: Count): string {
  if (typeof count === "bigint" && count >= 1n << 64n) {
    const power = count.toString(2).length - 1;
    return `${count === 1n << BigInt(power) ? "" : "more than "}2^${power}`;
  }
  return count.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 node", "5 nodes". */
export function plural(count: Count, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 || count === 1n ? one : many}`;
}

/** "a", "a and b", "a, b and 3 more". */
export function list(texts: readonly string[], most = 3): string {
  const shown = texts.slice(0, most);
  const rest = texts.length - shown.length;
  if (rest > 0) return `${shown.join(", ")} and ${number(rest)} more`;
  const last = shown.at(-1) ?? "";
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(", ")} and ${last}`;
}

/** The shared part of two ranges: as a prefix where it is one, with its size. */
export function sharedPart(range: IpRange, sides: readonly Prefix[] = []): string {
  const size = plural(rangeSize(range), "address", "addresses");
  const prefixes = rangeToPrefixes(range);
  const only = prefixes.length === 1 ? prefixes[0] : undefined;
  if (!only) return `${formatRange(range)} (${size})`;
  if (only.len === bits(only.ip)) return formatIp(only.ip);
  // Saying "in 10.0.0.0/24" of a side that is itself 10.0.0.0/24 would tell nothing.
  return sides.some((side) => prefixEquals(side, only)) ? size : `${formatIp(only.ip)}/${only.len} (${size})`;
}
