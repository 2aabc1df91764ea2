import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export const ambiguousName: Check<"KN016"> = {
  code: "KN016",
  name: "ambiguous-name",
  family: "syntax",
  severity: "error",
  explains: ["unclear-endpoint"],
  summary: "A path is ambiguous.",
  documentation: `## What happens

More than one object matches the path. knet cannot choose one, so it ignores the reference.

## How to fix it

Use a longer path: \`prod/n1\` if two clusters have a node \`n1\`; \`shop/web\` or \`prod/shop/web\` for a pod.`,
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
  message: ({ name, candidates }) => {
    const paths = list(candidates.map((path) => `\`${path}\``));
    return t`path \`${name}\` is ambiguous: it matches ${paths}; use a longer path`;
  },
  fixes: ({ candidates }, source) =>
    candidates.slice(0, 5).map((path) => replaceFix(t`Change to \`${path}\``, source, path)),
};
