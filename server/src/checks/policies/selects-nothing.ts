import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { hasUnreadObjects } from "../../findings/partial.ts";
import { isNearLabel, labelFixes } from "../../fixes/labels.ts";
import { subjectText } from "../../kubernetes/policy/text.ts";
import { type PolicyView, policyLabel, policyView, withPolicies, workloadNames } from "../../questions/policy-view.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Workload } from "../../topology/model.ts";
import type { Policy } from "../../topology/policy.ts";
import { selects } from "../../topology/selector.ts";

const policy = (select: string): string => shop(`policy api {\n  select ${select}\n  ingress from app=web\n}`);

export const selectsNothing: Check<"KN603"> = {
  code: "KN603",
  name: "policy-selects-nothing",
  family: "policies",
  severity: "warning",
  summary: "A policy selects no pods.",
  documentation: `## What happens

The policy isolates no pods and allows nothing. Common causes: a label is misspelled, or the policy is in a different namespace than its
pods (\`podSelector\` matches only pods in the namespace of the policy).

Pods on the host network are ignored: the effect of policies on them is undefined, and the common policy engines do not apply policies
to them.

A policy in a namespace without declared pods is not reported, unless its selector matches pods of another namespace: policies such as a
default deny are often created before the pods.

## How to fix it

Fix the selector or the labels of the pods, or move the policy to the namespace of the pods.

## References

- kubernetes.io, *Network Policies*, section *NetworkPolicy and hostNetwork pods*`,
  example: { bad: policy("app=apl"), good: policy("app=api") },
  *run(context: CheckContext): Iterable<Finding> {
    const isPartial = hasUnreadObjects(context);
    for (const cluster of withPolicies(context.topology)) {
      const view = policyView(cluster);
      for (const policy of cluster.policies) {
        // A policy without a direction has no effect in any case.
        if (policy.ingress === undefined && policy.egress === undefined) continue;
        if (view.selected(policy).length > 0 || isAhead(view, policy)) continue;
        const keyword = policy.kind === "admin" || policy.kind === "baseline" ? "subject" : "select";
        yield finding(
          selectsNothing,
          childOf(policy.source, keyword),
          t`${policyLabel(policy)} selects no pods with \`${subjectText(policy)}\`: ${why(view, policy)}`,
          {
            severity: isPartial && !isWrong(view, policy) ? "info" : "warning",
            fixes: labelFixes(
              childOf(policy.source, keyword),
              policy.pods,
              near(view, policy).map(({ labels }) => labels),
            ),
          },
        );
      }
    }
  },
};

/**
 * Whether the policy applies to pods that the file does not declare yet, like a default deny in a new namespace: it can
 * select no declared pod, and its selector matches none elsewhere.
 */
function isAhead(view: PolicyView, policy: Policy): boolean {
  return near(view, policy).length === 0 && elsewhere(view, policy).length === 0;
}

/** Whether the declared pods show that the selector is wrong. */
function isWrong(view: PolicyView, policy: Policy): boolean {
  const own = near(view, policy);
  return (
    elsewhere(view, policy).length > 0 ||
    own.some(({ hostNetwork, labels }) => hostNetwork && selects(policy.pods, labels)) ||
    isNearLabel(
      policy.pods,
      own.map(({ labels }) => labels),
    )
  );
}

/** Workloads of other namespaces that the selector matches. */
function elsewhere({ cluster }: PolicyView, { pods }: Policy): readonly Workload[] {
  return pods.length === 0 ? [] : cluster.workloads.filter(({ labels }) => selects(pods, labels));
}

/** The workloads that the policy can select. */
function near({ cluster }: PolicyView, { namespace }: Policy): readonly Workload[] {
  return cluster.workloads.filter((workload) => namespace === undefined || workload.namespace === namespace);
}

function why(view: PolicyView, policy: Policy): string {
  const { pods } = policy;
  const own = near(view, policy);
  const onHost = own.filter(({ hostNetwork, labels }) => hostNetwork && selects(pods, labels));
  if (onHost.length > 0) {
    return t`policies do not apply to pods on the host network (${workloadNames(onHost)}); use the node's firewall`;
  }
  const others = elsewhere(view, policy);
  if (others.length > 0)
    return t`matching pods are in a different namespace (${workloadNames(others)}); move the policy there`;
  const keys = new Set(pods.map(({ key }) => key));
  const there = own.flatMap(({ labels }) =>
    [...labels].filter(([key]) => keys.has(key)).map(([key, value]) => `${key}=${value}`),
  );
  return there.length === 0
    ? t`no pod in the namespace has a label with these keys; fix the selector or the labels`
    : t`the pods have ${list([...new Set(there)].map((label) => `\`${label}\``))}; fix the selector or the labels`;
}
