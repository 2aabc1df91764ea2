import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const calicoPodCidrIgnored: Check = {
  code: "KN157",
  name: "calico-pod-cidr-ignored",
  family: "addresses",
  severity: "warning",
  summary: "A node's pod-cidr has no meaning for Calico.",
  documentation: `Calico's IPAM hands out blocks of its pools and does not look at node.spec.podCIDR. To give a node a block of its own write \`block\` in its \`cni calico\`.`,
  example: {
    bad: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  pod-cidr 10.244.9.0/24\n}"),
    good: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  cni calico { block 10.244.9.0/26 }\n}"),
  },
  message: ({ node, cidr }) =>
    `Calico's IPAM does not look at the pod-cidr ${cidr} of ${node}; write cni calico { block … } for a block of its own`,
  fixes: ({ cidr }, source) => [removeFix(`Leave pod-cidr ${cidr} out`, sourceAt(source, "whole"))],
};
