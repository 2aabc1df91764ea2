import { prefixContains, prefixCovers } from "../../addressing/ip.ts";
import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { inCluster } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, setFix } from "../../fixes/fix.ts";
import { rulePorts } from "../../kubernetes/policy/evaluate.ts";
import type { PodGroup } from "../../kubernetes/policy/groups.ts";
import { intersection, isEmpty } from "../../kubernetes/policy/ports.ts";
import { ruleText } from "../../kubernetes/policy/text.ts";
import { DIRECTIONS, type PolicyView, policyLabel, policyView, withPolicies } from "../../questions/policy-view.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Direction, Peer, Policy, PolicyRule } from "../../topology/policy.ts";
import { selects } from "../../topology/selector.ts";

const policies = (second: number): string =>
  inCluster(`admin-policy closed {
  priority 5
  subject namespaces *
  ingress deny from app=db
}
admin-policy open {
  priority ${second}
  subject namespaces *
  ingress allow from namespaces *
}`);

/** Range of `priority` in the APIs. */
const LAST = 1000;

export const equalPriority: Check<"KN619"> = {
  code: "KN619",
  name: "policy-equal-priority",
  family: "policies",
  severity: "warning",
  summary: "Two admin policies with the same priority contradict each other.",
  documentation: `## What happens

The order of admin policies with the same priority is undefined: if both match a connection, the policy engine can apply either policy,
and the result can differ between engines, nodes, and restarts. knet evaluates these policies in alphabetical order.

knet reports policies of the same tier and priority if they select the same pod and have rules with different actions for the same
peers and ports.

## How to fix it

Give the policies different priorities: the policy with the lower value is evaluated first.

## References

- kubernetes-sigs/network-policy-api, \`apis/v1alpha2/clusternetworkpolicy_types.go\`, \`ClusterNetworkPolicySpec.Priority\``,
  example: { bad: policies(5), good: policies(6) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      for (const same of byPriority(cluster)) {
        for (const [index, policy] of same.entries()) {
          const found = firstConflict(policyView(cluster), same.slice(0, index), policy);
          if (found) yield conflict(cluster, policy, found);
        }
      }
    }
  },
};

/** Admin policies with the same tier and priority, in order of declaration; only lists of two or more. */
function byPriority({ policies }: Cluster): readonly (readonly Policy[])[] {
  const lists = new Map<string, Policy[]>();
  for (const policy of policies) {
    if (policy.kind !== "admin" && policy.kind !== "baseline") continue;
    const key = `${policy.kind} ${policy.order}`;
    const list = lists.get(key);
    if (list) list.push(policy);
    else lists.set(key, [policy]);
  }
  return [...lists.values()].filter((list) => list.length > 1);
}

interface Conflict {
  readonly other: Policy;
  readonly otherRule: PolicyRule;
  readonly rule: PolicyRule;
}

function firstConflict(view: PolicyView, others: readonly Policy[], policy: Policy): Conflict | undefined {
  const groups = new Set(view.selected(policy));
  for (const other of others) {
    const common = view.selected(other).filter((group) => groups.has(group));
    if (common.length === 0) continue;
    for (const direction of DIRECTIONS) {
      for (const rule of policy[direction] ?? []) {
        const otherRule = other[direction]?.find(
          (one) => one.action !== rule.action && canBothMatch(view, direction, common, [rule, one]),
        );
        if (otherRule) return { other, otherRule, rule };
      }
    }
  }
  return undefined;
}

type Pair = readonly [PolicyRule, PolicyRule];

/** Whether some connection of the subjects matches both rules. */
function canBothMatch(view: PolicyView, direction: Direction, subjects: readonly PodGroup[], [a, b]: Pair): boolean {
  const receivers = direction === "ingress" ? subjects : [...view.set.groups.all, undefined];
  if (!receivers.some((group) => !isEmpty(intersection(rulePorts(a, group), rulePorts(b, group))))) return false;
  if (a.peers === undefined || b.peers === undefined) return true;
  return a.peers.some((peer) => b.peers?.some((other) => canBothBe(view, peer, other)));
}

/** Whether some endpoint matches both peers. */
function canBothBe(view: PolicyView, a: Peer, b: Peer): boolean {
  if (a.kind === "pods" && b.kind === "pods") {
    const groups = new Set(view.meant(a));
    return view.meant(b).some((group) => groups.has(group));
  }
  if (a.kind === "cidr" && b.kind === "cidr") return prefixCovers(a.cidr, b.cidr) || prefixCovers(b.cidr, a.cidr);
  if (a.kind === "nodes" && b.kind === "nodes") {
    return view.cluster.nodes.some(({ labels }) => selects(a.nodes, labels) && selects(b.nodes, labels));
  }
  if (b.kind === "cidr") return a.kind !== "cidr" && hasAddressIn(view, a, b);
  return a.kind === "cidr" && hasAddressIn(view, b, a);
}

function hasAddressIn(
  view: PolicyView,
  peer: Exclude<Peer, { readonly kind: "cidr" }>,
  { cidr }: Peer & { readonly kind: "cidr" },
): boolean {
  if (peer.kind === "pods") {
    return view.cluster.podCidrs.some(
      ({ prefix }) => view.meant(peer).length > 0 && (prefixCovers(prefix, cidr) || prefixCovers(cidr, prefix)),
    );
  }
  return view.cluster.nodes.some(
    ({ labels, interfaces }) =>
      selects(peer.nodes, labels) &&
      interfaces.some(({ addresses }) => addresses.some(({ ip }) => prefixContains(cidr, ip))),
  );
}

function conflict(cluster: Cluster, policy: Policy, { other, otherRule, rule }: Conflict): Finding {
  const own = ruleText(rule, policy);
  const against = ruleText(otherRule, other);
  const place = childOf(policy.source, "priority", 0);
  return finding(
    equalPriority,
    place,
    t`${policyLabel(policy)} has priority ${policy.order}, like ${policyLabel(other)}: it is undefined whether \`${own}\` or \`${against}\` applies`,
    {
      related: [
        { source: { ...rule.source, part: "keyword" }, message: t`rule of ${policyLabel(policy)}` },
        { source: { ...otherRule.source, part: "keyword" }, message: t`rule of ${policyLabel(other)}` },
      ],
      fixes: priorityFixes(cluster, policy),
    },
  );
}

/** The next free priorities after and before the policy's own. */
function priorityFixes({ policies }: Cluster, policy: Policy): readonly Fix[] {
  const used = new Set(policies.flatMap((one) => (one.kind === policy.kind ? [one.order] : [])));
  let after = policy.order + 1;
  while (used.has(after)) after++;
  let before = policy.order - 1;
  while (used.has(before)) before--;
  return [...(after <= LAST ? [after] : []), ...(before >= 0 ? [before] : [])].map((value) =>
    setFix(t`Set \`priority ${value}\``, policy.source, "priority", String(value)),
  );
}
