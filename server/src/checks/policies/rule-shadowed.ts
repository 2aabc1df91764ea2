import { type Prefix, prefixCovers, prefixSize } from "../../addressing/ip.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { removeFix } from "../../fixes/fix.ts";
import { difference, isEmpty, portsOf } from "../../kubernetes/policy/ports.ts";
import { peerText, portText, ruleText } from "../../kubernetes/policy/text.ts";
import { DIRECTIONS, policyLabel, rulesOf } from "../../questions/policy-view.ts";
import { t } from "../../text/l10n.ts";
import type { Peer, Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";
import type { Requirement } from "../../topology/selector.ts";

const policy = (second: string): string =>
  shop(`policy api {\n  select app=api\n  ingress from app=web\n  ingress from ${second}\n}`);

export const ruleShadowed: Check<"KN605"> = {
  code: "KN605",
  name: "policy-rule-never-decides",
  family: "policies",
  severity: "warning",
  summary: "A policy rule has no effect because another rule covers it.",
  documentation: `## What happens

Another rule of the policy matches at least the same packets. The rules of a NetworkPolicy are additive, so the narrower rule has no
effect. In admin policies and Calico policies, the first matching rule decides, and a rule after another rule that covers it is never
reached.

A peer whose \`except\` prefixes cover its whole \`cidr\` is also reported.

## How to fix it

Remove the rule, or narrow the other rule.

## References

- kubernetes.io, *Network Policies*, section *The two sorts of pod isolation*`,
  example: { bad: policy("app=web to 9090/tcp"), good: policy("app=db to 9090/tcp") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      for (const policy of cluster.policies) {
        for (const direction of DIRECTIONS) yield* shadowed(policy, policy[direction] ?? []);
        for (const rule of rulesOf(policy)) yield* emptied(policy, rule);
      }
    }
  },
};

function* shadowed(policy: Policy, rules: readonly PolicyRule[]): Iterable<Finding> {
  const isOrdered = policy.kind !== "network";
  for (const [index, rule] of rules.entries()) {
    // Of two equal rules, report the later one.
    const by = rules.find((other, place) =>
      isOrdered
        ? place < index && covers(other, rule)
        : place !== index && covers(other, rule) && (place < index || !covers(rule, other)),
    );
    if (by === undefined) continue;
    const own = ruleText(rule, policy);
    const other = ruleText(by, policy);
    yield finding(
      ruleShadowed,
      { ...rule.source, part: "keyword" },
      isOrdered
        ? t`\`${own}\` in ${policyLabel(policy)} never takes effect: \`${other}\` comes first and matches everything that this rule matches; to keep both, narrow the other rule`
        : t`\`${own}\` in ${policyLabel(policy)} has no effect: \`${other}\` allows everything that this rule allows; to keep both, narrow the other rule`,
      {
        related: [{ source: { ...by.source, part: "keyword" }, message: t`this rule covers it` }],
        fixes: [removeFix(t`Remove this rule`, { ...rule.source, part: "whole" })],
      },
    );
  }
}

function* emptied(policy: Policy, rule: PolicyRule): Iterable<Finding> {
  for (const peer of rule.peers ?? []) {
    if (peer.kind !== "cidr" || !isEmptied(peer)) continue;
    yield finding(
      ruleShadowed,
      { ...peer.source, part: "keyword" },
      t`\`${peerText(peer)}\` in ${policyLabel(policy)} matches no addresses: the exceptions cover the whole prefix; shrink the exceptions, or remove the peer`,
    );
  }
}

/** Whether the largest exceptions, which do not overlap, have as many addresses as the prefix. */
function isEmptied({ cidr, except }: Peer & { readonly kind: "cidr" }): boolean {
  const largest = except.filter((part, index) => !except.some((other, place) => isInside(part, other, index, place)));
  let left = BigInt(prefixSize(cidr));
  for (const part of largest) left -= BigInt(prefixSize(part));
  return left <= 0n;
}

function isInside(part: Prefix, other: Prefix, index: number, place: number): boolean {
  return place !== index && prefixCovers(other, part) && (!prefixCovers(part, other) || place < index);
}

function covers(wide: PolicyRule, narrow: PolicyRule): boolean {
  if (!coversPorts(wide.ports, narrow.ports)) return false;
  if (wide.peers === undefined) return true;
  return narrow.peers?.every((peer) => wide.peers?.some((other) => coversPeer(other, peer))) === true;
}

function coversPorts(wide: readonly PolicyPort[] | undefined, narrow: readonly PolicyPort[] | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined) return false;
  // A port name can have a different number in each pod, so it covers only itself.
  const names = new Set(wide.flatMap((port) => (port.kind === "name" ? [portText(port)] : [])));
  if (!narrow.every((port) => port.kind !== "name" || names.has(portText(port)))) return false;
  return isEmpty(
    difference(
      portsOf(narrow, () => []),
      portsOf(wide, () => []),
    ),
  );
}

function coversPeer(wide: Peer, narrow: Peer): boolean {
  if (wide.kind === "cidr" && narrow.kind === "cidr") {
    return (
      prefixCovers(wide.cidr, narrow.cidr) &&
      wide.except.every(
        (hole) => narrow.except.some((other) => prefixCovers(other, hole)) || isApart(hole, narrow.cidr),
      )
    );
  }
  if (wide.kind === "nodes" && narrow.kind === "nodes") return includes(narrow.nodes, wide.nodes);
  if (wide.kind !== "pods" || narrow.kind !== "pods") return false;
  if (!includes(narrow.pods, wide.pods)) return false;
  if (wide.namespaces === undefined || narrow.namespaces === undefined) {
    return wide.namespaces === narrow.namespaces || wide.namespaces?.length === 0;
  }
  return includes(narrow.namespaces, wide.namespaces);
}

function isApart(a: Prefix, b: Prefix): boolean {
  return !prefixCovers(a, b) && !prefixCovers(b, a);
}

/** Whether `more` has every condition of `fewer`, so everything that `more` selects is also selected by `fewer`. */
function includes(more: readonly Requirement[], fewer: readonly Requirement[]): boolean {
  const known = new Set(more.map(textOf));
  return fewer.every((one) => known.has(textOf(one)));
}

function textOf({ key, operator, values }: Requirement): string {
  return `${key} ${operator} ${[...values].sort().join()}`;
}
