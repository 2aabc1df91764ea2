import { formatIp } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { removeFix, replaceFix } from "../../fixes/fix.ts";
import { nextFreeAddress } from "../../questions/free.ts";
import { t } from "../../text/l10n.ts";

const host = (address: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
host h1 { attach lan ${address} }
`;

export const addressOutside: Check<"KN120"> = {
  code: "KN120",
  name: "address-outside-segment",
  family: "addresses",
  severity: "error",
  summary: "An interface address is outside its segment.",
  documentation: `## What happens

Other machines on the segment treat the address as off-link: they send packets for it to the gateway instead of sending
an ARP request. For the same reason, the machine treats the other addresses of the segment as off-link.

## How to fix it

Use an address in the segment, or attach the machine to the right segment.`,
  example: { bad: host("192.168.11.5"), good: host("192.168.10.5") },
  message: ({ address, segment, cidrs }) => t`address ${address} is outside segment \`${segment}\` (${cidrs})`,
  fixes: (data, source, { topology }) => {
    const segment = topology.segments.get(data.segment);
    const [first] = segment?.cidrs ?? [];
    const free = segment && first && nextFreeAddress(topology, segment, first.ip);
    return source.part === "whole" || free === undefined
      ? []
      : [
          replaceFix(t`Change to ${formatIp(free)} (next free address of \`${data.segment}\`)`, source, formatIp(free)),
          removeFix(t`Remove ${data.address} and allocate an address`, source),
        ];
  },
};
