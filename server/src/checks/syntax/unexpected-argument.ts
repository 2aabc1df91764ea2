import type { Check } from "../../findings/check.ts";
import { removeFix } from "../../fixes/fix.ts";
import { suggestionFix } from "../../fixes/suggestion.ts";
import { t } from "../../text/l10n.ts";

export const unexpectedArgument: Check<"KN005"> = {
  code: "KN005",
  name: "unexpected-argument",
  family: "syntax",
  severity: "error",
  summary: "A statement has an extra argument.",
  documentation: `## What happens

The statement does not accept this argument, or accepts it only once. knet ignores the extra argument.

## How to fix it

Remove the argument. If it is the start of a new statement, separate the two with \`;\` or a line break: a statement ends
at the end of its line or at \`;\`.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
router tor of the rack
`,
    good: `segment lan { cidr 192.168.10.0/24 }
router tor
`,
  },
  message: ({ keyword, text, suggestion }) =>
    suggestion === undefined
      ? t`unexpected argument \`${text}\` for \`${keyword}\`; use \`;\` to separate statements on one line`
      : t`unexpected argument \`${text}\` for \`${keyword}\`; did you mean \`${suggestion}\`?`,
  fixes: (data, source) =>
    data.suggestion === undefined ? [removeFix(t`Remove \`${data.text}\``, source)] : suggestionFix(data, source),
};
