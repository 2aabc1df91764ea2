import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";

export const ambiguousName: Check = {
  code: "KN016",
  name: "ambiguous-name",
  family: "syntax",
  severity: "error",
  summary: "A path may mean several things.",
  documentation: `Write more of the path: \`prod/n1\` where two clusters have a node \`n1\`, \`shop/web\` or \`prod/shop/web\` for a pod.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
cluster blue {
  node n1 { attach lan 192.168.10.11 }
}
cluster green {
  node n1 { attach lan 192.168.10.12 }
}
host h1 { attach lan 192.168.10.20 }
expect h1 -> n1 reachable
`,
    good: `segment lan { cidr 192.168.10.0/24 }
cluster blue {
  node n1 { attach lan 192.168.10.11 }
}
cluster green {
  node n1 { attach lan 192.168.10.12 }
}
host h1 { attach lan 192.168.10.20 }
expect h1 -> green/n1 reachable
`,
  },
  message: ({ name, candidates }) => `${name} can mean any of ${candidates}; write more of the path`,
  fixes: ({ candidates }, source) =>
    String(candidates)
      .split(", ")
      .slice(0, 5)
      .map((path) => replaceFix(`Write ${path}`, source, path)),
};
