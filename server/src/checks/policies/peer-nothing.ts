import { argumentWith, readAt, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { hasUnreadObjects } from "../../findings/partial.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { isNearLabel, labelFixes } from "../../fixes/labels.ts";
import { peerText } from "../../kubernetes/policy/text.ts";
import {
  type PolicyView,
  policyLabel,
  policyView,
  rulesOf,
  withPolicies,
  workloadName,
  workloadNames,
} from "../../questions/policy-view.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { INITIAL_NAMESPACES, NAMESPACE_NAME, type Peer, type Policy } from "../../topology/policy.ts";
import { requirementText, selectorText, selects } from "../../topology/selector.ts";

const policy = (peer: string): string =>
  shop(`policy api {\n  select app=api\n  ingress from ${peer}\n}`, {
    cluster: "namespace monitoring {\n  labels team=operations\n  pod prometheus\n}",
  });

export const peerNothing: Check<"KN604"> = {
  code: "KN604",
  name: "policy-peer-matches-nothing",
  family: "policies",
  severity: "warning",
  summary: "A policy peer matches no pods.",
  documentation: `## What happens

The rule allows nothing through this peer. \`from app=web\` alone matches only pods in the namespace of the policy.

The severity is *info* if the file declares no namespace like that, or no pods in it: these can belong to a different team. It is
*warning* if the file shows the mistake: a similar label exists, a namespace has the name that the label contains, the pods exist in
a different namespace, or no pod in the namespace matches.

## How to fix it

For pods in a different namespace, add the namespace: \`from app=web namespace shop\`. Namespaces are selected by their labels
(\`namespaces team=operations\`) or by name (every namespace has the label \`kubernetes.io/metadata.name\`).

## References

- kubernetes.io, *Network Policies*, section *Behavior of to and from selectors*`,
  example: { bad: policy("namespaces team=operation"), good: policy("namespaces team=operations") },
  *run(context: CheckContext): Iterable<Finding> {
    const isPartial = hasUnreadObjects(context);
    for (const cluster of withPolicies(context.topology)) {
      const view = policyView(cluster);
      for (const policy of cluster.policies) {
        for (const rule of rulesOf(policy)) {
          for (const peer of rule.peers ?? []) {
            if (peer.kind !== "pods" || view.meant(peer).length > 0 || areSystemPods(view, policy, peer)) continue;
            const isWrong = isMistake(view, policy, peer, isPartial);
            if (!isWrong && (isAhead(view, policy) || (isPartial && view.selected(policy).length === 0))) continue;
            yield finding(
              peerNothing,
              { ...peer.source, part: "keyword" },
              t`\`${peerText(peer)}\` in ${policyLabel(policy)} matches no pods: ${why(view, policy, peer)}`,
              { severity: isWrong ? "warning" : "info", fixes: fixesFor(view, policy, peer) },
            );
          }
        }
      }
    }
  },
};

const SYSTEM = "kube-system";

type PodPeer = Peer & { readonly kind: "pods" };

/** The names of all namespaces; every cluster has the initial ones. */
function all({ cluster }: PolicyView): readonly string[] {
  const names = [...cluster.namespaces.map(({ name }) => name), ...cluster.workloads.map((one) => one.namespace)];
  return [...new Set([...names, ...INITIAL_NAMESPACES])];
}

/**
 * Whether the peer selects `kube-system` and no namespace with declared pods: every cluster has system pods (DNS), which
 * the file omits. A peer for all namespaces refers to the declared pods.
 */
function areSystemPods(view: PolicyView, policy: Policy, peer: PodPeer): boolean {
  if (peer.namespaces?.length === 0) return false;
  const meant = namespacesOf(view, policy, peer);
  return meant.includes(SYSTEM) && !view.cluster.workloads.some(({ namespace }) => meant.includes(namespace));
}

/**
 * Whether the declared namespaces and pods show that the peer is wrong; otherwise, the file can be a part of the cluster.
 * `isPartial`: pods can be missing in every namespace.
 */
function isMistake(view: PolicyView, policy: Policy, peer: PodPeer, isPartial: boolean): boolean {
  const { cluster, set } = view;
  const meant = namespacesOf(view, policy, peer);
  const inside = cluster.workloads.filter(({ namespace }) => meant.includes(namespace));
  const isNear = isNearLabel(
    peer.pods,
    inside.map(({ labels }) => labels),
  );
  const onHost = inside.some(({ hostNetwork, labels }) => hostNetwork && selects(peer.pods, labels));
  if (inside.length > 0)
    return isNear || onHost || (!isPartial && meant.some((name) => name !== SYSTEM && isUsed(view, name)));
  const isElsewhere = peer.pods.length > 0 && cluster.workloads.some(({ labels }) => selects(peer.pods, labels));
  if (meant.length > 0) return isElsewhere && peer.namespaces === undefined;
  const requirements = peer.namespaces ?? [];
  const isByName = requirements.some(({ key }) => key === NAMESPACE_NAME);
  const namespaces = all(view).map((name) => set.groups.namespaceLabels(name));
  return (
    isNearLabel(requirements, namespaces) ||
    (!isByName && (isElsewhere || requirements.some(({ values }) => values.some((one) => isUsed(view, one)))))
  );
}

/** Whether the policy is in a namespace whose pods do not exist yet. */
function isAhead(view: PolicyView, { namespace }: Policy): boolean {
  return namespace !== undefined && !isUsed(view, namespace);
}

/** Whether pods are declared in the namespace. */
function isUsed({ cluster }: PolicyView, name: string): boolean {
  return cluster.workloads.some(({ namespace }) => namespace === name);
}

function namespacesOf(view: PolicyView, policy: Policy, { namespaces }: PodPeer): readonly string[] {
  if (namespaces === undefined) return [policy.namespace ?? "default"];
  return all(view).filter((name) => selects(namespaces, view.set.groups.namespaceLabels(name)));
}

/** Existing labels; or, for a peer without a namespace, the namespaces in which pods match. */
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
      .map((name) => replaceFix(t`Add \`namespace ${name}\``, last, `${readAt(last)?.text ?? ""} namespace ${name}`)),
    ...near,
  ];
}

