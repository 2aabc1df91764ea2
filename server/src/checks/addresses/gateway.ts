import { formatIp, formatPrefix, prefixContains } from "../../addressing/ip.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
import { childOf } from "../source.ts";
import { list } from "../text.ts";

export const gateway: Check = {
  code: "KN112",
  name: "gateway-outside-segment",
  family: "addresses",
  severity: "error",
  summary: "A segment's gateway has an address outside the segment.",
  documentation: `A host takes a gateway only if it is on-link: \`ip route add default via …\` answers *Nexthop has invalid gateway*
otherwise (fib_check_nh). The stations of the segment are left without a default route.

Give the gateway an address of the segment, or correct the segment's range.`,
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
          `gateway ${formatIp(ip)} is not in segment ${segment.name} (${ranges}): stations there cannot use it; give it an address of the segment`,
          {
            related: segment.cidrSources
              .slice(0, 1)
              .map((source) => ({ source, message: `segment ${segment.name} is ${ranges}` })),
          },
        );
      }
    }
  },
};
