import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { type PolicyView, policyLabel, policyView, rulesOf, withPolicies } from "../../questions/policy-view.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";

const policy = (port: string): string => shop(`policy api {\n  select app=api\n  ingress from app=web to ${port}\n}`);

export const namedPort: Check<"KN609"> = {
  code: "KN609",
  name: "policy-named-port-unknown",
  family: "policies",
  severity: "warning",
  summary: "A policy names a port that no pod has.",
  documentation: `## What happens

A port name is resolved in the destination pods, among the named ports of their containers with the same protocol: for \`ingress\`, in
the pods that the policy selects; for \`egress\`, in the pods that its peers match. If none of these pods has the port, the rule allows
nothing.

## How to fix it

Use the port number, or name the port with \`listen 8080/tcp as http\` (\`containerPort\` with \`name\`).

## References

- k8s.io/api, \`networking/v1/types.go\`, \`NetworkPolicyPort\``,
  example: { bad: policy("web"), good: policy("http") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      const view = policyView(cluster);
      for (const policy of cluster.policies) {
        for (const rule of rulesOf(policy)) {
          for (const port of rule.ports ?? []) if (port.kind === "name") yield* unknown(view, policy, rule, port);
        }
      }
    }
  },
};

function* unknown(
  view: PolicyView,
  policy: Policy,
  rule: PolicyRule,
  port: PolicyPort & { readonly kind: "name" },
): Iterable<Finding> {
  const peers = rule.peers?.flatMap((peer) => (peer.kind === "pods" ? view.meant(peer) : []));
  const receivers = rule.direction === "ingress" ? view.selected(policy) : (peers ?? view.set.groups.all);
  // Policies and peers without pods are reported by KN603 and KN604.
  if (receivers.length === 0 || receivers.some((group) => group.named(port.name, port.proto).length > 0)) return;
  const there = [
    ...new Set(
      receivers.flatMap((group) => {
        const containers = view.example(group)?.containers ?? [];
        return containers.flatMap(({ listeners }) =>
          listeners.flatMap(({ name }) => (name === undefined ? [] : [name])),
        );
      }),
    ),
  ];
  const [only] = there;
  const wanted = port.proto === undefined ? `\`${port.name}\`` : `\`${port.name}\` (${port.proto})`;
  yield finding(
    namedPort,
    port.source,
    there.length === 0
      ? t`no destination pod has a port named ${wanted}, so this rule of ${policyLabel(policy)} allows nothing: their ports have no names; use the number, or name the port with \`listen … as ${port.name}\``
      : t`no destination pod has a port named ${wanted}, so this rule of ${policyLabel(policy)} allows nothing: their ports are named ${list(there.map((name) => `\`${name}\``))}; use the number, or name the port with \`listen … as ${port.name}\``,
    {
      fixes: there.length === 1 && only !== undefined ? [replaceFix(t`Change to \`${only}\``, port.source, only)] : [],
    },
  );
}
