import { formatIp, formatPrefix, type Ip, prefixContains } from "../../addressing/ip.ts";
import { list } from "../../text/words.ts";
import type { Segment, Topology } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { argumentWith, childOf } from "../source.ts";
import { gatewayFor } from "./new-gateway.ts";

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
            fixes: otherGateway(topology, segment, ip),
          },
        );
      }
    }
  },
};

/** The router that is there, or the first free address. */
function otherGateway(topology: Topology, segment: Segment, ip: Ip): readonly Fix[] {
  const text = formatIp(ip);
  const place = argumentWith(childOf(segment.source, "gateway"), (arg) => arg === text);
  const gateway = gatewayFor(topology, segment);
  return place.part === "whole" || gateway === undefined ? [] : [replaceFix(`Use ${gateway}`, place, gateway)];
}
