import type { Check } from "../../findings/check.ts";
import { soundNode } from "../../findings/examples/manifests.ts";
import { t } from "../../text/l10n.ts";

const labeled = (value: string): string =>
  soundNode(`apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {public: ${value}}}
`);

/** Reported by the front ends that read YAML. */
export const scalarAmbiguous: Check<"KN805"> = {
  code: "KN805",
  name: "scalar-ambiguous",
  family: "import",
  severity: "warning",
  summary: "Kubernetes reads an unquoted YAML value differently than it is written.",
  documentation: `## What happens

kubectl reads YAML 1.1: unquoted \`on\`, \`off\`, \`yes\`, \`no\`, \`y\`, and \`n\` are booleans, 010 is the octal number 8, 1_000 is 1000, and
1.20 is the number 1.2. In a field that must be a string, such as a label, kube-apiserver rejects the object, and knet uses the text as it
is written. Other fields are not reported: in \`defaultMode: 0400\`, the octal number is intended.

## How to fix it

Put the value in quotes.

## References

- sigs.k8s.io/yaml, go.yaml.in/yaml/v2 \`resolve.go\``,
  example: { language: "yaml", bad: labeled("on"), good: labeled('"on"') },
  message: ({ text, read }) => t`Kubernetes reads unquoted \`${text}\` as ${read}; put it in quotes`,
};
