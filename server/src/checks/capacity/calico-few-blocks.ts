import { formatPrefix } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { blockFixes } from "../../fixes/calico-blocks.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (pods: string, settings: string): string => `segment lan { cidr 10.0.0.0/24; gateway 10.0.0.1 }
cluster prod {
  pods ${pods}
  services 10.96.0.0/12
  cni calico${settings}
  nodes w 1..5 { attach lan }
}
`;

export const calicoFewBlocks: Check<"KN422"> = {
  code: "KN422",
  name: "calico-few-blocks",
  family: "capacity",
  severity: "warning",
  summary: "There are more nodes than blocks, so some nodes borrow addresses.",
  documentation: `## What happens

A pool contains 2^(block size − pool length) blocks: a /24 with block size /26 contains four. A node that cannot claim a
block borrows single addresses from the blocks of other nodes, and every borrowed address needs its own route on all
nodes.

## How to fix it

Use a larger pool, or smaller blocks (\`block-size\`, which cannot be changed after the pool is created).`,
  example: {
    bad: cluster("10.244.0.0/24", ""),
    good: cluster("10.244.0.0/16", ""),
  },
  message: ({ cluster: name, nodes, node, blocks, size, pools }) => {
    const all = plural(blocks, "block");
    const from = pools.map(formatPrefix).join(", ");
    return nodes === 1
      ? t`node \`${node}\` cannot claim a block from ${from} (${all}, /${size} each) and borrows single addresses, each with its own route`
      : t`${plural(nodes, "node")} of cluster \`${name}\` (first: \`${node}\`) cannot claim a block from ${from} (${all}, /${size} each) and borrow single addresses, each with its own route`;
  },
  fixes: blockFixes,
};
