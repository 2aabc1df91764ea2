import type { Check } from "../../findings/check.ts";
import { t } from "../../text/l10n.ts";

export const missingArgument: Check<"KN004"> = {
  code: "KN004",
  name: "missing-argument",
  family: "syntax",
  severity: "error",
  summary: "A required argument is missing.",
  documentation: `## What happens

knet cannot interpret the statement without the argument, so it ignores the statement, or the part that depends on the
argument.

## How to fix it

Add the argument. Hover over the keyword to see the syntax of the statement.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
router
host h1 { attach lan 192.168.10.1 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
router tor
host h1 { attach lan 192.168.10.1 }
`,
  },
  message: ({ keyword, expected, after }) =>
    after === undefined
      ? t`\`${keyword}\` is missing an argument: ${expected}`
      : t`\`${keyword}\` is missing an argument: ${expected} after \`${after}\``,
};
