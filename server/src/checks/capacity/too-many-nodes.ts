import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Check } from "../check.ts";

export const tooManyNodes: Check = {
  code: "KN403",
  name: "too-many-nodes",
  family: "capacity",
  severity: "error",
  summary: "A cluster has more nodes than knet supports.",
  documentation: `## What happens

Kubernetes is tested with up to 5,000 nodes. knet supports 20 times as many and ignores the remaining nodes. Common
cause: a number in \`nodes … 1..N\` has an extra digit.

## How to fix it

Reduce the number of nodes.`,
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
    t`cluster \`${cluster}\` has ${plural(Number(count), "node")}; knet supports ${number(Number(max))} and ignores the rest`,
};