/** The last argument of the pod selector. */
function lastLabel({ source, pods }: PodPeer): Origin {
  const last = pods.at(-1);
  return argumentWith(sourceAt(source, "whole"), (text) => last !== undefined && text === requirementText(last));
}

function why(view: PolicyView, policy: Policy, peer: PodPeer): string {
  const { cluster } = view;
  const meant = namespacesOf(view, policy, peer);
  const [any] = meant;
  if (any === undefined) {
    return isMistake(view, policy, peer, false)
      ? t`no namespace matches this selector; fix the selector, or label the namespace`
      : t`no declared namespace matches this selector`;
  }
  const inside = cluster.workloads.filter(({ namespace }) => meant.includes(namespace));
  if (inside.length === 0 && peer.namespaces?.length === 0) return t`no namespace has pods`;
  const declared = meant.filter((name) => cluster.namespaces.some((one) => one.name === name));
  const [only = any, ...others] = declared;
  const where =
    others.length === 0 ? t`namespace \`${only}\`` : t`namespaces ${list(declared.map((name) => `\`${name}\``))}`;
  if (inside.length === 0) return t`no pods exist in ${where}`;
  const onHost = inside.filter(({ hostNetwork, labels }) => hostNetwork && selects(peer.pods, labels));
  if (onHost.length > 0)
    return t`labels do not match pods on the host network (${workloadNames(onHost)}); allow the node addresses (\`cidr\`)`;
  const elsewhere = cluster.workloads.find(
    ({ labels, namespace }) => !meant.includes(namespace) && selects(peer.pods, labels),
  );
  if (elsewhere) {
    return t`no pod in ${where} matches \`${selectorText(peer.pods)}\`, but ${workloadName(elsewhere)} does`;
  }
  return t`no pod in ${where} matches \`${selectorText(peer.pods)}\`; fix the selector or the labels`;
}
