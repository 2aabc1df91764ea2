import type { Span } from "../../language/tree.ts";
import type { Check, Finding } from "../check.ts";
import { NO_STATEMENT } from "../source.ts";

/** Made by `config.ts`; its examples are files called knet.json. */
export const configuration: Check = {
  code: "KN017",
  name: "configuration",
  family: "syntax",
  severity: "error",
  summary: "knet.json has something in it that knet does not understand.",
  documentation: `\`knet.json\`, beside the topology files or in a folder above them, says how grave a project takes which check: \`off\`, \`hint\`,
\`info\`, \`warning\` or \`error\`, by code or by name. It holds in the editor and on the command line alike, and wins over the editor's
settings. What is wrong in it is left out; the rest holds.`,
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
    source: { file, statement: NO_STATEMENT, part: "whole" },
    span,
    related: [],
    fixes: [],
  };
}
