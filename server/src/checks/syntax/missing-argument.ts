import type { Check } from "../check.ts";

export const missingArgument: Check = {
  code: "KN004",
  name: "missing-argument",
  family: "syntax",
  severity: "error",
  summary: "A statement lacks something that it needs.",
  documentation: `The statement cannot be understood without the argument and is left out of the topology as far as it depends on it. Hover over the
keyword shows its form.`,
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
    `${keyword} needs ${expected}${after === undefined ? "" : ` after ${after}`}`,
};
