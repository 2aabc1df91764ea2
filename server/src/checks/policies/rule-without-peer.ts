import type { Origin } from "../../declared/origin.ts";
import type { Check } from "../../findings/check.ts";
import { inCluster } from "../../findings/examples/policies.ts";
import { appendEdit, type Fix, wordsEdit } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const policy = (peer: string): string =>
  inCluster(`admin-policy closed {\n  priority 10\n  subject namespaces *\n  ingress deny${peer}\n}`);

export const ruleWithoutPeer: Check<"KN616"> = {
  code: "KN616",
  name: "policy-rule-without-peer",
  family: "policies",
  severity: "error",
  summary: "A rule of an admin policy has no peer.",
  documentation: `## What happens

In a NetworkPolicy, a rule without peers applies to all peers. In AdminNetworkPolicy, BaselineAdminNetworkPolicy, and
ClusterNetworkPolicy, \`from\` and \`to\` are mandatory and need at least one item: kube-apiserver rejects the policy.

## How to fix it

Name the peers: \`from namespaces *\` for the pods of all namespaces; for egress, also \`to cidr 0.0.0.0/0\` for all IPv4 addresses.

## References

- kubernetes-sigs/network-policy-api, \`apis/v1alpha2/clusternetworkpolicy_types.go\`, \`ClusterNetworkPolicyIngressRule.From\``,
  example: { bad: policy(""), good: policy(" from namespaces *") },
  message: ({ direction, peer }) =>
    t`this ${direction} rule has no peer: kube-apiserver rejects an admin policy whose rule has no \`${peer}\`; name the peers`,
  fixes: ({ peer }, source) => [addPeer(source, `${peer} namespaces *`)],
};

function addPeer(source: Origin, text: string): Fix {
  const { values, block } = source.decl;
  const title = t`Add \`${text}\` (all pods)`;
  // On a line with ports, the peer precedes them: a block has no order.
  if (block || values.length !== 1) return { title, edits: [appendEdit(source, text)] };
  return { title, edits: [wordsEdit(source, text)] };
}
