import { formatIp } from "../../addressing/ip.ts";
import type { Check } from "../check.ts";
import { removeFix, replaceFix } from "../finding.ts";
import { nextFreeAddress } from "./free.ts";

const host = (address: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
host h1 { attach lan ${address} }
`;

export const addressOutside: Check = {
  code: "KN120",
  name: "address-outside-segment",
  family: "addresses",
  severity: "error",
  summary: "An interface has an address that its segment does not contain.",
  documentation: `The others on the segment take the address for one behind the gateway and never ask for it by ARP; the station itself takes theirs for
foreign ones. Give it an address of the segment, or attach it to the right segment.`,
  example: { bad: host("192.168.11.5"), good: host("192.168.10.5") },
  message: ({ address, segment, cidrs }) =>
    `address ${address} is not in segment ${segment} (${cidrs}); use an address of the segment, or none to have one allocated`,
  fixes: (data, source, { topology }) => {
    const segment = topology.segments.get(String(data.segment));
    const [first] = segment?.cidrs ?? [];
    const free = segment && first && nextFreeAddress(topology, segment, first.ip);
    return source.part === "whole" || free === undefined
      ? []
      : [
          replaceFix(`Use ${formatIp(free)}, the next free one of ${data.segment}`, source, formatIp(free)),
          removeFix(`Let knet choose an address instead of ${data.address}`, source),
        ];
  },
};
