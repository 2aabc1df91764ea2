import { formatPrefix } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { appendFix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { emptyPart } from "../../questions/stacked-free.ts";
import { t } from "../../text/l10n.ts";

const lan = (cni: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan${cni}  # knet-ignore KN240 no probes in this lab
  node n1 { attach lan 192.168.10.11 }
  pod a on n1
}
`;

export const stackedRangeMissing: Check<"KN162"> = {
  code: "KN162",
  name: "stacked-range-missing",
  family: "addresses",
  severity: "error",
  summary: "No address range is set for macvlan or ipvlan pods.",
  documentation: `## What happens

Without an IPAM plugin, the pods' interfaces have no addresses. The \`pods\` range of the cluster does not help: it is for
pods that other machines reach through a route to their node. macvlan and ipvlan pods are attached to the segment of the
nodes and need addresses from its subnet.

## How to fix it

Set \`range\` to a free part of the segment's subnet.`,
  example: { bad: lan(""), good: lan(" { range 192.168.10.128/25 }") },
  message: ({ plugin }) => t`no \`range\` is set for ${plugin} pods: the pods have no addresses`,
  fixes: (_, source, { topology }) => {
    const segment = clusterAt(topology, source)?.nodes[0]?.interfaces[0]?.segment;
    const [cidr] = topology.segments.get(segment ?? "")?.cidrs ?? [];
    const part = cidr && emptyPart(topology, cidr);
    const text = part && formatPrefix(part);
    return text === undefined ? [] : [appendFix(t`Set \`range ${text}\` (unused)`, source, `range ${text}`)];
  },
};
