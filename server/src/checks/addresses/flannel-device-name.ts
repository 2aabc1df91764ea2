import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { setFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const flannelDeviceName: Check<"KN136"> = {
  code: "KN136",
  name: "flannel-device-name",
  family: "addresses",
  severity: "error",
  summary: "The VNI makes the device name longer than the kernel allows.",
  documentation: `## What happens

flannel names its device \`flannel.<VNI>\`, and for IPv6 \`flannel-v6.<VNI>\`. The kernel limits device names to 15
characters (\`IFNAMSIZ\`), so a VNI above 9999999 cannot be used. In dual stack, the limit is 9999.

## How to fix it

Use a smaller VNI.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan { vni 12345678 } }"),
    good: twoNodes("cni flannel { backend vxlan { vni 4096 } }"),
  },
  message: ({ device, vni }) =>
    t`VNI ${vni} results in device name \`${device}\`, which is longer than the kernel's limit of 15 characters`,
  fixes: (_data, source) => [setFix(t`Change VNI to 4096 (lowest value that Windows accepts)`, source, "vni", "4096")],
};
