import type { Check } from "../../findings/check.ts";
import { LEVELS } from "../../findings/levels.ts";
import { either } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

/** Reported by `config.ts`; its examples are `knet.json` files. */
export const configuration: Check<"KN017"> = {
  code: "KN017",
  name: "configuration",
  family: "syntax",
  severity: "error",
  summary: "The `knet.json` file contains an invalid entry.",
  documentation: `## What happens

A \`knet.json\` file next to the topology files, or in a folder above them, sets the severity of each check for a project:
\`off\`, \`hint\`, \`info\`, \`warning\`, or \`error\`, by code or by name. It applies in the editor and on the command line, and
takes precedence over the editor settings.

knet ignores an invalid entry and applies the rest of the file.

## How to fix it

Use a code or a name that \`knet explain\` lists, and one of the five values above. If the file is not valid JSON, fix its
syntax first.`,
  example: {
    language: "json",
    bad: `{ "checks": { "KN407": "none" } }
`,
    good: `{ "checks": { "KN407": "off" } }
`,
  },
  message: (data) => {
    switch (data.cause) {
      case "syntax":
        return t`invalid JSON: ${data.error}`;
      case "no-object":
        return t`expected an object such as \`{ "checks": { … } }\``;
      case "no-checks":
        return t`\`checks\` must be an object such as \`{ "KN407": "off" }\``;
      case "property":
        return t`unknown property \`${data.name}\`; expected \`checks\``;
      case "check":
        return t`unknown diagnostic ${data.name}; run \`knet explain\` for a list`;
      case "severity": {
        const given = data.text === undefined ? t`without a value` : `\`${data.text}\``;
        return t`invalid severity ${given}; expected ${either(LEVELS.map((one) => `\`${one}\``))}`;
      }
    }
  },
};
