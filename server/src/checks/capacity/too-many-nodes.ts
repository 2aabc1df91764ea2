import { number } from "../../text/words.ts";
import type { Check } from "../check.ts";

export const tooManyNodes: Check = {
  code: "KN403",
  name: "too-many-nodes",
  family: "capacity",
  severity: "error",
  summary: "A cluster has more nodes than knet keeps.",
  documentation: `Kubernetes is tested to 5,000 nodes; knet keeps twenty times as many and leaves out the rest. Most likely a number in \`nodes … 1..N\` has a digit too many.`,
  example: {
    bad: `segment lan { cidr 10.0.0.0/8 }
cluster big {
  nodes a 1..60000 { attach lan }
  nodes b 1..60000 { attach lan }
}
`,
    good: `segment lan { cidr 10.0.0.0/8 }
cluster big {
  nodes a 1..60 { attach lan }
  nodes b 1..60 { attach lan }
}
`,
  },
  message: ({ cluster, count, max }) =>
    `cluster ${cluster} has ${number(Number(count))} nodes, and knet keeps ${number(Number(max))}; the rest is left out`,
};
