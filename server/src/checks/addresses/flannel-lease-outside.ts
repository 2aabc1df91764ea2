import { keywordOf, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const flannelLeaseOutside: Check<"KN133"> = {
  code: "KN133",
  name: "flannel-lease-outside",
  family: "addresses",
  severity: "error",
  explains: ["lost-packets", "other-network"],
  summary: "A node's pod CIDR is outside flannel's network, so flanneld exits on that node.",
  documentation: `## What happens

With the kube subnet manager, flanneld compares the pod CIDR of its node with \`Network\` and exits with *subnet "…"
specified in the flannel net config doesn't contain "…" PodCIDR of the "…" node*. The flannel pod is in
CrashLoopBackOff, and the node has no pod network.

Common cause: the manifest's default of 10.244.0.0/16 in a cluster that was created with a different
\`--pod-network-cidr\`.

## How to fix it

Set \`network\` to the cluster's pod CIDR, or remove it.

## References

- flannel: \`pkg/subnet/kube/kube.go\``,
  example: {
    bad: twoNodes("cni flannel {\n  network 10.244.0.0/24\n  backend vxlan\n}"),
    good: twoNodes("cni flannel {\n  network 10.244.0.0/16\n  backend vxlan\n}"),
  },
  message: ({ node, cidr, network }) =>
    t`pod CIDR ${cidr} of node \`${node}\` is outside flannel's network ${network}: flanneld exits, and the node has no pod network`,
  fixes: (_data, place, { related }) => {
    const network = [place, ...related.map(({ source }) => source)].find((one) => keywordOf(one) === "network");
    return network ? [removeFix(t`Remove \`network\` and use the pod CIDR`, sourceAt(network, "whole"))] : [];
  },
};
