import { peerText, policyName } from "../../kubernetes/policy/text.ts";
import type { Peer, Policy } from "../../topology/policy.ts";
import { selectorText, selects } from "../../topology/selector.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
import { list } from "../text.ts";
import { shop } from "./examples.ts";
import { type PolicyView, policyView, rulesOf } from "./view.ts";

const policy = (peer: string): string =>
  shop(`policy api {\n  select app=api\n  ingress from ${peer}\n}`, {
    cluster: "namespace monitoring {\n  labels team=operations\n  pod prometheus\n}",
  });

export const peerNothing: Check = {
  code: "KN604",
  name: "policy-peer-matches-nothing",
  family: "policies",
  severity: "warning",
  summary: "A peer of a policy means no pod.",
  documentation: `The rule allows nobody by this peer. \`from app=web\` alone looks at the policy's own namespace; for pods elsewhere their namespace is named as well:
\`from app=web namespace shop\`. Namespaces are selected by labels of their own, or by name (every namespace has the label
\`kubernetes.io/metadata.name\`).`,
  example: { bad: policy("namespaces team=operation"), good: policy("namespaces team=operations") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const view = policyView(cluster);
      for (const policy of cluster.policies) {
        for (const rule of rulesOf(policy)) {
          for (const peer of rule.peers ?? []) {
            if (peer.kind !== "pods" || view.meant(peer).length > 0) continue;
            yield finding(
              peerNothing,
              { ...peer.source, part: "keyword" },
              `${peerText(peer)} in ${policyName(policy)} means no pod: ${why(view, policy, peer)}`,
            );
          }
        }
      }
    }
  },
};

function why({ cluster, set }: PolicyView, policy: Policy, peer: Peer & { readonly kind: "pods" }): string {
  const { namespaces } = peer;
  const all = new Set([
    ...cluster.namespaces.map(({ name }) => name),
    ...cluster.workloads.map((one) => one.namespace),
  ]);
  const meant =
    namespaces === undefined
      ? [policy.namespace ?? "default"]
      : [...all].filter((name) => selects(namespaces, set.groups.namespaceLabels(name)));
  if (meant.length === 0) return "no namespace is like that; correct it, or label the namespace";
  const inside = cluster.workloads.filter(({ namespace }) => meant.includes(namespace));
  if (inside.length === 0) return `namespace ${list(meant)} has no pods`;
  const elsewhere = cluster.workloads.find(
    ({ labels, namespace }) => !meant.includes(namespace) && selects(peer.pods, labels),
  );
  if (elsewhere) {
    return `in namespace ${list(meant)} none has ${selectorText(peer.pods)}, but in ${elsewhere.namespace} there is ${elsewhere.name}; name its namespace as well`;
  }
  return `in namespace ${list(meant)} none has ${selectorText(peer.pods)}; correct the selector or the labels`;
}
