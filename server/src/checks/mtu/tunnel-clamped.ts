import { t } from "../../text/l10n.ts";
import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { setFix } from "../finding.ts";

export const tunnelClamped: Check = {
  code: "KN320",
  name: "tunnel-mtu-clamped",
  family: "mtu",
  severity: "warning",
  summary: "The kernel lowers the tunnel's MTU, but pods keep the larger MTU.",
  documentation: `## What happens

flannel subtracts 50 bytes from the interface's MTU (or from the \`mtu\` setting) for both address families. If more is needed,
over IPv6 (70 bytes) or with a setting above the interface's MTU, the kernel lowers the MTU of the device when it is created,
without an error, but the pods' interfaces keep flannel's value.

The node itself rejects packets between the two sizes with ICMP *packet too big*; this works only if nothing filters ICMP. If
\`mtu\` is not set, as in a default dual-stack installation, the severity is info.

## How to fix it

Set the \`mtu\` of the backend so that the value minus 50 bytes does not exceed the MTU that the kernel sets.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan { mtu 1600 } }"),
    good: twoNodes("cni flannel { backend vxlan { mtu 1500 } }"),
  },
  severityOf: ({ written }) => (written === "yes" ? "warning" : "info"),
  message: ({ node, device, asked, given }) =>
    t`flannel requests MTU ${asked} for \`${device}\` on node \`${node}\`, but the kernel sets ${given} while pods keep ${asked}: larger packets are rejected with ICMP "packet too big"`,
  fixes: ({ fits }, source) => [setFix(t`Set \`mtu\` to ${fits}`, source, "mtu", String(fits))],
};
