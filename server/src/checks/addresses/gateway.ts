import { formatIp, formatPrefix, type Ip, prefixContains } from "../../addressing/ip.ts";
import { argumentWith, childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { gatewayFor } from "../../fixes/gateways.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Segment, Topology } from "../../topology/model.ts";

export const gateway: Check<"KN112"> = {
  code: "KN112",
  name: "gateway-outside-segment",
  family: "addresses",
  severity: "error",
  summary: "A segment's gateway address is outside the segment.",
  documentation: `## What happens

A gateway must be on-link. Otherwise, \`ip route add default via …\` fails with *Nexthop has invalid gateway*, and the
machines on the segment have no default route.

## How to fix it

Use a gateway address inside the segment, or change the range of the segment.

## References

- Linux: \`fib_check_nh\``,
  example: {
    bad: `segment dc {
  cidr 192.168.10.0/24
  gateway 192.168.11.1
}
host h1 { attach dc 192.168.10.20 }
`,
    good: `segment dc {
  cidr 192.168.10.0/24
  gateway 192.168.10.1
}
host h1 { attach dc 192.168.10.20 }
`,
  },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const segment of topology.segments.values()) {
      for (const ip of segment.gateways) {
        const cidrs = segment.cidrs.filter((cidr) => typeof cidr.ip === typeof ip);
        if (segment.cidrs.length === 0 || cidrs.some((cidr) => prefixContains(cidr, ip))) continue;
        const ranges = list(segment.cidrs.map(formatPrefix));
        yield finding(
          gateway,
          childOf(segment.source, "gateway", 0),
          t`gateway ${formatIp(ip)} is outside segment \`${segment.name}\` (${ranges}): machines on the segment cannot use it`,
          {
            related: segment.cidrSources
              .slice(0, 1)
              .map((source) => ({ source, message: t`segment \`${segment.name}\` has ${ranges}` })),
            fixes: otherGateway(topology, segment, ip),
          },
        );
      }
    }
  },
};

/** Suggests the attached router, or the first free address. */
function otherGateway(topology: Topology, segment: Segment, ip: Ip): readonly Fix[] {
  const text = formatIp(ip);
  const place = argumentWith(childOf(segment.source, "gateway"), (arg) => arg === text);
  const gateway = gatewayFor(topology, segment);
  return place.part === "whole" || gateway === undefined
    ? []
    : [replaceFix(t`Change to \`gateway ${gateway}\``, place, gateway)];
}
