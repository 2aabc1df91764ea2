import type { Check } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const policy = (except: string): string =>
  shop(`policy p {\n  select app=api\n  ingress from cidr 192.168.0.0/16 except ${except}\n}`);

export const exceptOutside: Check<"KN611"> = {
  code: "KN611",
  name: "policy-except-outside",
  family: "policies",
  severity: "error",
  summary: "An `except` prefix is not a strict subset of its `cidr`.",
  documentation: `## What happens

Each \`except\` prefix must be a strict subset of its \`cidr\`; otherwise, kube-apiserver rejects the policy ("must be a strict subset of
cidr"). An exception equal to the prefix would leave no addresses.

## How to fix it

Use a smaller prefix inside the \`cidr\`, or remove the exception.

## References

- kubernetes/kubernetes, \`pkg/apis/networking/validation\`, \`ValidateIPBlock\``,
  example: { bad: policy("10.0.0.0/8"), good: policy("192.168.99.0/24") },
  message: ({ except, cidr }) =>
    t`\`except ${except}\` is not a strict subset of \`cidr ${cidr}\`: kube-apiserver rejects the policy; use a smaller prefix inside ${cidr}`,
  fixes: ({ except }, source) => [removeFix(t`Remove \`except ${except}\``, source)],
};
