import type { Check } from "../check.ts";
import { removeFix } from "../finding.ts";

export const repeatedStatement: Check = {
  code: "KN008",
  name: "repeated-statement",
  family: "syntax",
  severity: "error",
  summary: "A setting that has one value is given twice.",
  documentation: `The setting has one value, and the first statement holds. Remove one of the two, whichever is meant.`,
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
  message: ({ keyword, context }) =>
    `${keyword} stands twice in ${context}, and only the first one holds; remove one of them`,
  fixes: ({ keyword }, source) => [removeFix(`Remove this ${keyword}`, { ...source, part: "whole" })],
};
