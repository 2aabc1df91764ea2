import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const router = (via: string): string => `segment lan { cidr 192.168.10.0/24 fd00:10::/64 }
router tor { attach lan 192.168.10.1 fd00:10::1; route 10.9.0.0/16 via ${via} }
`;

export const nextHopFamily: Check<"KN125"> = {
  code: "KN125",
  name: "next-hop-family",
  family: "addresses",
  severity: "error",
  summary: "A route's next hop and destination have different address families.",
  documentation: `## What happens

An IPv4 route needs an IPv4 next hop, and an IPv6 route needs an IPv6 next hop. knet does not support the exception
that the kernel allows: an IPv4 route with an IPv6 next hop (\`via inet6\`).

## How to fix it

Use a next hop of the same address family, or remove the route.

## References

- [RFC 5549: Advertising IPv4 Network Layer Reachability Information with an IPv6 Next Hop](https://www.rfc-editor.org/rfc/rfc5549)`,
  example: { bad: router("fd00:10::9"), good: router("192.168.10.9") },
  message: ({ destination, address }) =>
    t`next hop ${address} and destination ${destination} have different address families, so knet ignores this next hop`,
  fixes: (_data, source) => [removeFix(t`Remove the route`, sourceAt(source, "whole"))],
};
