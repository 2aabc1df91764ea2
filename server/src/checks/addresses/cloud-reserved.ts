import { formatIp, formatRange, type Ip, rangeContains } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import { reservedIn } from "../../topology/clouds.ts";
import type { Segment, Topology } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, removeFix, replaceFix } from "../finding.ts";
import { argumentWith, sourceAt } from "../source.ts";
import { nextFreeAddress } from "./free.ts";

const cluster = (address: string): string => `segment subnet { cidr 10.0.0.0/24; cloud aws; gateway vpc }
router vpc { attach subnet 10.0.0.1 }
host database { attach subnet ${address} }
`;

export const cloudReserved: Check = {
  code: "KN142",
  name: "cloud-reserved-address",
  family: "addresses",
  severity: "error",
  summary: "A machine has an address that the cloud keeps for itself.",
  documentation: `AWS and Azure keep the first four addresses of each subnet and the last one: network, router, DNS and one for later, broadcast. Google keeps the first
two and the last two. No machine can be made with one of them, and no pod that has addresses of the subnet gets one.

Leave the address out, then knet gives a free one, or choose another.`,
  example: { bad: cluster("10.0.0.2"), good: cluster("10.0.0.10") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const segment of topology.segments.values()) {
      const { name, cloud, cidrs, source } = segment;
      if (cloud === undefined) continue;
      const reserved = cidrs.flatMap((cidr) => reservedIn(cloud, cidr));
      for (const iface of topology.attachedTo(name)) {
        // The cloud's own router is at one of them.
        if (iface.allocated || iface.station.kind === "router") continue;
        for (const { ip } of iface.addresses) {
          const hit = reserved.find((range) => typeof range.first === typeof ip && rangeContains(range, ip));
          if (!hit) continue;
          yield finding(
            cloudReserved,
            iface.source,
            `${formatIp(ip)} of ${iface.station.kind} ${iface.station.path} is one of ${formatRange(hit)}, which ${cloud} keeps for itself in segment ${name}; choose another address, or leave it out`,
            {
              related: [{ source, message: `segment ${name} is a subnet of ${cloud}` }],
              fixes: otherAddress(topology, segment, iface.source, ip),
            },
          );
        }
      }
    }
  },
};

function otherAddress(topology: Topology, segment: Segment, attached: Source, ip: Ip): readonly Fix[] {
  const text = formatIp(ip);
  const place = argumentWith(sourceAt(attached, "whole"), (one) => one.split("/")[0] === text);
  const free = nextFreeAddress(topology, segment, ip);
  if (place.part === "whole") return [];
  return [
    ...(free === undefined ? [] : [replaceFix(`Use ${formatIp(free)}, the next free one`, place, formatIp(free))]),
    removeFix(`Let knet choose an address instead of ${text}`, place),
  ];
}
