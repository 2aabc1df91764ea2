import { type Prefix, prefixCovers, prefixSize } from "../../addressing/ip.ts";
import { difference, isEmpty, portsOf } from "../../kubernetes/policy/ports.ts";
import { peerText, policyName, ruleText } from "../../kubernetes/policy/text.ts";
import type { Peer, Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";
import type { Requirement } from "../../topology/selector.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, removeFix } from "../finding.ts";
import { shop } from "./examples.ts";
import { DIRECTIONS, rulesOf } from "./view.ts";

const policy = (second: string): string =>
  shop(`policy api {\n  select app=api\n  ingress from app=web\n  ingress from ${second}\n}`);

export const ruleShadowed: Check = {
  code: "KN605",
  name: "policy-rule-never-decides",
  family: "policies",
  severity: "warning",
  summary: "A rule of a policy can never decide anything.",
  documentation: `Another rule of the policy says the same or more. Rules of a NetworkPolicy add up, so that the narrower one changes nothing; in policies of administrators
and of Calico the first rule that matches decides, and one behind a rule that covers it is never reached. Also reported: an \`except\` that
leaves nothing of its prefix.`,
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
    // Of two equal rules the later one is too many.
    const by = rules.find((other, place) =>
      isOrdered
        ? place < index && covers(other, rule)
        : place !== index && covers(other, rule) && (place < index || !covers(rule, other)),
    );
    if (by === undefined) continue;
    const why = isOrdered ? "stands before it and matches all that it matches" : "allows all that it allows";
    yield finding(
      ruleShadowed,
      { ...rule.source, part: "keyword" },
      `"${ruleText(rule, policy)}" never decides in ${policyName(policy)}: "${ruleText(by, policy)}" ${why}; remove it, or make the other one narrower`,
      {
        related: [{ source: { ...by.source, part: "keyword" }, message: "this rule covers it" }],
        fixes: [removeFix("Remove the rule", { ...rule.source, part: "whole" })],
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
      `${peerText(peer)} in ${policyName(policy)} means no address: the exceptions are the whole prefix; leave some of it, or remove the peer`,
    );
  }
}

/** Exceptions that do not overlap and are as many addresses as the prefix has. */
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
  // What a name stands for differs from pod to pod: it covers itself alone.
  const names = new Set(wide.flatMap((port) => (port.kind === "name" ? [`${port.name}/${port.proto}`] : [])));
  if (!narrow.every((port) => port.kind === "range" || names.has(`${port.name}/${port.proto}`))) return false;
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

/** Every condition of `fewer` is one of `more`: what the latter selects is part of what the former selects. */
function includes(more: readonly Requirement[], fewer: readonly Requirement[]): boolean {
  const known = new Set(more.map(textOf));
  return fewer.every((one) => known.has(textOf(one)));
}

function textOf({ key, operator, values }: Requirement): string {
  return `${key} ${operator} ${[...values].sort().join()}`;
}
