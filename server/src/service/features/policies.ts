/** Policies in hovers: the pods that a policy selects, the traffic that it allows, and the policies that isolate a pod. */

import { policySetOf, subjectOf } from "../../kubernetes/policy/evaluate.ts";
import type { PodGroup } from "../../kubernetes/policy/groups.ts";
import { selectsGroup } from "../../kubernetes/policy/selectors.ts";
import { policyName, ruleText, subjectText } from "../../kubernetes/policy/text.ts";
import { list, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Pod, Workload } from "../../topology/model.ts";
import type { Direction, Policy } from "../../topology/policy.ts";
import { bullets, code, paragraphs } from "./markdown.ts";

const DIRECTIONS: readonly Direction[] = ["ingress", "egress"];
const MOST = 8;

export function policyText(cluster: Cluster, policy: Policy): string {
  const selected = workloadsOf(cluster, policy);
  const pods = selected.reduce((sum, { replicas }) => sum + replicas, 0);
  const kind = `**${policyName(policy).split(" ")[0]}**`;
  return paragraphs(
    t`${kind} ${code(policy.path)} · selects ${plural(pods, "pod")} by ${code(subjectText(policy))}`,
    list(
      selected.map(({ namespace, name }) => code(`${namespace}/${name}`)),
      MOST,
    ),
    ...DIRECTIONS.map((direction) => directionText(policy, direction)),
  );
}

function directionText(policy: Policy, direction: Direction): string {
  const rules = policy[direction];
  const title = `**${direction}**`;
  if (rules === undefined) return t`${title}: unaffected`;
  if (rules.length === 0) return t`${title}: this policy allows nothing`;
  return paragraphs(`${title}:`, bullets(rules.map((rule) => code(ruleText(rule, policy)))));
}

/** The workloads whose pods the policy selects. */
export function workloadsOf(cluster: Cluster, policy: Policy): readonly Workload[] {
  const { groups } = policySetOf(cluster);
  const subject = subjectOf(policy);
  const selected = new Set<PodGroup>(groups.all.filter((group) => selectsGroup(subject, group)));
  return cluster.workloads.filter((workload) => {
    const group = groups.groupOfAll(workload);
    if (group !== undefined) return selected.has(group);
    return selected.size > 0 && workload.replicas > 0 && selected.has(groups.groupOf(cluster.pods.podAt(workload, 0)));
  });
}

/** The policies that select a pod, by direction; empty if the cluster has no policies. */
export function isolationText(cluster: Cluster, pod: Pod): string {
  if (cluster.policies.length === 0 || pod.workload.hostNetwork) return "";
  const set = policySetOf(cluster);
  const group = set.groups.groupOf(pod);
  const lines = DIRECTIONS.map((direction) => {
    const policies = set.selecting(group, direction);
    if (policies.length === 0) return t`${direction}: open (no policy selects it)`;
    return `${direction}: ${list(
      policies.map((policy) => code(policyName(policy))),
      MOST,
    )}`;
  });
  return bullets(lines);
}
