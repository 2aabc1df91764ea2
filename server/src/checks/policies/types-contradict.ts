import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import type { Fix } from "../../fixes/fix.ts";
import { ruleText } from "../../kubernetes/policy/text.ts";
import { policyLabel } from "../../questions/policy-view.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Policy } from "../../topology/policy.ts";

const policy = (types: string): string =>
  shop(
    `policy api {\n  select app=api\n  types ${types}\n  ingress from app=web\n  egress to app=db port 5432/tcp 53/udp\n}`,
  );

export const typesContradict: Check<"KN612"> = {
  code: "KN612",
  name: "policy-types-contradict",
  family: "policies",
  severity: "warning",
  summary: "A policy has rules for a direction that its `types` do not include.",
  documentation: `## What happens

\`policyTypes\` sets the directions that a policy isolates. kube-apiserver accepts rules for the other direction, but they have no effect:
this policy does not restrict that direction.

## How to fix it

Add the direction to \`types\`, or remove the rules.

## References

- k8s.io/api, \`networking/v1/types.go\`, \`NetworkPolicySpec.PolicyTypes\``,
  example: { bad: policy("ingress"), good: policy("ingress egress") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const policy of topology.clusters.flatMap(({ policies }) => policies)) {
      const [first] = policy.ignored;
      if (first === undefined || policy.types === undefined) continue;
      const { direction } = first;
      const place = policy.types.source;
      yield finding(
        typesContradict,
        place,
        t`${policyLabel(policy)} isolates only ${list([...policy.types.directions])}: \`${ruleText(first, policy)}\` has no effect, and ${direction} remains open; if this is intended, remove the rule`,
        {
          related: policy.ignored.map((rule) => ({
            source: { ...rule.source, part: "keyword" as const },
            message: t`this rule has no effect`,
          })),
          fixes: typesFix(policy),
        },
      );
    }
  },
};

function typesFix({ types }: Policy): readonly Fix[] {
  const [only] = types?.source.decl.values ?? [];
  if (types === undefined || only === undefined) return [];
  const both = only.text === "ingress" ? "ingress egress" : "egress ingress";
  return [
    {
      title: t`Change to \`types ${both}\``,
      edits: [{ kind: "argument", source: types.source, name: only.name, text: both }],
    },
  ];
}
