import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const flannelLeaseOutside: Check = {
  code: "KN133",
  name: "flannel-lease-outside",
  family: "addresses",
  severity: "error",
  summary: "A node's pod range lies outside flannel's network: flanneld ends on that node.",
  documentation: `With the kube subnet manager flanneld checks its node's podCIDR against \`Network\` and ends with *subnet "…" specified in
the flannel net config doesn't contain "…" PodCIDR of the "…" node* (\`pkg/subnet/kube/kube.go\`); the pod is then in
CrashLoopBackOff and the node has no pod network.

The usual cause is the shipped manifest's 10.244.0.0/16 in a cluster that was set up with another \`--pod-network-cidr\`. Make
\`network\` the cluster's \`pods\` range, or leave it out.`,
  example: {
    bad: twoNodes("cni flannel {\n  network 10.244.0.0/24\n  backend vxlan\n}"),
    good: twoNodes("cni flannel {\n  network 10.244.0.0/16\n  backend vxlan\n}"),
  },
  message: ({ node, cidr, network }) =>
    `pod range ${cidr} of node ${node} is not in flannel's network ${network}: flanneld ends there, and the node has no pod network; make flannel's network the cluster's pod range`,
  fixes: (_data, place, { related }) => {
    const network = [place, ...related.map(({ source }) => source)].find(
      ({ statement }) => statement.keyword.text === "network",
    );
    return network ? [removeFix("Let flannel take the cluster's pod range", sourceAt(network, "whole"))] : [];
  },
};
