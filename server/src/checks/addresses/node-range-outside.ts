import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const nodeRangeOutside: Check<"KN123"> = {
  code: "KN123",
  name: "node-range-outside-cluster",
  family: "addresses",
  severity: "error",
  summary: "A node's pod CIDR is outside the cluster's pod CIDR.",
  documentation: `## What happens

Masquerade and forwarding rules and many other settings (kube-proxy's \`--cluster-cidr\`, flannel's \`Network\`) are written
for the cluster's pod CIDR. Traffic from pods outside it is masqueraded like traffic from external hosts, and flanneld exits
on the node.

## How to fix it

Use a block of the cluster's pod CIDR, or remove \`pod-cidr\` to allocate one.`,
  example: {
    bad: twoNodes("cni bridge", "node n3 { attach lan 192.168.10.13; pod-cidr 10.60.1.0/24 }"),
    good: twoNodes("cni bridge", "node n3 { attach lan 192.168.10.13; pod-cidr 10.244.9.0/24 }"),
  },
  message: ({ node, cidr, pods }) => t`pod CIDR ${cidr} of node \`${node}\` is outside the cluster's pod CIDR ${pods}`,
  fixes: ({ cidr }, source) => [removeFix(t`Remove ${cidr} and allocate a pod CIDR`, sourceAt(source, "whole"))],
};
