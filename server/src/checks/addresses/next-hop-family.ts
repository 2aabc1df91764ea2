import type { Check } from "../check.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const router = (via: string): string => `segment lan { cidr 192.168.10.0/24 fd00:10::/64 }
router tor { attach lan 192.168.10.1 fd00:10::1; route 10.9.0.0/16 via ${via} }
`;

export const nextHopFamily: Check = {
  code: "KN125",
  name: "next-hop-family",
  family: "addresses",
  severity: "error",
  summary: "A next hop is of another family than its destination.",
  documentation: `An IPv4 packet is handed to an IPv4 neighbour, an IPv6 packet to an IPv6 neighbour. (The kernel knows \`via inet6\` for IPv4 routes, RFC 5549; knet does
not.)`,
  example: { bad: router("fd00:10::9"), good: router("192.168.10.9") },
  message: ({ destination, address }) =>
    `${address} cannot be the next hop to ${destination}: it is of the other address family`,
  fixes: (_data, source) => [removeFix("Remove the route, which the kernel refuses", sourceAt(source, "whole"))],
};
