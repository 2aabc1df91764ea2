import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { reportFullSize } from "./full-size.ts";

const racks = (backend: string): string =>
  twoRacks(`cni flannel { backend ${backend} }`).replace("cidr 192.168.20.0/24;", "cidr 192.168.20.0/24; mtu 1400;");

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
