import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const calicoBlockOutside: Check = {
  code: "KN158",
  name: "calico-block-outside",
  family: "addresses",
  severity: "error",
  summary: "A node's block is none of an IP pool.",
  documentation: `Blocks are cut from pools: a prefix inside a pool with the pool's block size. Any other is no block that Calico's IPAM knows.`,
  example: {
    bad: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  cni calico { block 10.200.9.0/26 }\n}"),
    good: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  cni calico { block 10.244.9.0/26 }\n}"),
  },
  message: ({ node, block, pools }) => `${block} of ${node} is no block of a pool (${pools})`,
  fixes: ({ block }, source) => [
    removeFix(`Let the node claim a block instead of ${block}`, sourceAt(source, "whole")),
  ],
};
