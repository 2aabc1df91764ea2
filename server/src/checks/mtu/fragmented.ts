import type { Check } from "../check.ts";
import { reportFullSize } from "./full-size.ts";

const racks = (backend: string): string => `segment rack-a { cidr 10.168.0.0/24; gateway west }
segment line { cidr 10.168.255.0/29; mtu 1400 }
segment rack-b { cidr 10.168.1.0/24; gateway east }
router west { attach rack-a 10.168.0.1; attach line 10.168.255.1; route 10.168.1.0/24 via 10.168.255.2 }
router east { attach rack-b 10.168.1.1; attach line 10.168.255.2; route 10.168.0.0/24 via 10.168.255.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend ${backend} }
  node n1 { attach rack-a 10.168.0.11 }
  node n2 { attach rack-b 10.168.1.12 }
  pod a on n1
  pod b on n2
}
`;

export const fragmented: Check = {
  code: "KN303",
  name: "mtu-fragmented",
  family: "mtu",
  severity: "warning",
  summary: "Every full-size packet between pods is sent in fragments.",
  documentation: `The tunnel's outer packets are longer than the underlay carries. Their DF bit is clear (VXLAN's default), so a router or the node itself cuts each into two: twice the
packets, no hardware offload, and one lost fragment loses both; firewalls and NAT often drop fragments altogether.

flannel takes the MTU of the node's *own* interface, so it notices neither a smaller MTU on the way nor nodes whose interfaces differ. Set the backend's
\`mtu\` to the smallest one of the path.`,
  example: { bad: racks("vxlan"), good: racks("vxlan { mtu 1400 }") },
  run: (context) =>
    reportFullSize(fragmented, context, "fragmented", ({ size, journey }, who) => {
      const step = journey.steps.find((one) => one.action === "fragment");
      return `packets of ${size} bytes ${who} are fragmented at ${step?.netns ?? "a station"}: ${step?.text ?? "the path is too small"}; lower the CNI's mtu`;
    }),
};
