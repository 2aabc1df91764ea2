import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const calicoPodCidrIgnored: Check<"KN157"> = {
  code: "KN157",
  name: "calico-pod-cidr-ignored",
  family: "addresses",
  severity: "warning",
  summary: "Calico ignores a node's `pod-cidr`.",
  documentation: `## What happens

Calico's IPAM allocates blocks from its IP pools and ignores \`spec.podCIDR\` of the nodes.

## How to fix it

Remove \`pod-cidr\`. To assign a specific block to a node, set \`block\` in the node's \`cni calico\` block.`,
  example: {
    bad: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  pod-cidr 10.244.9.0/24\n}"),
    good: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  cni calico { block 10.244.9.0/26 }\n}"),
  },
  message: ({ node, cidr }) =>
    t`Calico ignores \`pod-cidr ${cidr}\` of node \`${node}\`; use \`cni calico { block … }\` to assign a block`,
  fixes: ({ cidr }, source) => [removeFix(t`Remove \`pod-cidr ${cidr}\``, sourceAt(source, "whole"))],
};
