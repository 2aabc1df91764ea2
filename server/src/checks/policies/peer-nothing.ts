import { peerText, policyName } from "../../kubernetes/policy/text.ts";
import type { Source } from "../../language/tree.ts";
import { list } from "../../text/words.ts";
import type { Peer, Policy } from "../../topology/policy.ts";
import { requirementText, selectorText, selects } from "../../topology/selector.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { labelFixes } from "../labels.ts";
import { argumentWith, sourceAt } from "../source.ts";
import { shop } from "./examples.ts";
import { type PolicyView, policyView, rulesOf, withPolicies, workloadName } from "./view.ts";

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
    for (const cluster of withPolicies(topology)) {
      const view = policyView(cluster);
      for (const policy of cluster.policies) {
        for (const rule of rulesOf(policy)) {
          for (const peer of rule.peers ?? []) {
            if (peer.kind !== "pods" || view.meant(peer).length > 0) continue;
            yield finding(
              peerNothing,
              { ...peer.source, part: "keyword" },
              `${peerText(peer)} in ${policyName(policy)} means no pod: ${why(view, policy, peer)}`,
              { fixes: fixesFor(view, policy, peer) },
            );
          }
        }
      }
    }
  },
};

type PodPeer = Peer & { readonly kind: "pods" };

function all({ cluster }: PolicyView): readonly string[] {
  const names = [...cluster.namespaces.map(({ name }) => name), ...cluster.workloads.map((one) => one.namespace)];
  return [...new Set(names)];
}

function namespacesOf(view: PolicyView, policy: Policy, { namespaces }: PodPeer): readonly string[] {
  if (namespaces === undefined) return [policy.namespace ?? "default"];
  return all(view).filter((name) => selects(namespaces, view.set.groups.namespaceLabels(name)));
}

/** Labels that there are; or the namespace in which there are such pods, where none is named. */
function fixesFor(view: PolicyView, policy: Policy, peer: PodPeer): readonly Fix[] {
  const { cluster, set } = view;
  const meant = namespacesOf(view, policy, peer);
  if (meant.length === 0) {
    const labels = all(view).map((name) => set.groups.namespaceLabels(name));
    return labelFixes(peer.source, peer.namespaces ?? [], labels);
  }
  const inside = cluster.workloads.filter(({ namespace }) => meant.includes(namespace));
  const near = labelFixes(
    peer.source,
    peer.pods,
    inside.map(({ labels }) => labels),
  );
  if (peer.namespaces !== undefined || peer.pods.length === 0) return near;
  const elsewhere = new Set(
    cluster.workloads.flatMap((one) => (selects(peer.pods, one.labels) ? [one.namespace] : [])),
  );
  const last = lastLabel(peer);
  return [
    ...[...elsewhere]
      .slice(0, 3)
      .map((name) =>
        replaceFix(`Name namespace ${name}`, last, `${last.statement.args[Number(last.part)]?.text} namespace ${name}`),
      ),
    ...near,
  ];
}

/** The last argument of the pods' selector, as it is written. */
function lastLabel({ source, pods }: PodPeer): Source {
  const last = pods.at(-1);
  return argumentWith(sourceAt(source, "whole"), (text) => last !== undefined && text === requirementText(last));
}

function why(view: PolicyView, policy: Policy, peer: PodPeer): string {
  const { cluster } = view;
  const meant = namespacesOf(view, policy, peer);
  if (meant.length === 0) return "no namespace is like that; correct it, or label the namespace";
  const inside = cluster.workloads.filter(({ namespace }) => meant.includes(namespace));
  if (inside.length === 0) return `namespace ${list(meant)} has no pods`;
  const onHost = inside.filter(({ hostNetwork, labels }) => hostNetwork && selects(peer.pods, labels));
  if (onHost.length > 0)
    return `${list(onHost.map(workloadName))} ${onHost.length === 1 ? "runs" : "run"} in the node's network and ${onHost.length === 1 ? "has" : "have"} the node's address, which no labels select; allow the nodes' addresses (cidr)`;
  const elsewhere = cluster.workloads.find(
    ({ labels, namespace }) => !meant.includes(namespace) && selects(peer.pods, labels),
  );
  if (elsewhere) {
    return `in namespace ${list(meant)} none has ${selectorText(peer.pods)}, but in ${elsewhere.namespace} there is ${elsewhere.name}; name its namespace as well`;
  }
  return `in namespace ${list(meant)} none has ${selectorText(peer.pods)}; correct the selector or the labels`;
}
