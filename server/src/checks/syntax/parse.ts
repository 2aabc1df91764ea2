import type { FaultKind } from "../../declared/file-problem.ts";
import type { Check } from "../../findings/check.ts";
import { t } from "../../text/l10n.ts";

export const parse: Check<"KN001"> = {
  code: "KN001",
  name: "syntax",
  family: "syntax",
  severity: "error",
  summary: "The text is not valid knet syntax.",
  documentation: `## What happens

A statement has the form \`keyword argument* [ { statement* } ]\` and ends at the end of its line, at \`;\`, or at \`}\`.
Lists are enclosed in brackets and can span lines. Strings are enclosed in double quotes and must end on the same line.
Comments start with \`#\` or \`//\`, or are enclosed in \`/*\` and \`*/\`.

knet skips text that does not fit this syntax and checks the rest of the file as usual.

## How to fix it

Add the missing brace, bracket, quote, or \`*/\`, or remove the unmatched character.`,
  example: {
    bad: `segment lan {
  cidr 192.168.10.0/24
}
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
}
`,
  },
  message: ({ kind, text }) => MESSAGES[kind](text.length > 20 ? `${text.slice(0, 19)}…` : text),
  fixes: ({ kind, text, repair }) => (repair === undefined ? [] : [{ title: TITLES[kind](text), edits: [repair] }]),
};

const MESSAGES: Readonly<Record<FaultKind, (text: string) => string>> = {
  "unclosed-block": () => t`this \`{\` is never closed; add \`}\` at the end of the block`,
  "stray-close": () => t`unmatched \`}\`; remove it, or add \`{\` where the block starts`,
  "unclosed-list": () => t`this \`[\` is never closed; add \`]\` at the end of the list`,
  "stray-bracket": (text) => t`unmatched \`${text}\`; remove it`,
  "unclosed-string": () => t`this string is never closed; add \`"\` on the same line`,
  "unclosed-comment": () => t`this comment is never closed; add \`*/\``,
  "unexpected-character": (text) => t`unexpected \`${text}\`; remove it, or enclose the text in double quotes`,
  "too-deep": () => t`blocks are nested too deeply; no statement requires more than a few levels`,
};

const TITLES: Readonly<Record<FaultKind, (text: string) => string>> = {
  "stray-close": (text) => t`Remove \`${text}\``,
  "stray-bracket": (text) => t`Remove \`${text}\``,
  "unexpected-character": (text) => t`Remove \`${text}\``,
  "unclosed-list": () => t`Add \`]\` at the end of the line`,
  "unclosed-string": () => t`Add \`"\` at the end of the line`,
  "unclosed-comment": () => t`Add \`*/\` at the end of the line`,
  "unclosed-block": () => t`Add \`}\` where the indentation ends`,
  "too-deep": () => "",
};
