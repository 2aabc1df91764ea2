import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { setFix } from "../finding.ts";

export const flannelDeviceName: Check = {
  code: "KN136",
  name: "flannel-device-name",
  family: "addresses",
  severity: "error",
  summary: "The VNI makes a device name that is longer than the kernel allows.",
  documentation: `flannel calls its device \`flannel.<VNI>\`, for IPv6 \`flannel-v6.<VNI>\`. The kernel takes names of at most 15 characters
(IFNAMSIZ), so a VNI above 9,999,999, in dual stack one above 9,999, cannot be used.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan { vni 12345678 } }"),
    good: twoNodes("cni flannel { backend vxlan { vni 4096 } }"),
  },
  message: ({ device, vni }) =>
    `VNI ${vni} makes the device name ${device}, and the kernel takes at most 15 characters; choose a smaller VNI`,
  fixes: (_data, source) => [setFix("Use VNI 4096, the smallest that Windows takes too", source, "vni", "4096")],
};
