import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";

export const flannelConfig: Check = {
  code: "KN130",
  name: "flannel-config",
  family: "addresses",
  severity: "error",
  summary: "flanneld refuses its network configuration.",
  documentation: `With the etcd subnet manager flanneld checks \`Network\`, \`SubnetLen\`, \`SubnetMin\` and \`SubnetMax\` at its start and ends with
the quoted error (\`pkg/subnet/config.go\`, CheckNetworkConfig): the network must hold four subnets at least, a subnet may
not be smaller than /30, the first and the last one must lie in the network and on a subnet boundary.`,
  example: {
    bad: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-len /24\n  subnet-min 10.244.16.5\n  backend vxlan\n}",
    ),
    good: twoNodes(
      "cni flannel {\n  subnet-manager etcd\n  subnet-len /24\n  subnet-min 10.244.16.0\n  backend vxlan\n}",
    ),
  },
  message: ({ error }) => `flanneld does not start with this: "${error}"`,
};
