import type { Check } from "../../findings/check.ts";
import { soundNode } from "../../findings/examples/manifests.ts";
import { t } from "../../text/l10n.ts";

/** Reported by the front ends that read YAML, JSON, and the output of commands. */
export const sourceInvalid: Check<"KN802"> = {
  code: "KN802",
  name: "source-invalid",
  family: "import",
  severity: "error",
  summary: "A source is not valid YAML, JSON, or command output.",
  documentation: `## What happens

The parser of the source reports an error at this position. What was read before the error, and other documents of the file, are
used; the rest is missing, so this error can cause other diagnostics.

## How to fix it

Fix the syntax. A file below \`templates/\` of a Helm chart is a template, not YAML: use the output of \`helm template\`.`,
  example: {
    language: "yaml",
    bad: soundNode(`apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}
`),
    good: soundNode(`apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
`),
  },
  message: ({ error }) => t`invalid source: ${error}`,
};
