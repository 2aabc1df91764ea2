import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";

export const flannelNetworkDiffers: Check = {
  code: "KN134",
  name: "flannel-network-differs",
  family: "addresses",
  severity: "warning",
  summary: "flannel's network is not the cluster's pod range.",
  documentation: `flannel writes its masquerade and forward rules for \`Network\`; kube-controller-manager cuts the nodes' ranges from
\`--cluster-cidr\`. Where the network is smaller, nodes with a range outside it get no pod network (KN133); where it is larger, packets to
everything in it are neither masqueraded nor sent to the default gateway as people expect.

Leave \`network\` out to have both the same.`,
  example: {
    bad: twoNodes("cni flannel {\n  network 10.240.0.0/12\n  backend vxlan\n}"),
    good: twoNodes("cni flannel {\n  network 10.244.0.0/16\n  backend vxlan\n}"),
  },
  impliedBy: ["KN133"],
  message: ({ network, pods }) =>
    `flannel's network ${network} is not the cluster's pod range ${pods}: its NAT and forward rules are written for another range; make them equal`,
  fixes: (_, source) => [
    removeFix("Remove network: flannel then has the cluster's pod range", { ...source, part: "whole" }),
  ],
};
