import type { Check, ProblemData } from "../../findings/check.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export const tooManyNodes: Check<"KN403"> = {
  code: "KN403",
  name: "too-many-nodes",
  family: "capacity",
  severity: "error",
  stops: true,
  summary: "The topology has more nodes, pods, or service endpoints than knet supports.",
  documentation: `## What happens

knet supports 100,000 nodes, 300,000 pods, and 1,000,000 service endpoints in all clusters together. Kubernetes is tested
with up to 5,000 nodes and 150,000 pods in a cluster. knet checks only the syntax of a topology that exceeds a limit.
Common cause: a number in \`nodes … 1..N\` or \`replicas N\` has an extra digit.

## How to fix it

Reduce the number, or split the topology. A few pods of each workload are enough to check its connections.

## References

- kubernetes.io, *Considerations for large clusters*`,
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
  message: ({ kind, count, max }) =>
    t`the topology has ${counted(kind, count)}, but knet supports at most ${number(max)}: nothing else is checked`,
};

function counted(kind: ProblemData["KN403"]["kind"], count: number): string {
  switch (kind) {
    case "pods":
      return plural(count, "pod");
    case "endpoints":
      return plural(count, "service endpoint");
    case "nodes":
      return plural(count, "node");
  }
}
