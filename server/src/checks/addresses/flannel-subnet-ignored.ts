import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";

export const flannelSubnetIgnored: Check = {
  code: "KN131",
  name: "flannel-subnet-ignored",
  family: "addresses",
  severity: "warning",
  summary: "subnet-len, subnet-min and subnet-max have no effect with the kube subnet manager.",
  documentation: `With \`--kube-subnet-mgr\` a node's subnet is its \`podCIDR\`, which kube-controller-manager cuts from the cluster's pod range;
flannel neither uses nor validates \`SubnetLen\`, \`SubnetMin\` and \`SubnetMax\` (\`pkg/subnet/kube/kube.go\`). Set the size of the
blocks with \`pods … per-node\`, or choose \`subnet-manager etcd\`.`,
  example: {
    bad: twoNodes("cni flannel {\n  subnet-len /26\n  backend vxlan\n}"),
    good: twoNodes("cni flannel {\n  backend vxlan\n}"),
  },
  message: ({ setting }) =>
    `${setting} has no effect with the kube subnet manager, which takes the nodes' podCIDRs; remove it, or use subnet-manager etcd`,
  fixes: ({ setting }, source) => [removeFix(`Remove ${setting}`, { ...source, part: "whole" })],
};
