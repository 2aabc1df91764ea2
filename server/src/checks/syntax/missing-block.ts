import type { Check } from "../check.ts";
import { wordsEdit } from "../finding.ts";

export const missingBlock: Check = {
  code: "KN009",
  name: "missing-block",
  family: "syntax",
  severity: "error",
  summary: "A statement that means nothing without its block has none.",
  documentation: `A segment has its prefix, a cluster its ranges and nodes in the block after its name: \`segment lan { cidr 192.168.10.0/24 }\`.`,
  example: {
    bad: `cluster prod
`,
    good: `cluster prod {
  pods 10.244.0.0/16 per-node /24
}
`,
  },
  message: ({ keyword }) => `${keyword} needs a block: { … } with its settings`,
  fixes: (_data, source) => [{ title: "Give it an empty block", edits: [wordsEdit(source, "{\n}")] }],
};
