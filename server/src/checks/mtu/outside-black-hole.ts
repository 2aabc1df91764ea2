import type { Check } from "../../findings/check.ts";
import { lossOf, reportFullSize } from "../../findings/full-size.ts";
import { isIcmpFiltered } from "../../questions/full-size.ts";
import { t } from "../../text/l10n.ts";

const site = (filter: string): string => `segment dc { cidr 192.168.10.0/24; gateway vpn }
segment line { cidr 192.168.255.0/30; mtu 1400 }
segment office { cidr 192.168.20.0/24; gateway far }
router vpn {
  attach dc 192.168.10.1
  attach line 192.168.255.1
  route 192.168.20.0/24 via 192.168.255.2${filter}
}
router far {
  attach office 192.168.20.1
  attach line 192.168.255.2
  route 192.168.10.0/24 via 192.168.255.1
}
host database { attach office 192.168.20.30; listen 5432/tcp }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11 }
  pod a on n1
}
`;

export const outsideBlackHole: Check<"KN307"> = {
  code: "KN307",
  name: "outside-black-hole",
  family: "mtu",
  severity: "warning",
  summary: "Full-size packets from pods to an external host are dropped silently (path MTU black hole).",
  documentation: `## What happens

Both endpoints agree on a packet size that fits their own interfaces. A link between them has a smaller MTU, and the router's
ICMP error does not reach the sender because ICMP is dropped along the path. Pings and handshakes work; queries with a large
body hang. Common causes are VPNs and PPPoE links.

## How to fix it

Allow ICMP *fragmentation needed* (IPv6: *packet too big*), or lower the pods' MTU to the MTU of the link.`,
  example: { bad: site("\n  deny icmp out"), good: site("") },
  run: (context) =>
    reportFullSize(outsideBlackHole, context, "lost-outside", ({ size, journey }, who) =>
      isIcmpFiltered(journey)
        ? t`packets of ${size} bytes ${who} are dropped silently: ${lossOf(journey)}; allow ICMP "packet too big", or lower the pods' MTU`
        : t`packets of ${size} bytes ${who} are dropped silently: ${lossOf(journey)}; lower the pods' MTU`,
    ),
};
