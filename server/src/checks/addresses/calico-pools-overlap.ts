import { formatPrefix, nthSubnet, type Prefix, parsePrefix, prefixCovers } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import type { Check, Fix } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { replaceFix } from "../finding.ts";
import { argumentWith, sourceAt } from "../source.ts";
import { nextFree } from "./free.ts";

export const calicoPoolsOverlap: Check = {
  code: "KN150",
  name: "calico-pools-overlap",
  family: "addresses",
  severity: "error",
  summary: "Two IP pools of a cluster share addresses.",
  documentation: `The API server refuses such a pool (*IPPool … overlaps with IPPool …*, libcalico-go/lib/clientv3/ippool.go); with resources that were written another way
two nodes could claim the same addresses. Cut the pools so that they are disjoint; a larger one cannot be laid over a smaller one.`,
  example: {
    bad: twoNodes("cni calico {\n  pool a 10.244.0.0/16\n  pool b 10.244.128.0/17\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/17\n  pool b 10.244.128.0/17\n}"),
  },
  message: ({ pool, cidr, other, otherCidr }) =>
    `pool ${pool} (${cidr}) overlaps pool ${other} (${otherCidr}): Calico refuses the second one; make them disjoint`,
  fixes: ({ cidr, otherCidr }, source, { topology, related }) => {
    const mine = parsePrefix(String(cidr))?.prefix;
    const other = parsePrefix(String(otherCidr))?.prefix;
    if (!mine || !other) return [];
    const free = nextFree(topology, mine, [mine, other]);
    return [
      ...(free ? poolFix(`Use ${formatPrefix(free)}, the next free range of this size`, source, mine, free) : []),
      ...related.flatMap(({ source: place }) => halfFix(place, other, mine)),
      ...halfFix(source, mine, other),
    ];
  },
};

/** The half of the larger pool that the smaller one leaves free. */
function halfFix(place: Source, larger: Prefix, smaller: Prefix): readonly Fix[] {
  if (!prefixCovers(larger, smaller) || larger.len === smaller.len) return [];
  const halves = [0, 1].flatMap((n) => nthSubnet(larger, larger.len + 1, n) ?? []);
  const free = halves.find((half) => !prefixCovers(half, smaller));
  return free ? poolFix(`Shrink ${formatPrefix(larger)} to ${formatPrefix(free)}`, place, larger, free) : [];
}

function poolFix(title: string, pool: Source, old: Prefix, other: Prefix): readonly Fix[] {
  const place = argumentWith(sourceAt(pool, "whole"), (text) => text === formatPrefix(old));
  return place.part === "whole" ? [] : [replaceFix(title, place, formatPrefix(other))];
}
