import type { Check } from "../../findings/check.ts";
import { t } from "../../text/l10n.ts";

export const misplacedKeyword: Check<"KN003"> = {
  code: "KN003",
  name: "misplaced-keyword",
  family: "syntax",
  severity: "error",
  summary: "A statement is not allowed in its block.",
  documentation: `## What happens

Each statement is allowed only in certain blocks. knet skips a misplaced statement with its block. A common cause is a
missing or extra brace above it: the statement is then in a different block than its indentation suggests.

## How to fix it

Move the statement to a block that allows it, or fix the braces above it. \`docs/language.md\` lists the statements of
each block.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
attach lan 192.168.10.1
`,
    good: `segment lan { cidr 192.168.10.0/24 }
router tor {
  attach lan 192.168.10.1
}
`,
  },
  message: ({ keyword, context, contexts }) => t`\`${keyword}\` is not allowed ${context}; it is allowed ${contexts}`,
};
