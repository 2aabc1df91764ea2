import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { setFix } from "../finding.ts";

export const tunnelClamped: Check = {
  code: "KN320",
  name: "tunnel-mtu-clamped",
  family: "mtu",
  severity: "warning",
  summary: "The kernel gives the tunnel device a smaller MTU than flannel asks for, but the pods keep the larger one.",
  documentation: `flannel takes 50 bytes from the interface's MTU (or from the \`mtu\` setting) for both families. Where more is needed, over IPv6 (70
bytes) or with a setting above the interface's own MTU, the kernel silently makes the device smaller when it is created, while the
pods' interfaces get flannel's value. Packets between the two sizes come back as *packet too big* from the node itself: this works as long
as nothing filters ICMP. Of a dual-stack cluster as it is installed this is said as information only.

Set the backend's \`mtu\` so that what is left after 50 bytes is what the kernel can give.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan { mtu 1600 } }"),
    good: twoNodes("cni flannel { backend vxlan { mtu 1500 } }"),
  },
  severityOf: ({ written }) => (written === "yes" ? "warning" : "info"),
  message: ({ node, device, asked, given }) =>
    `flannel asks for MTU ${asked} on ${device} of ${node} and the kernel gives ${given}, but pods keep ${asked}: larger packets are answered with "packet too big"; lower the backend's mtu by ${Number(asked) - Number(given)}`,
  fixes: ({ fits }, source) => [setFix(`Set mtu to ${fits}`, source, "mtu", String(fits))],
};
