import type { Check } from "../check.ts";
import { suggestionFix, suggestionHint } from "./suggestion.ts";

export const unknownKeyword: Check = {
  code: "KN002",
  name: "unknown-keyword",
  family: "syntax",
  severity: "error",
  summary: "Nothing in the language is called so.",
  documentation: `The first word of a statement is its keyword. The statement is skipped with everything in its block. \`docs/language.md\` lists the
keywords by the place where they stand; completion offers those that fit.`,
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
    `nothing is called ${keyword} in ${context}${suggestionHint(suggestion)}`,
  fixes: suggestionFix,
};
