import type { Check } from "../../findings/check.ts";
import { t } from "../../text/l10n.ts";

export const unexpectedBlock: Check<"KN010"> = {
  code: "KN010",
  name: "unexpected-block",
  family: "syntax",
  severity: "error",
  summary: "A statement that does not accept a block has one.",
  documentation: `## What happens

knet skips the statements in the block. Common causes are a brace on the wrong line, and settings that belong to a
different argument value: the settings of \`backend vxlan\` are not allowed in \`backend host-gw\`.

## How to fix it

Move the statements to the enclosing block, or remove the block.`,
  example: {
    bad: `segment lan {
  cidr 192.168.10.0/24 { mtu 9000 }
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  mtu 9000
}
`,
  },
  message: ({ keyword, choice }) =>
    choice === undefined
      ? t`\`${keyword}\` does not accept a block; move its statements to the enclosing block`
      : t`\`${keyword} ${choice}\` has no settings and does not accept a block`,
  fixes: (_data, source) => [{ title: t`Remove the block`, edits: [{ kind: "remove-block", source }] }],
};
