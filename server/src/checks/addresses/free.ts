/** Where else a range could be: the next free one of the same size in the same private block. */

import { nextFreePrefix } from "../../addressing/allocation.ts";
import type { IpRange, Prefix } from "../../addressing/ip.ts";
import { formatPrefix, parsePrefix, prefixCovers, prefixRange } from "../../addressing/ip.ts";
import type { Topology } from "../../topology/model.ts";
import type { Fix } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { type PlannedRange, planOf } from "./plan.ts";

/** RFC 1918, RFC 6598, RFC 4193. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fd00::/8"].flatMap(
  (text) => parsePrefix(text)?.prefix ?? [],
);

export function nextFree(topology: Topology, like: Prefix): Prefix | undefined {
  const home = PRIVATE.find((block) => prefixCovers(block, like));
  const others = PRIVATE.filter((block) => block !== home && typeof block.ip === typeof like.ip);
  const used: IpRange[] = planOf(topology).ranges.map(({ prefix }) => prefixRange(prefix));
  for (const block of home ? [home, ...others] : others) {
    const free = block.len <= like.len ? nextFreePrefix(block, like.len, used) : undefined;
    if (free) return free;
  }
  return undefined;
}

/** Moves a range that is written as an argument of its own. */
export function moveFixes(topology: Topology, range: PlannedRange): readonly Fix[] {
  if (range.source.part === "whole" || range.source.part === "keyword" || range.nodes > 0) return [];
  const free = nextFree(topology, range.prefix);
  return free
    ? [replaceFix(`Use ${formatPrefix(free)}, the next free range of this size`, range.source, formatPrefix(free))]
    : [];
}

/** "; 10.1.0.0/16 is free", or nothing. */
export function freeHint(topology: Topology, range: PlannedRange): string {
  const free = nextFree(topology, range.prefix);
  return free ? `; ${formatPrefix(free)} is free` : "";
}
