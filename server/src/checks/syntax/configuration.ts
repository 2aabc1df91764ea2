import { fileOrigin } from "../../declared/navigate.ts";
import type { Span } from "../../text/span.ts";
import type { Check, Finding } from "../check.ts";

/** Reported by `config.ts`; its examples are `knet.json` files. */
export const configuration: Check = {
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
};

export function misconfigured(file: string, span: Span, message: string): Finding {
  return {
    code: configuration.code,
    severity: configuration.severity,
    message,
    source: fileOrigin(file),
    span,
    related: [],
    fixes: [],
  };
}
