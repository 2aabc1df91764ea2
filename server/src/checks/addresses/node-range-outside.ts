import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const nodeRangeOutside: Check = {
  code: "KN123",
  name: "node-range-outside-cluster",
  family: "addresses",
  severity: "error",
  summary: "A node's pod range lies outside the cluster's.",
  documentation: `Masquerade and forward rules, and much else (kube-proxy's \`--cluster-cidr\`, flannel's \`Network\`), are written for the cluster's range. Pods outside
it are masqueraded like foreign hosts, and flannel ends on such a node.`,
  example: {
    bad: twoNodes("cni bridge", "node n3 { attach lan 192.168.10.13; pod-cidr 10.60.1.0/24 }"),
    good: twoNodes("cni bridge", "node n3 { attach lan 192.168.10.13; pod-cidr 10.244.9.0/24 }"),
  },
  message: ({ node, cidr, pods }) =>
    `pod range ${cidr} of node ${node} is not in the cluster's ${pods}; use a block of that range, or leave pod-cidr out`,
  fixes: ({ cidr }, source) => [removeFix(`Let knet choose a range instead of ${cidr}`, sourceAt(source, "whole"))],
};
