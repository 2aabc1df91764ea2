import { formatPrefix } from "../../addressing/ip.ts";
import { prefixIn } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { emptyPart } from "../../questions/stacked-free.ts";
import { t } from "../../text/l10n.ts";

const lan = (range: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan { range ${range} }
  node n1 { attach lan 192.168.10.11 }
}
`;

export const stackedRangeOutside: Check<"KN161"> = {
  code: "KN161",
  name: "stacked-range-outside",
  family: "addresses",
  severity: "error",
  summary: "The range of macvlan or ipvlan pods is outside the nodes' segment.",
  documentation: `## What happens

macvlan and ipvlan pods are attached to the segment of the nodes. Machines on the segment resolve the pod addresses with
ARP, and routers have a route only to the segment's subnet. An address outside the subnet is unreachable.

## How to fix it

Use a free part of the segment's subnet.`,
  example: { bad: lan("10.244.0.0/24"), good: lan("192.168.10.128/25") },
  message: ({ range, segment, cidrs }) =>
    cidrs.length === 0
      ? t`range ${range} is outside segment \`${segment}\`, which the pods are attached to: the pods are unreachable`
      : t`range ${range} is outside segment \`${segment}\` (${cidrs.join(", ")}), which the pods are attached to: the pods are unreachable`,
  fixes: ({ segment }, source, { topology }) => {
    const [cidr] = topology.segments.get(segment)?.cidrs ?? [];
    const part = cidr && emptyPart(topology, cidr);
    const at = prefixIn(source);
    const text = part && formatPrefix(part);
    return text === undefined || !at ? [] : [replaceFix(t`Change to ${text} (unused)`, at, text)];
  },
};
