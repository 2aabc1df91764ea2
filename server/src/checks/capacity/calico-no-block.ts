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

export const calicoNoBlock: Check<"KN423"> = {
  code: "KN423",
  name: "calico-no-block",
  family: "capacity",
  severity: "error",
  summary: "With strict affinity, nodes without a block cannot start pods.",
  documentation: `## What happens

With \`strict-affinity true\`, a node uses only addresses from its blocks. If no block is left for a node, or if none is
assigned to it with \`auto-allocate-blocks false\`, its pods do not start: *No more free affine blocks and strict affinity
enabled*.

## How to fix it

Use a larger pool, or smaller blocks. With \`auto-allocate-blocks false\`, assign a \`block\` to every node.`,
  example: {
    bad: cluster("10.244.0.0/24", " { strict-affinity true }"),
    good: cluster("10.244.0.0/16", " { strict-affinity true }"),
  },
  message: ({ cluster: name, nodes, node, blocks, size, pools, allocates }) => {
    const all = plural(blocks, "block");
    const from = pools.map(formatPrefix).join(", ");
    if (!allocates) {
      return nodes === 1
        ? t`node \`${node}\` cannot start pods with strict affinity: nodes do not claim blocks (\`auto-allocate-blocks false\`); assign a block to the node`
        : t`${plural(nodes, "node")} of cluster \`${name}\` (first: \`${node}\`) cannot start pods with strict affinity: nodes do not claim blocks (\`auto-allocate-blocks false\`); assign a block to each node`;
    }
    return nodes === 1
      ? t`node \`${node}\` cannot claim a block from ${from} (${all}, /${size} each), so it cannot start pods with strict affinity`
      : t`${plural(nodes, "node")} of cluster \`${name}\` (first: \`${node}\`) cannot claim a block from ${from} (${all}, /${size} each), so they cannot start pods with strict affinity`;
  },
  fixes: blockFixes,
};
