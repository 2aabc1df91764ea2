import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { otherSideFixes } from "../../fixes/policies.ts";
import { allowedPorts, type PolicySet, peerSelector, rulePorts } from "../../kubernetes/policy/evaluate.ts";
import type { PodGroup } from "../../kubernetes/policy/groups.ts";
import { intersection, isEmpty, type PortSet, portListText } from "../../kubernetes/policy/ports.ts";
import { selectsGroup } from "../../kubernetes/policy/selectors.ts";
import { allowsText } from "../../kubernetes/policy/text.ts";
import {
  DIRECTIONS,
  type PolicyView,
  policyLabel,
  policyView,
  withPolicies,
  workloadName,
} from "../../questions/policy-view.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Direction, Policy, PolicyRule } from "../../topology/policy.ts";

const policies = (from: string): string =>
  shop(`policy web {
  select app=web
  types egress
  egress to app=api port 9090/tcp 53/udp
}
policy api {
  select app=api
  ingress from ${from} to 9090/tcp
}`);

/** Limit of group pairs per rule: a rule with more pairs is general and not intended for specific pods. */
const MOST_PAIRS = 400;

export const otherSide: Check<"KN606"> = {
  code: "KN606",
  name: "policy-other-side-closed",
  family: "policies",
  severity: "warning",
  summary: "One side's policy allows a connection that the other side's policy denies.",
  documentation: `## What happens

Both sides must allow a connection: the egress of the sender and the ingress of the receiver. An egress rule has no effect for a pod
whose policies do not allow the ingress, and an ingress rule has no effect for a pod whose policies do not allow the egress.

knet reports a rule that selects pods by label if, for at least one pair of pods, the two sides have no allowed port
in common. A pair that a rule denies explicitly (\`deny\` in a Calico or admin policy) is not reported.

## How to fix it

Allow the connection on both sides.

## References

- kubernetes.io, *Network Policies*, section *The two sorts of pod isolation*`,
  example: { bad: policies("app=db"), good: policies("app=web") },
  *run(context: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(context.topology)) {
      const view = policyView(cluster);
      if (!view.isEnforced) continue;
      for (const policy of cluster.policies) {
        if (context.cancelled()) return;
        if (policy.kind !== "network") continue;
        for (const direction of DIRECTIONS) {
          for (const rule of policy[direction] ?? []) {
            const clash = clashOf(view, policy, rule, direction);
            if (clash) yield clash;
          }
        }
      }
    }
  },
};

function clashOf(view: PolicyView, policy: Policy, rule: PolicyRule, direction: Direction): Finding | undefined {
  const { set, selected, meant } = view;
  const far = direction === "ingress" ? "egress" : "ingress";
  const subjects = selected(policy);
  const others = (rule.peers ?? []).flatMap((peer) =>
    peer.kind === "pods" && peer.pods.length > 0 ? meant(peer) : [],
  );
  if (subjects.length * others.length > MOST_PAIRS) return undefined;
  let first: readonly [PodGroup, PodGroup, PortSet] | undefined;
  let count = 0;
  for (const other of new Set(others)) {
    const policies = set.selecting(other, far);
    if (policies.length === 0) continue;
    for (const subject of subjects) {
      if (subject === other || isDenied(policies, far, subject)) continue;
      const receiver = direction === "ingress" ? subject : other;
      const wanted = rulePorts(rule, receiver);
      const open = openTowards(set, policies, far, receiver, subject);
      if (isEmpty(wanted) || !isEmpty(intersection(wanted, open))) continue;
      first ??= [subject, other, wanted];
      count += 1;
    }
  }
  if (first === undefined) return undefined;
  const [subject, other, wanted] = first;
  const policies = set.selecting(other, far);
  const a = nameOf(view, subject);
  const b = nameOf(view, other);
  const [sender, receiver] = direction === "egress" ? [a, b] : [b, a];
  const allows = t`${policyLabel(policy)} allows ${sender} to call ${receiver} on ${portListText(wanted)}`;
  const allowed = count === 1 ? allows : t`${allows} (and ${plural(count - 1, "more pair")})`;
  return finding(otherSide, { ...rule.source, part: "keyword" }, t`${allowed}, but ${limitText(policies, far, b)}`, {
    related: policies.map((one) => ({ source: one.source, message: t`${policyLabel(one)} applies to ${b}` })),
    fixes: otherSideFixes(view, { policy, rule, subject, other }, policies),
  });
}

/** The allowed traffic of these policies: "ingress to pod `shop/api` is allowed only from app=db (policy shop/api)". */
function limitText(policies: readonly Policy[], far: Direction, other: string): string {
  const isOpen = policies.some((policy) => policy[far]?.some(({ action }) => action === "allow"));
  const text = isOpen ? allowsText(policies, far) : "";
  if (far === "ingress")
    return isOpen ? t`ingress to ${other} is allowed only ${text}` : t`no policy allows ingress to ${other}`;
  return isOpen ? t`egress from ${other} is allowed only ${text}` : t`no policy allows egress from ${other}`;
}

/** Whether a rule denies the connection explicitly (quarantine): this is intended, not a missing permission. */
function isDenied(policies: readonly Policy[], direction: Direction, subject: PodGroup): boolean {
  return policies.some((policy) =>
    policy[direction]?.some(
      ({ action, peers }) =>
        action === "deny" &&
        (peers === undefined ||
          peers.some((peer) => peer.kind === "pods" && selectsGroup(peerSelector(policy, peer), subject))),
    ),
  );
}

/** Ports that these policies allow towards the subject; a CIDR peer always matches, because it can contain any address. */
function openTowards(
  set: PolicySet,
  policies: readonly Policy[],
  direction: Direction,
  receiver: PodGroup,
  subject: PodGroup,
): PortSet {
  return allowedPorts(policies, direction, receiver, (policy, peer) => {
    if (peer.kind !== "pods") return true;
    return set !== undefined && selectsGroup(peerSelector(policy, peer), subject);
  });
}

function nameOf({ example }: PolicyView, group: PodGroup): string {
  const workload = example(group);
  return workload ? workloadName(workload) : t`a pod in namespace \`${group.namespace}\``;
}
