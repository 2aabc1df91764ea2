import type { Check } from "../../findings/check.ts";
import { t } from "../../text/l10n.ts";

/** Reported by `run.ts` after all other checks. */
export const silenceUnused: Check<"KN018"> = {
  code: "KN018",
  name: "silence-unused",
  family: "syntax",
  severity: "warning",
  summary: "A `knet-ignore` comment suppresses a diagnostic that does not occur.",
  documentation: `## What happens

The scope of \`knet-ignore KN105 reason\` depends on its position:

- at the end of a line, it applies to that line
- on its own line, it applies to the statement that follows, including its block
- \`knet-ignore-file\` applies to the whole file

The diagnostic does not occur in this scope: the problem is fixed, or it is elsewhere in the file. If the comment
remains, it hides the next problem of the same kind.

## How to fix it

Remove the comment, or move it to the line that the diagnostic underlines.`,
  example: {
    bad: `# knet-ignore KN105 the office moves in May
segment lan { cidr 192.168.10.0/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
`,
  },
  message: ({ code, alone, scope }) => {
    if (!scope)
      return t`no statement follows this comment, so ${code} is not suppressed; move the comment above the statement or to the end of its line`;
    return alone
      ? t`${code} does not occur here, so this comment suppresses nothing`
      : t`${code} does not occur here; remove it from the comment`;
  },
  fixes: ({ alone }, { file }, { span }) =>
    alone && span ? [{ title: t`Remove the comment`, edits: [{ kind: "comment", file, span }] }] : [],
};
