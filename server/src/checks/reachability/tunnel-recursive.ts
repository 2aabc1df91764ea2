import { formatIp, formatPrefix, hostPrefix } from "../../addressing/ip.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { CARRIED, twoSites } from "../../findings/examples/tunnels.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { directionsOf, recursion } from "../../questions/tunnels.ts";
import { t } from "../../text/l10n.ts";

export const tunnelRecursive: Check<"KN274"> = {
  code: "KN274",
  name: "tunnel-recursive",
  family: "reachability",
  severity: "error",
  summary: "The route to a tunnel endpoint points into the tunnel.",
  documentation: `## What happens

The tunnel carries a prefix that contains the outer address of the other machine, and no more specific route points there. The
encapsulated packet is routed into the tunnel again: the kernel detects the loop and drops the packet, so the tunnel carries nothing.
This happens with \`0.0.0.0/0\` to a VPN server.

## How to fix it

Add a route to the endpoint's address over the underlying network (\`route 198.51.100.2/32 via 203.0.113.1\`), as wg-quick does with a
separate routing table.`,
  example: {
    bad: twoSites(CARRIED.replace("10.2.0.0/24", "0.0.0.0/0")),
    good: twoSites(CARRIED),
  },
  *run(context: CheckContext): Iterable<Finding> {
    for (const direction of directionsOf(context)) {
      const { tunnel, from, to } = direction;
      const found = to.prefixes.find((one) => one === recursion(direction));
      if (!found) continue;
      yield finding(
        tunnelRecursive,
        found.source,
        t`tunnel \`${tunnel.name}\` carries ${formatPrefix(found.prefix)}, which contains its own endpoint ${formatIp(to.endpoint)}: the encapsulated packets of \`${from.path}\` enter the tunnel again; add a route to ${formatPrefix(hostPrefix(to.endpoint))}`,
        { related: [{ source: tunnel.source, message: t`tunnel \`${tunnel.name}\`` }] },
      );
    }
  },
};
