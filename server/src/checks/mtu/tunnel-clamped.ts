import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { setFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const tunnelClamped: Check<"KN320"> = {
  code: "KN320",
  name: "tunnel-mtu-clamped",
  family: "mtu",
  severity: "warning",
  explains: ["rejected-packets"],
  summary: "The kernel lowers the tunnel's MTU, but pods keep the larger MTU.",
  documentation: `## What happens

flannel subtracts 50 bytes from the interface's MTU (or from the \`mtu\` setting) for both address families. That is too little
for VXLAN over IPv6 (70 bytes), and too little if \`mtu\` is above the interface's MTU. In both cases, the kernel lowers the
MTU of the tunnel device without an error when the device is created, but the pods' interfaces keep flannel's value.

The node rejects packets that are larger than the device's MTU with ICMP *packet too big*; this works only if nothing filters
ICMP. If \`mtu\` is not set, as in a default dual-stack installation, the severity is info.

## How to fix it

Set the \`mtu\` of the backend to at most the MTU that the kernel sets plus 50 bytes.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan { mtu 1600 } }"),
    good: twoNodes("cni flannel { backend vxlan { mtu 1500 } }"),
  },
  severityOf: ({ written }) => (written ? "warning" : "info"),
  message: ({ node, device, asked, given }) =>
    t`flannel requests MTU ${asked} for \`${device}\` on node \`${node}\`, but the kernel sets ${given} while pods keep ${asked}: larger packets are rejected with ICMP "packet too big"`,
  fixes: ({ fits }, source) => [setFix(t`Set \`mtu\` to ${fits}`, source, "mtu", String(fits))],
};
