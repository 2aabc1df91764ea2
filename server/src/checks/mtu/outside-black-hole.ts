import type { Check } from "../check.ts";
import { reportFullSize } from "./full-size.ts";

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

export const outsideBlackHole: Check = {
  code: "KN307",
  name: "outside-black-hole",
  family: "mtu",
  severity: "warning",
  summary: "Full-size packets from pods to a host outside vanish without an answer.",
  documentation: `The two ends agree on packets of what their own interfaces carry; a line between them carries less, and the router that says so is not heard, since ICMP is
stopped on the way. Pings and handshakes come through, queries with a large body hang: VPNs and PPPoE lines are known for it.

Let ICMP *fragmentation needed* (*packet too big*) pass, or lower the pods' MTU to that of the line.`,
  example: { bad: site("\n  deny icmp out"), good: site("") },
  run: (context) =>
    reportFullSize(
      outsideBlackHole,
      context,
      "lost-outside",
      ({ size, journey }, who) =>
        `packets of ${size} bytes ${who} vanish: ${journey.reason?.message ?? "they are lost"}; let ICMP pass, or lower the pods' MTU`,
    ),
};
