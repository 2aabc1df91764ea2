import { family } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { finding } from "../../findings/finding.ts";
import { queriesOfConnection } from "../../findings/half-open.ts";
import { hopsOf } from "../../findings/hops.ts";
import { lossFixes } from "../../fixes/losses.ts";
import { wayThereFixes } from "../../fixes/return-path.ts";
import { lostInOneFamily } from "../../questions/connections/lost.ts";
import { t } from "../../text/l10n.ts";

const sites = (route: string): string => `segment dc { cidr 192.168.10.0/24 fd00:10::/64; gateway core }
segment line { cidr 192.168.255.0/30 fd00:255::/64 }
segment office { cidr 192.168.20.0/24 fd00:20::/64; gateway branch }
router core {
  attach dc 192.168.10.1 fd00:10::1
  attach line 192.168.255.1 fd00:255::1
  route 192.168.20.0/24 via 192.168.255.2${route}
}
router branch {
  attach office 192.168.20.1 fd00:20::1
  attach line 192.168.255.2 fd00:255::2
  route 192.168.10.0/24 via 192.168.255.1
  route fd00:10::/64 via fd00:255::1
}
host backup { attach dc 192.168.10.5 fd00:10::5 }
host nas { attach office 192.168.20.9 fd00:20::9; listen 445/tcp }
`;

export const familiesDiffer: Check<"KN249"> = {
  code: "KN249",
  name: "address-families-differ",
  family: "reachability",
  severity: "warning",
  summary: "A connection works over IPv4 but not over IPv6, or vice versa.",
  documentation: `## What happens

Both endpoints have addresses of both families, but packets of only one family arrive. Clients usually try IPv6 first: connections hang
until the client falls back to IPv4 (*Happy Eyeballs*), or fail with programs that do not. Common causes are routes, access lists, and NAT that
were configured for IPv4 only.

Not reported: a rule that names addresses of only one family, and an \`expect\` statement for this connection that is \`blocked\`.

## How to fix it

Configure the missing family in the same way, or remove its addresses from one of the endpoints.

## References

- RFC 8305`,
  example: { bad: sites(""), good: sites("\n  route fd00:20::/64 via fd00:255::2") },
  *run(context) {
    for (const one of lostInOneFamily(context)) {
      const { example, alike, journey, rule, station } = one;
      const why = journey.reason?.message ?? t`the packet is lost`;
      yield finding(
        familiesDiffer,
        rule?.source ?? station?.source ?? example.from.source,
        t`${example.from.name} reaches ${alike.name} over IPv${family(alike.ip)}, but not ${example.name} over IPv${family(example.ip)}: ${why}`,
        {
          related: hopsOf(journey, context.topology),
          fixes: [...lossFixes(context.peopled, journey), ...wayThereFixes(context.peopled, one)],
          queries: queriesOfConnection(example),
        },
      );
    }
  },
};
