import type { Check } from "../check.ts";
import { removeFix } from "../finding.ts";
import { suggestionFix, suggestionHint } from "./suggestion.ts";

export const unexpectedArgument: Check = {
  code: "KN005",
  name: "unexpected-argument",
  family: "syntax",
  severity: "error",
  summary: "A statement has a word too many.",
  documentation: `The word is none of the statement's arguments, or one that may stand only once. A statement ends at the end of its line or at \`;\`:
two statements on one line need it between them.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
router tor of the rack
`,
    good: `segment lan { cidr 192.168.10.0/24 }
router tor
`,
  },
  message: ({ keyword, text, suggestion }) =>
    `${keyword} takes no "${text}" here${suggestionHint(suggestion) || "; remove it, or put ; before a new statement"}`,
  fixes: (data, source) =>
    data.suggestion === undefined ? [removeFix(`Remove ${data.text}`, source)] : suggestionFix(data, source),
};
