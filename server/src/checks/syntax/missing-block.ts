import type { Check } from "../../findings/check.ts";
import { wordsEdit } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const missingBlock: Check<"KN009"> = {
  code: "KN009",
  name: "missing-block",
  family: "syntax",
  severity: "error",
  summary: "A required block is missing.",
  documentation: `## What happens

The statement has no effect without its block: the block of a segment contains its prefix, and the block of a cluster
contains its CIDRs and nodes.

## How to fix it

Add the block after the arguments: \`segment lan { cidr 192.168.10.0/24 }\`.`,
  example: {
    bad: `cluster prod
`,
    good: `cluster prod {
  pods 10.244.0.0/16 per-node /24
}
`,
  },
  message: ({ keyword }) => t`\`${keyword}\` requires a block: \`${keyword} … { … }\``,
  fixes: (_data, source) => [{ title: t`Add an empty block`, edits: [wordsEdit(source, "{\n}")] }],
};
