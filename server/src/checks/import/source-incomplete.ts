import type { Check } from "../../findings/check.ts";
import { soundNode } from "../../findings/examples/manifests.ts";
import { t } from "../../text/l10n.ts";

const service = (port: string): string =>
  soundNode(`apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: kubernetes}
spec: {cidrs: [10.96.0.0/12]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: NodePort, clusterIP: 10.96.0.7, ports: [{port: 80, nodePort: ${port}}]}
`);

/** Reported by the front ends that read dumps. */
export const sourceIncomplete: Check<"KN806"> = {
  code: "KN806",
  name: "source-incomplete",
  family: "import",
  severity: "warning",
  summary: "A part of a source cannot be used.",
  documentation: `## What happens

A part of the source is truncated, redacted, of the wrong type, unknown to the API, stated twice, or beyond a limit. knet ignores this part and
reads the rest, so results can differ from the real cluster. An unknown field is often a wrong indentation: a selector without its
\`matchLabels\` selects everything. A requirement of a selector that kube-apiserver rejects matches nothing.

## How to fix it

Collect the data again without the tool that shortens or redacts it, or fix the value.`,
  example: { language: "yaml", bad: service("web"), good: service("30080") },
  message: (data) => {
    switch (data.cause) {
      case "truncated":
        return t`the source ends within an object; the rest is missing`;
      case "redacted":
        return t`${data.field} is redacted (\`${data.value}\`) and treated as unknown`;
      case "type":
        return t`${data.field} is ignored: expected ${data.expected}, found \`${data.value}\``;
      case "rejected":
        return t`${data.field}: kube-apiserver rejects \`${data.value}\`; expected ${data.expected}`;
      case "unknown-field": {
        const fact =
          data.parent === ""
            ? t`unknown field \`${data.field}\`: ignored`
            : t`unknown field \`${data.field}\` in ${data.parent}: ignored`;
        return data.nearest === undefined ? fact : t`${fact}; did you mean \`${data.nearest}\`?`;
      }
      case "duplicate-key":
        return t`\`${data.key}\` is stated twice; the last value applies`;
      case "limit":
        return t`not read: ${data.limit}`;
    }
  },
};
