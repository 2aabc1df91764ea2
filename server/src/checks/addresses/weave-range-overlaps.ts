import { formatPrefix } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { setFix } from "../../fixes/fix.ts";
import { nextFree } from "../../questions/free.ts";
import { clusterAt, nodeAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

const lan = (cidr: string, address: string): string => `segment lan { cidr ${cidr} }
cluster prod {
  cni weave
  node n1 { attach lan ${address} }
}
`;

export const weaveRangeOverlaps: Check<"KN165"> = {
  code: "KN165",
  name: "weave-range-overlaps",
  family: "addresses",
  severity: "error",
  explains: ["lost-packets", "pods-on-segment"],
  summary: "Weave's range overlaps a network of its nodes.",
  documentation: `## What happens

Weave's default range 10.32.0.0/12 covers 10.32.0.0 to 10.47.255.255, a part of 10.0.0.0/8 that many company networks
use. The launcher compares the range with the routes of the host (\`weaveutil netcheck\`) and exits with *Network …
overlaps with existing route*, so the node has no pod network.

## How to fix it

Set \`range\` to a range that does not overlap any route of the nodes.

## References

- Weave Net: \`prog/weave-kube/launch.sh\``,
  example: { bad: lan("10.40.0.0/16", "10.40.0.11"), good: lan("10.50.0.0/16", "10.50.0.11") },
  message: ({ range, node, route }) => {
    const error = `Network ${formatPrefix(range)} overlaps with existing route ${route} on host`;
    return t`Weave fails to start on node \`${node}\`: "${error}"`;
  },
  fixes: ({ range, node }, source, { topology }) => {
    const routed = nodeAt(topology, node)?.routes.flatMap(({ dst }) => (dst.len > 0 ? [dst] : []));
    const free = nextFree(topology, range, routed);
    const cni = clusterAt(topology, source)?.cni.source;
    return free && cni
      ? [setFix(t`Change to ${formatPrefix(free)} (next free range of this size)`, cni, "range", formatPrefix(free))]
      : [];
  },
};
