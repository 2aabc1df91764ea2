import { formatIp, formatRange, type Ip, rangeContains } from "../../addressing/ip.ts";
import { argumentWith, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { type Fix, removeFix, replaceFix } from "../../fixes/fix.ts";
import { nextFreeAddress } from "../../questions/free.ts";
import { t } from "../../text/l10n.ts";
import { reservedIn } from "../../topology/clouds.ts";
import type { CloudName, Segment, Topology } from "../../topology/model.ts";

const CLOUDS: Readonly<Record<CloudName, string>> = { aws: "AWS", azure: "Azure", gcp: "Google Cloud" };

const cluster = (address: string): string => `segment subnet { cidr 10.0.0.0/24; cloud aws; gateway vpc }
router vpc { attach subnet 10.0.0.1 }
host database { attach subnet ${address} }
`;

export const cloudReserved: Check<"KN142"> = {
  code: "KN142",
  name: "cloud-reserved-address",
  family: "addresses",
  severity: "error",
  summary: "A machine has an address that the cloud reserves.",
  documentation: `## What happens

AWS and Azure reserve the first four addresses and the last address of each subnet; on AWS, these are the network
address, the router, DNS, an address for future use, and the broadcast address. Google Cloud reserves the first two and
the last two. No machine can be created with one of these addresses, and the cloud never assigns them to pods.

## How to fix it

Use a different address, or remove the address: knet then allocates a free one.`,
  example: { bad: cluster("10.0.0.2"), good: cluster("10.0.0.10") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const segment of topology.segments.values()) {
      const { name, cloud, cidrs, source } = segment;
      if (cloud === undefined) continue;
      const reserved = cidrs.flatMap((cidr) => reservedIn(cloud, cidr));
      for (const iface of topology.attachedTo(name)) {
        // The cloud's router has one of the reserved addresses.
        if (iface.allocated || iface.station.kind === "router") continue;
        for (const { ip } of iface.addresses) {
          const hit = reserved.find((range) => typeof range.first === typeof ip && rangeContains(range, ip));
          if (!hit) continue;
          yield finding(
            cloudReserved,
            iface.source,
            t`address ${formatIp(ip)} of ${machineText(iface.station)} is in ${formatRange(hit)}, which ${CLOUDS[cloud]} reserves in segment \`${name}\``,
            {
              related: [{ source, message: t`segment \`${name}\` is a subnet of ${CLOUDS[cloud]}` }],
              fixes: otherAddress(topology, segment, iface.source, ip),
            },
          );
        }
      }
    }
  },
};

function otherAddress(topology: Topology, segment: Segment, attached: Origin, ip: Ip): readonly Fix[] {
  const text = formatIp(ip);
  const place = argumentWith(sourceAt(attached, "whole"), (one) => one.split("/")[0] === text);
  const free = nextFreeAddress(topology, segment, ip);
  if (place.part === "whole") return [];
  return [
    ...(free === undefined
      ? []
      : [replaceFix(t`Change to ${formatIp(free)} (next free address)`, place, formatIp(free))]),
    removeFix(t`Remove ${text} and allocate an address`, place),
  ];
}
