import type { Check } from "../../findings/check.ts";
import { suggestionFix } from "../../fixes/suggestion.ts";
import { t } from "../../text/l10n.ts";

export const unknownKeyword: Check<"KN002"> = {
  code: "KN002",
  name: "unknown-keyword",
  family: "syntax",
  severity: "error",
  summary: "A statement has an unknown keyword.",
  documentation: `## What happens

A statement starts with a keyword, and this keyword does not exist. knet skips the statement with its block.

## How to fix it

Check the spelling. \`docs/language.md\` lists the statements of each block; completion offers the statements that are
allowed at the cursor.`,
  example: {
    bad: `segment lan {
  cird 192.168.10.0/24
  cidr 192.168.11.0/24
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  cidr 192.168.11.0/24
}
`,
  },
  message: ({ keyword, context, suggestion }) =>
    suggestion === undefined
      ? t`unknown statement \`${keyword}\` ${context}`
      : t`unknown statement \`${keyword}\` ${context}; did you mean \`${suggestion}\`?`,
  fixes: suggestionFix,
};
