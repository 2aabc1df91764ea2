import type { Check } from "../check.ts";

export const misplacedKeyword: Check = {
  code: "KN003",
  name: "misplaced-keyword",
  family: "syntax",
  severity: "error",
  summary: "The keyword exists, but not at this place.",
  documentation: `Each keyword has the blocks in which it may stand. Often a brace is missing or too many before it, so that the statement ended up
in another block than its indentation shows.`,
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
  message: ({ keyword, context, contexts }) => `${keyword} has no place in ${context}; it belongs in ${contexts}`,
};
