import { policyName, subjectText } from "../../kubernetes/policy/text.ts";
import { list } from "../../text/words.ts";
import type { Workload } from "../../topology/model.ts";
import type { Policy } from "../../topology/policy.ts";
import { selects } from "../../topology/selector.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
import { labelFixes } from "../labels.ts";
import { childOf } from "../source.ts";
import { shop } from "./examples.ts";
import { type PolicyView, policyView, withPolicies, workloadName } from "./view.ts";

const policy = (select: string): string => shop(`policy api {\n  select ${select}\n  ingress from app=web\n}`);

export const selectsNothing: Check = {
  code: "KN603",
  name: "policy-selects-nothing",
  family: "policies",
  severity: "warning",
  summary: "A policy selects no pod.",
  documentation: `It isolates nobody and allows nothing: usually a label is spelt differently, or the policy stands in another namespace than its pods
(\`podSelector\` looks at the policy's own namespace only). Pods of the host network do not count: what policies mean for them is not defined, and the
usual engines leave them alone.`,
  example: { bad: policy("app=apl"), good: policy("app=api") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      const view = policyView(cluster);
      for (const policy of cluster.policies) {
        // One that touches no direction is nothing to anybody.
        if (policy.ingress === undefined && policy.egress === undefined) continue;
        if (view.selected(policy).length > 0) continue;
        const keyword = policy.kind === "admin" || policy.kind === "baseline" ? "subject" : "select";
        yield finding(
          selectsNothing,
          childOf(policy.source, keyword),
          `${policyName(policy)} selects no pod by ${subjectText(policy)}: ${why(view, policy)}`,
          {
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

/** The workloads that the policy may select. */
function near({ cluster }: PolicyView, { namespace }: Policy): readonly Workload[] {
  return cluster.workloads.filter((workload) => namespace === undefined || workload.namespace === namespace);
}

function why(view: PolicyView, policy: Policy): string {
  const { cluster } = view;
  const { pods, namespace } = policy;
  const own = near(view, policy);
  if (own.length === 0) return `namespace ${namespace} has no pods; add them, or remove the policy`;
  const onHost = own.filter(({ hostNetwork, labels }) => hostNetwork && selects(pods, labels));
  if (onHost.length > 0) {
    return `${list(onHost.map(workloadName))} run in the node's network, which policies do not reach; use the node's firewall`;
  }
  const elsewhere = cluster.workloads.filter(({ labels }) => pods.length > 0 && selects(pods, labels));
  if (elsewhere.length > 0)
    return `such pods are in another namespace (${list(elsewhere.map(workloadName))}); move the policy there`;
  const keys = new Set(pods.map(({ key }) => key));
  const there = own.flatMap(({ labels }) =>
    [...labels].filter(([key]) => keys.has(key)).map(([key, value]) => `${key}=${value}`),
  );
  return there.length === 0
    ? "no pod of the namespace has such a label; correct the selector or the labels"
    : `the pods have ${list([...new Set(there)])}; correct the selector or the labels`;
}
