import type { Check } from "../../findings/check.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const repeatedStatement: Check<"KN008"> = {
  code: "KN008",
  name: "repeated-statement",
  family: "syntax",
  severity: "error",
  summary: "A single-value setting is set more than once.",
  documentation: `## What happens

The setting accepts only one value. knet uses the first statement and ignores any later one.

## How to fix it

Keep only one of the statements.`,
  example: {
    bad: `segment lan {
  cidr 192.168.10.0/24
  mtu 1500
  mtu 9000
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  mtu 9000
}
`,
  },
  message: ({ keyword, context }) => t`\`${keyword}\` is set twice ${context}; the first value is used`,
  fixes: ({ keyword }, source) => [removeFix(t`Remove this \`${keyword}\``, { ...source, part: "whole" })],
};
