import { allowedPorts, type PolicySet, peerSelector, rulePorts } from "../../kubernetes/policy/evaluate.ts";
import type { PodGroup } from "../../kubernetes/policy/groups.ts";
import { intersection, isEmpty, type PortSet, portsText } from "../../kubernetes/policy/ports.ts";
import { selectsGroup } from "../../kubernetes/policy/selectors.ts";
import { allowsText, policyName } from "../../kubernetes/policy/text.ts";
import { list, number } from "../../text/words.ts";
import type { Direction, Policy, PolicyRule } from "../../topology/policy.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
import { otherSideFixes } from "./allow.ts";
import { shop } from "./examples.ts";
import { DIRECTIONS, type PolicyView, policyView, withPolicies, workloadName } from "./view.ts";

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

/** Pairs of groups that are looked at for one rule: a rule that means more is about everybody. */
const MOST_PAIRS = 400;

export const otherSide: Check = {
  code: "KN606",
  name: "policy-other-side-closed",
  family: "policies",
  severity: "warning",
  summary: "One side's policy allows a connection that the other side's forbids.",
  documentation: `Both ends must permit a connection: the sender's egress and the receiver's ingress. A rule that allows one side to call a pod whose own policies do not
let it in (or lets in somebody who may not call) does nothing, and what is meant does not work. Reported are rules that name pods by labels, where
for some pair no port is left.`,
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
      if (subject === other) continue;
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
  const more = count === 1 ? "" : ` (and ${number(count - 1)} more such pairs)`;
  const a = nameOf(view, subject);
  const b = nameOf(view, other);
  const who = direction === "egress" ? `${a} call ${b}` : `${b} call ${a}`;
  const limits = `${list(policies.map(policyName))} ${policies.length === 1 ? "allows" : "allow"} ${b} ${far === "ingress" ? "to be called" : "to call"} only: ${allowsText(policies, far)}`;
  return finding(
    otherSide,
    { ...rule.source, part: "keyword" },
    `${policyName(policy)} lets ${who} on ${portsText(wanted)}${more}, but ${limits}; allow it on both sides`,
    {
      related: policies.map((one) => ({ source: one.source, message: `${policyName(one)} decides for ${b}` })),
      fixes: otherSideFixes(view, policy, rule, subject, other, policies),
    },
  );
}

/** Ports that the other side's policies leave open towards the subject; addresses of a block may be anybody's. */
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
  return workload ? workloadName(workload) : group.namespace;
}
