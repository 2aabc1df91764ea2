import type { Check } from "../../findings/check.ts";
import { reportFullSize } from "../../findings/full-size.ts";
import { machineAt } from "../../findings/machines.ts";
import { t } from "../../text/l10n.ts";

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

export const fragmented: Check<"KN303"> = {
  code: "KN303",
  name: "mtu-fragmented",
  family: "mtu",
  severity: "warning",
  summary: "Full-size packets between pods are fragmented.",
  documentation: `## What happens

The tunnel's outer packets are larger than the MTU of the underlay. Their DF bit is clear (the default of VXLAN), so a router
or the node itself splits each of them into two fragments: twice the packets, no hardware offload, and one lost fragment
loses the whole packet. Firewalls and NAT often drop fragments altogether.

flannel uses the MTU of the *local* node's interface. It detects neither a smaller MTU on the path nor nodes whose interfaces
have different MTUs.

## How to fix it

Set the \`mtu\` of the backend to the smallest MTU on the path.`,
  example: { bad: racks("vxlan"), good: racks("vxlan { mtu 1400 }") },
  run: (context) =>
    reportFullSize(fragmented, context, "fragmented", ({ size, journey }, who) => {
      const step = journey.steps.find((one) => one.action === "fragment");
      const machine = machineAt(context.topology, step?.netns);
      const most = step?.packet.fragment;
      return most === undefined
        ? t`packets of ${size} bytes ${who} are fragmented on ${machine}`
        : t`packets of ${size} bytes ${who} are fragmented on ${machine}: the outer packets are sent in fragments of up to ${most} bytes`;
    }),
};
