import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { removeFix, replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const policy = (from: string): string => shop(`policy api {\n  select app=api\n  ingress { ${from}; to 9090/tcp }\n}`);

export const emptyPeer: Check<"KN615"> = {
  code: "KN615",
  name: "policy-empty-peer",
  family: "policies",
  severity: "error",
  summary: "A policy peer has neither a selector nor a prefix.",
  documentation: `## What happens

A peer must have at least one field: kube-apiserver rejects a NetworkPolicy with an empty peer ("must specify a peer"), and the schema of
AdminNetworkPolicy and ClusterNetworkPolicy requires exactly one field in each peer. The policy does not exist, so it neither allows nor
isolates anything.

An empty peer is different from an empty selector: \`podSelector: {}\` (\`from *\`) matches all pods of the namespace, and a rule without
\`from\` matches all peers.

## How to fix it

Add a selector, or remove the peer.

## References

- kubernetes/kubernetes, \`pkg/apis/networking/validation\`, \`ValidateNetworkPolicyPeer\`
- kubernetes-sigs/network-policy-api, \`apis/v1alpha2/clusternetworkpolicy_types.go\`, \`ClusterNetworkPolicyIngressPeer\``,
  example: { bad: policy("from"), good: policy("from app=web") },
  message: ({ peer }) =>
    t`\`${peer}\` without a selector is an empty peer: kube-apiserver rejects the policy; add a selector or a prefix`,
  fixes: ({ peer, kind }, source) => {
    const whole = sourceAt(source, "whole");
    if (kind !== "network") {
      const text = `${peer} namespaces *`;
      return [replaceFix(t`Change to \`${text}\` (all pods)`, whole, text)];
    }
    const text = `${peer} *`;
    return [
      replaceFix(t`Change to \`${text}\` (all pods of the namespace)`, whole, text),
      removeFix(t`Remove the empty peer`, whole),
    ];
  },
};
