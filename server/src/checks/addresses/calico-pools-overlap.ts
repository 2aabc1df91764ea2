import { formatPrefix, nthSubnet, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { nextFree } from "../../questions/free.ts";
import { t } from "../../text/l10n.ts";

export const calicoPoolsOverlap: Check<"KN150"> = {
  code: "KN150",
  name: "calico-pools-overlap",
  family: "addresses",
  severity: "error",
  summary: "Two IP pools of a cluster overlap.",
  documentation: `## What happens

Calico rejects the second pool: *IPPool … overlaps with IPPool …*. If the resources are created without this validation,
two nodes can claim the same addresses.

## How to fix it

Make the pools disjoint. A pool cannot contain another pool.

## References

- Calico: \`libcalico-go/lib/clientv3/ippool.go\``,
  example: {
    bad: twoNodes("cni calico {\n  pool a 10.244.0.0/16\n  pool b 10.244.128.0/17\n}"),
    good: twoNodes("cni calico {\n  pool a 10.244.0.0/17\n  pool b 10.244.128.0/17\n}"),
  },
  message: ({ pool, cidr, other, otherCidr }) =>
    t`pool \`${pool}\` (${formatPrefix(cidr)}) overlaps pool \`${other}\` (${formatPrefix(otherCidr)}): Calico rejects pool \`${pool}\``,
  fixes: ({ cidr: mine, otherCidr: other }, source, { topology, related }) => {
    const free = nextFree(topology, mine, [mine, other]);
    return [
      ...(free ? poolFix(t`Change to ${formatPrefix(free)} (next free range of this size)`, source, mine, free) : []),
      ...related.flatMap(({ source: place }) => halfFix(place, other, mine)),
      ...halfFix(source, mine, other),
    ];
  },
};

/** The half of the larger pool that does not contain the smaller pool. */
function halfFix(place: Origin, larger: Prefix, smaller: Prefix): readonly Fix[] {
  if (!prefixCovers(larger, smaller) || larger.len === smaller.len) return [];
  const halves = [0, 1].flatMap((n) => nthSubnet(larger, larger.len + 1, n) ?? []);
  const free = halves.find((half) => !prefixCovers(half, smaller));
  return free ? poolFix(t`Reduce ${formatPrefix(larger)} to ${formatPrefix(free)}`, place, larger, free) : [];
}

function poolFix(title: string, pool: Origin, old: Prefix, other: Prefix): readonly Fix[] {
  const place = argumentWith(sourceAt(pool, "whole"), (text) => text === formatPrefix(old));
  return place.part === "whole" ? [] : [replaceFix(title, place, formatPrefix(other))];
}
