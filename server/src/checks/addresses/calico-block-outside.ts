import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const calicoBlockOutside: Check<"KN158"> = {
  code: "KN158",
  name: "calico-block-outside",
  family: "addresses",
  severity: "error",
  summary: "A node's block does not belong to any IP pool.",
  documentation: `## What happens

Blocks are cut from IP pools: a block is a prefix inside a pool, and its length is the pool's block size. Calico's IPAM
does not recognize any other prefix as a block.

## How to fix it

Use a block of a pool, or remove \`block\` so that the node claims a block automatically.`,
  example: {
    bad: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  cni calico { block 10.200.9.0/26 }\n}"),
    good: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  cni calico { block 10.244.9.0/26 }\n}"),
  },
  message: ({ node, block, pools }) => t`block ${block} of node \`${node}\` is not a block of an IP pool (${pools})`,
  fixes: ({ block }, source) => [
    removeFix(t`Remove ${block} and claim a block automatically`, sourceAt(source, "whole")),
  ],
};
