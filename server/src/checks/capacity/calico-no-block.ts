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

export const calicoNoBlock: Check = {
  code: "KN423",
  name: "calico-no-block",
  family: "capacity",
  severity: "error",
  summary: "Under strict affinity nodes without a block start no pods.",
  documentation: `With \`strict-affinity true\` a node uses its own blocks only. One that finds none left, or with \`auto-allocate-blocks false\` was given none, starts no pods: *No more free affine blocks and
strict affinity enabled*. Use a larger pool, or smaller blocks.`,
  example: {
    bad: cluster("10.244.0.0/24", " { strict-affinity true }"),
    good: cluster("10.244.0.0/16", " { strict-affinity true }"),
  },
  message: ({ cluster: name, nodes, node, blocks, size, pools, allocates }) =>
    `${plural(Number(nodes), "node")} of cluster ${name} (${node} first) ${Number(nodes) === 1 ? "has" : "have"} no block and ${Number(nodes) === 1 ? "starts" : "start"} no pods under strict affinity: ${
      allocates === "no"
        ? "they claim none by themselves (auto-allocate-blocks false); give each a block"
        : `there are ${number(Number(blocks))} of /${size} in ${pools}; use a larger pool or smaller blocks`
    }`,
  fixes: blockFixes,
};
