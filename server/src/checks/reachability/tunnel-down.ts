import type { Check, CheckContext } from "../../findings/check.ts";
import { CARRIED, twoSites } from "../../findings/examples/tunnels.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { hopsOf, whatDied } from "../../findings/hops.ts";
import { lossFixes } from "../../fixes/losses.ts";
import { directionsOf, lostThrough, recursion } from "../../questions/tunnels.ts";
import { t } from "../../text/l10n.ts";

export const tunnelDown: Check<"KN272"> = {
  code: "KN272",
  name: "tunnel-down",
  family: "reachability",
  severity: "error",
  summary: "Packets through a tunnel are lost.",
  documentation: `## What happens

knet sends a packet through each tunnel in both directions, from one machine to the other, with addresses that the tunnel
carries. The packet or its reply is lost: often because an access list on the path drops the port or protocol of the tunnel
(WireGuard: UDP 51820; VXLAN: UDP 4789; IPIP: protocol 4; IPsec: UDP 500 and 4500, and ESP, protocol 50), because there is no route
between the endpoints, or because a gateway with NAT is between them. The related locations are the hops of the lost packet.

## How to fix it

Allow the port and protocol on every machine along the path, in both directions, and add the missing routes.`,
  example: {
    bad: twoSites(CARRIED, { isp: "deny udp port 51820" }),
    good: twoSites(CARRIED, { isp: "allow udp port 51820; deny" }),
  },
  *run(context: CheckContext): Iterable<Finding> {
    const directions = directionsOf(context);
    const reported = new Set<unknown>(directions.flatMap((one) => (recursion(one) ? [one.tunnel] : [])));
    for (const direction of directions) {
      const { tunnel, from, to } = direction;
      if (context.cancelled() || reported.has(tunnel)) continue;
      const lost = lostThrough(context, direction);
      if (!lost) continue;
      reported.add(tunnel);
      yield finding(
        tunnelDown,
        lost.reason?.origin ?? tunnel.source,
        t`${whatDied(lost)} of tunnel \`${tunnel.name}\` from \`${from.path}\` to \`${to.path}\` are lost: ${lost.reason?.message ?? ""}`,
        {
          related: [
            { source: tunnel.source, message: t`tunnel \`${tunnel.name}\`` },
            ...hopsOf(lost, context.topology),
          ],
          fixes: lossFixes(context.topology, lost),
        },
      );
    }
  },
};
