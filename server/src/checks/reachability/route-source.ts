import { argument } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { machineText } from "../../findings/machines.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const multihomed = (src: string): string => `segment lan { cidr 10.0.0.0/24 }
segment storage { cidr 10.30.0.0/24 }
host nas {
  attach lan 10.0.0.11
  attach storage 10.30.0.11
  route 10.40.0.0/16 via 10.30.0.1 src ${src}
}
`;

export const routeSource: Check<"KN260"> = {
  code: "KN260",
  name: "route-source-not-own",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "The source address of a route is not an address of the machine.",
  documentation: `## What happens

\`src\` selects the address from which the machine sends its own packets with this route. \`ip route add\` fails with *Invalid prefsrc
address* if no device has the address, and the route does not exist.

## How to fix it

Use an address of the machine, or attach the machine with this address.

## References

- Linux: \`net/ipv4/fib_semantics.c\` (\`fib_valid_prefsrc\`), \`net/ipv6/route.c\` (\`ip6_route_info_create\`)`,
  example: { bad: multihomed("10.30.0.12"), good: multihomed("10.30.0.11") },
  message: ({ station, dst, src, own }) =>
    t`source address ${src} for ${dst} is not an address of ${machineText(station)} (${list(own, MOST)}): the kernel rejects the route ("Invalid prefsrc address")`,
  fixes: ({ own, src }, source) => {
    const at = argument(source, "src") ?? source;
    const same = own.filter((ip) => ip.includes(":") === src.includes(":"));
    return same.map((ip) => replaceFix(t`Change source address to ${ip}`, at, ip));
  },
};

const MOST = 4;
