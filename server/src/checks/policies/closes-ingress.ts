import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { policyLabel } from "../../questions/policy-view.ts";
import { t } from "../../text/l10n.ts";

const policy = (types: string): string =>
  shop(`policy api {\n  select app=api${types}\n  egress to app=db port 5432/tcp 53/udp\n}`);

export const closesIngress: Check<"KN613"> = {
  code: "KN613",
  name: "policy-closes-ingress",
  family: "policies",
  severity: "info",
  summary: "A policy with only egress rules also isolates ingress.",
  documentation: `## What happens

If \`policyTypes\` is not set, a policy always isolates ingress, and isolates egress only if it has egress rules. A policy that is
intended to limit the egress of pods therefore also denies all ingress to them.

## How to fix it

Add \`types egress\`, or \`types ingress egress\` if the policy is intended to isolate both directions.

## References

- k8s.io/api, \`networking/v1/types.go\`, \`NetworkPolicySpec.PolicyTypes\``,
  example: { bad: policy(""), good: policy("\n  types egress") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const policy of topology.clusters.flatMap(({ policies }) => policies)) {
      if (policy.kind !== "network" || policy.types !== undefined) continue;
      if (policy.ingress?.length !== 0 || policy.egress === undefined) continue;
      const { source } = policy;
      yield finding(
        closesIngress,
        source,
        t`${policyLabel(policy)} has only egress rules and no \`types\`: it also isolates ingress, and allows no connections to its pods`,
        {
          fixes: [
            { title: t`Add \`types egress\``, edits: [{ kind: "append", source, text: "types egress" }] },
            {
              title: t`Add \`types ingress egress\``,
              edits: [{ kind: "append", source, text: "types ingress egress" }],
            },
          ],
        },
      );
    }
  },
};
