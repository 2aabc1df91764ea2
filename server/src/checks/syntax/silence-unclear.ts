import type { Check } from "../../findings/check.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

/** Reported by `run.ts`, which reads the comments. */
export const silenceUnclear: Check<"KN019"> = {
  code: "KN019",
  name: "silence-unclear",
  family: "syntax",
  severity: "warning",
  summary: "A `knet-ignore` comment is missing a valid code or a reason.",
  documentation: `## What happens

A \`knet-ignore\` comment requires one or more diagnostic codes and a reason. The reason allows the next reader of the
file to decide whether the comment is still needed.

Without a valid code, the comment suppresses nothing. Without a reason, it still suppresses the diagnostic.

## How to fix it

Write the comment as \`knet-ignore KN105 reason\`. \`knet explain\` lists the codes.`,
  example: {
    bad: `segment lan {
  cidr 192.168.10.0/24
  gateway 192.168.11.1   # knet-ignore KN112
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  gateway 192.168.11.1   # knet-ignore KN112 the provider routes both subnets
}
`,
  },
  message: (data) => {
    switch (data.cause) {
      case "no-code":
        return t`\`knet-ignore\` has no diagnostic code; write \`knet-ignore KN105 reason\``;
      case "unknown-code":
        return t`unknown diagnostic ${data.code}; run \`knet explain\` for a list`;
      case "no-reason":
        return data.codes.length === 1
          ? t`\`knet-ignore ${data.codes[0] ?? ""}\` has no reason; add one after the code`
          : t`\`knet-ignore\` has no reason for ${list(data.codes)}; add one after the codes`;
    }
  },
  fixes: ({ known }, { file }, { span }) =>
    known || !span ? [] : [{ title: t`Remove the comment`, edits: [{ kind: "comment", file, span }] }],
};
