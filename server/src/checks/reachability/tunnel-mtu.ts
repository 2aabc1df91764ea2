import type { Check, CheckContext } from "../../findings/check.ts";
import { CARRIED, twoSites } from "../../findings/examples/tunnels.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { hopsOf } from "../../findings/hops.ts";
import { setFix } from "../../fixes/fix.ts";
import { directionsOf, pathTooSmall } from "../../questions/tunnels.ts";
import { t } from "../../text/l10n.ts";

export const tunnelMtu: Check<"KN271"> = {
  code: "KN271",
  name: "tunnel-mtu",
  family: "reachability",
  severity: "warning",
  summary: "The MTU of a tunnel is too large for the path between its endpoints.",
  documentation: `## What happens

An encapsulated packet is larger than the packet inside it: WireGuard adds 60 bytes over IPv4 and 80 over IPv6, VXLAN 50 and 70,
IPIP 20. If the MTU of the tunnel device plus the overhead exceeds the path MTU between the two machines, large packets are
fragmented on the path, or they are lost if a firewall drops fragments or the ICMP errors.

## How to fix it

Set \`mtu\` of the tunnel to the path MTU minus the overhead.

## References

- [WireGuard](https://www.wireguard.com/papers/wireguard.pdf): the header of data packets has 16 bytes, the authentication tag 16
- [RFC 7348](https://www.rfc-editor.org/rfc/rfc7348), section 4.3: VXLAN endpoints must not fragment`,
  example: {
    bad: twoSites(`${CARRIED}; mtu 1480`),
    good: twoSites(`${CARRIED}; mtu 1440`),
  },
  *run(context: CheckContext): Iterable<Finding> {
    const reported = new Set<unknown>();
    for (const direction of directionsOf(context)) {
      const { tunnel, from, to } = direction;
      if (context.cancelled() || reported.has(tunnel)) continue;
      const found = pathTooSmall(context, direction);
      if (!found) continue;
      reported.add(tunnel);
      const { mtu, overhead, path, journey } = found;
      const fits = path - overhead;
      yield finding(
        tunnelMtu,
        tunnel.source,
        t`tunnel \`${tunnel.name}\` has MTU ${mtu} and adds ${overhead} bytes, but the path MTU from \`${from.path}\` to \`${to.path}\` is ${path}: large packets are fragmented or lost`,
        {
          related: hopsOf(journey, context.topology),
          fixes: [setFix(t`Set \`mtu\` to ${fits}`, tunnel.source, "mtu", String(fits))],
        },
      );
    }
  },
};
