import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { inCluster } from "../../findings/examples/policies.ts";
import { removeFix, replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const policy = (peer: string): string =>
  inCluster(`admin-policy closed {\n  priority 10\n  subject namespaces *\n  ingress deny from ${peer}\n}`);

export const peerUnsupported: Check<"KN617"> = {
  code: "KN617",
  name: "policy-admin-ingress-address",
  family: "policies",
  severity: "error",
  summary: "An ingress rule of an admin policy has a peer other than pods.",
  documentation: `## What happens

Ingress rules of AdminNetworkPolicy, BaselineAdminNetworkPolicy, and ClusterNetworkPolicy match only pods: their peers have the fields
\`namespaces\` and \`pods\`. Addresses (\`networks\`) and nodes are peers of egress rules. kube-apiserver rejects the policy.

## How to fix it

Select pods, or restrict addresses from outside the cluster with a NetworkPolicy (\`ipBlock\`), a policy of the plugin, or a firewall.

## References

- kubernetes-sigs/network-policy-api, \`apis/v1alpha1/shared_types.go\`, \`AdminNetworkPolicyIngressPeer\`
- kubernetes-sigs/network-policy-api, \`apis/v1alpha2/clusternetworkpolicy_types.go\`, \`ClusterNetworkPolicyIngressPeer\``,
  example: { bad: policy("cidr 10.0.0.0/8"), good: policy("namespaces *") },
  message: ({ peer }) =>
    t`admin policies cannot use \`${peer}\` in ingress rules: their ingress peers are pods only, so kube-apiserver rejects the policy`,
  fixes: ({ peer }, source) => {
    if (peer === "any") return [replaceFix(t`Change to \`namespaces *\` (all pods)`, source, "namespaces *")];
    const whole = sourceAt(source, "whole");
    if (source.decl.spec?.keyword === "from") return [removeFix(t`Remove this peer`, whole)];
    // With a block, the rule can have other peers.
    return !source.decl.block ? [removeFix(t`Remove this rule`, whole)] : [];
  },
};
