import { formatPrefix, prefixCovers, prefixSize } from "../../addressing/ip.ts";
import { prefixAt, prefixIn } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { emptyPart } from "../../questions/stacked-free.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const lan = (range: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan {  # knet-ignore KN240 no probes in this lab
    range ${range}
  }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  deployment web replicas 20
}
`;

export const sharedRangeFull: Check<"KN430"> = {
  code: "KN430",
  name: "shared-range-full",
  family: "capacity",
  severity: "error",
  summary: "A cluster has more pods than addresses in its shared range.",
  documentation: `## What happens

The IPAM plugin has no free address left, and the remaining pods stay in ContainerCreating. Excluded addresses are not
available to pods.

## How to fix it

Use a larger range.`,
  example: { bad: lan("192.168.10.128/28"), good: lan("192.168.10.128/25") },
  message: ({ cluster, pods, addresses }) =>
    t`cluster \`${cluster}\` has ${plural(pods, "pod")} but only ${plural(addresses, "address", "addresses")} for them: the remaining pods stay in ContainerCreating`,
  fixes: ({ pods }, source, { topology }) => {
    const at = prefixIn(source);
    const range = prefixAt(at);
    const around =
      range && [...topology.segments.values()].flatMap(({ cidrs }) => cidrs).find((cidr) => prefixCovers(cidr, range));
    const part = around && emptyPart(topology, around);
    // The network and broadcast addresses are not allocated.
    if (!at || !part || Number(prefixSize(part)) - 2 < pods) return [];
    return [replaceFix(t`Change to ${formatPrefix(part)} (unused)`, at, formatPrefix(part))];
  },
};
