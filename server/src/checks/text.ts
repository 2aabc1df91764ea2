/** Address ranges in messages. */
import type { IpRange, Prefix } from "../addressing/ip.ts";
import { bits, formatIp, formatRange, prefixEquals, rangeSize, rangeToPrefixes } from "../addressing/ip.ts";
import { plural } from "../text/words.ts";

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
