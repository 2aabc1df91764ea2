import type { Check } from "../check.ts";

export const missingStatement: Check = {
  code: "KN011",
  name: "missing-statement",
  family: "syntax",
  severity: "error",
  summary: "A block lacks a statement that it cannot do without.",
  documentation: `A segment without \`cidr\` has no addresses to give, a cluster with pods needs a \`pods\` range. Without the statement what depends on it is left out.`,
  example: {
    bad: `segment lan {
  mtu 9000
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  mtu 9000
}
`,
  },
  message: ({ keyword, context }) => `${context} needs a ${keyword} statement; add one to this block`,
};
