import type { Silence } from "../../declared/document.ts";
import { fileOrigin } from "../../declared/navigate.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Check, Finding } from "../check.ts";
import { isCode } from "../silence.ts";

/** Reported by `run.ts`, which reads the comments. */
export const silenceUnclear: Check = {
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
};

export function unclearSilence(silence: Silence, known: (code: string) => boolean): Finding | undefined {
  const message = unclear(silence, known);
  if (message === undefined) return undefined;
  const { file, comment } = silence;
  return {
    code: silenceUnclear.code,
    severity: silenceUnclear.severity,
    message,
    source: fileOrigin(file),
    span: comment,
    related: [],
    fixes: silence.codes.some((code) => isCode(code) && known(code))
      ? []
      : [{ title: t`Remove the comment`, edits: [{ kind: "comment", file, span: comment }] }],
  };
}

function unclear({ codes, reason }: Silence, known: (code: string) => boolean): string | undefined {
  if (codes.length === 0) return t`\`knet-ignore\` has no diagnostic code; write \`knet-ignore KN105 reason\``;
  const wrong = codes.find((code) => !isCode(code) || !known(code));
  if (wrong !== undefined) return t`unknown diagnostic ${wrong}; run \`knet explain\` for a list`;
  if (/\p{L}/u.test(reason)) return undefined;
  return codes.length === 1
    ? t`\`knet-ignore ${codes[0] ?? ""}\` has no reason; add one after the code`
    : t`\`knet-ignore\` has no reason for ${list(codes)}; add one after the codes`;
}
