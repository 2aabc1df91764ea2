import type { Check } from "../../findings/check.ts";
import { kindText } from "../../findings/names.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { either } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export const unknownName: Check<"KN012"> = {
  code: "KN012",
  name: "unknown-name",
  family: "syntax",
  severity: "error",
  explains: ["unclear-endpoint"],
  summary: "A name is not declared.",
  documentation: `## What happens

The statement refers to an object that no statement declares. knet ignores the reference.

## How to fix it

Check the spelling, declare the object, or import the file that declares it. Refer to segments, routers, and hosts by name.
Refer to nodes and pods by a path that is just long enough to be unique: \`n1\`, \`prod/n1\`, \`shop/web\`,
\`prod/shop/web\`.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
host h1 { attach lna 192.168.10.11 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
host h1 { attach lan 192.168.10.11 }
`,
  },
  message: ({ name, kind, suggestions }) =>
    suggestions.length === 0
      ? t`${kindText(kind)} \`${name}\` is not declared`
      : t`${kindText(kind)} \`${name}\` is not declared; did you mean ${either(suggestions.map((one) => `\`${one}\``))}?`,
  // Only the names of the message: another name would contradict it.
  fixes: ({ suggestions }, source) => suggestions.map((one) => replaceFix(t`Change to \`${one}\``, source, one)),
};
