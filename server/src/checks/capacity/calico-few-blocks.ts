import { number, plural } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { blockFixes } from "./calico-blocks.ts";

const cluster = (pods: string, settings: string): string => `segment lan { cidr 10.0.0.0/24; gateway 10.0.0.1 }
cluster prod {
  pods ${pods}
  services 10.96.0.0/12
  cni calico${settings}
  nodes w 1..5 { attach lan }
}
`;

export const calicoFewBlocks: Check = {
  code: "KN422",
  name: "calico-few-blocks",
  family: "capacity",
  severity: "warning",
  summary: "There are more nodes than blocks; the last ones borrow addresses.",
  documentation: `A pool holds 2^(block size − pool) blocks: a /24 with /26 four. A node that finds none left takes single addresses out of the blocks of others, each of which needs a route of
its own on all nodes. Use a larger pool, or smaller blocks (\`block-size\`, fixed once the pool exists).`,
  example: {
    bad: cluster("10.244.0.0/24", ""),
    good: cluster("10.244.0.0/16", ""),
  },
  message: ({ cluster: name, nodes, node, blocks, size, pools }) =>
    `${plural(Number(nodes), "node")} of cluster ${name} (${node} first) ${Number(nodes) === 1 ? "finds" : "find"} no block: there are ${number(Number(blocks))} of /${size} in ${pools}; they borrow single addresses, with a route for each; use a larger pool or smaller blocks`,
  fixes: blockFixes,
};
