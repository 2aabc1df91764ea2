/**
 * Evaluation of network policies for a connection: (policies, sender, receiver, protocol, port) → a decision with its
 * policy and rule. The order is Calico's tiers, which also contain the policies of Kubernetes: kube-admin, default,
 * kube-baseline (network-policy-api, ClusterNetworkPolicy: "Admin tier → NetworkPolicy → Baseline tier"). In a tier,
 * the policies that select the pod are evaluated in order, and in a policy its rules; the first match decides. If no
 * rule of an isolating tier matches, the connection is denied. A pod that no policy selects is open.
 */

import { type Ip, prefixContains } from "../../addressing/ip.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import type { Cluster, Pod } from "../../topology/model.ts";
import type { Direction, Peer, Policy, PolicyRule, Protocol, Tier } from "../../topology/policy.ts";
import { selects } from "../../topology/selector.ts";
import { type PodGroup, type PodGroups, podGroups } from "./groups.ts";
import { ALL_PORTS, difference, hasPort, intersection, NO_PORTS, type PortSet, portsOf, union } from "./ports.ts";
import { type PodSelector, type SelectorIndex, selectorIndex, selectsGroup } from "./selectors.ts";

/**
 * An endpoint of a connection as policies see it: an address, and the pod that has it, if it is a pod of this cluster.
 */
export interface End {
  readonly ip: Ip;
  readonly group: PodGroup | undefined;
  /** The node that has the address, or that the pod runs on. */
  readonly node: string | undefined;
}

export interface PolicySet {
  readonly cluster: Cluster;
  readonly groups: PodGroups;
  /** Policies that select the group in this direction, in order of evaluation. */
  selecting(group: PodGroup, direction: Direction): readonly Policy[];
  endOf(pod: Pod, ip: Ip): End;
  /** The endpoint with the address, inside or outside the cluster. */
  endAt(ip: Ip): End;
  /** Whether a node selected by the peer has the address. */
  isNode(ip: Ip, peer: Peer & { readonly kind: "nodes" }): boolean;
}

export type Verdict =
  /** No policy selects the pod in this direction, or none isolates it. */
  | { readonly kind: "open"; readonly allowed: true }
  | { readonly kind: "rule"; readonly allowed: boolean; readonly policy: Policy; readonly rule: PolicyRule }
  | { readonly kind: "isolated"; readonly allowed: false; readonly by: readonly Policy[] };

const OPEN: Verdict = { kind: "open", allowed: true };
const setsOf = memo((_: Cluster): Map<string, PolicySet> => new Map());

/** A cluster's policies, prepared once; only some kinds, for an engine that supports only these. */
export function policySetOf(cluster: Cluster, kinds?: readonly Policy["kind"][]): PolicySet {
  const policies = kinds ? cluster.policies.filter(({ kind }) => kinds.includes(kind)) : cluster.policies;
  const key = policies.length === cluster.policies.length ? "all" : (kinds ?? []).join();
  return valueAt(setsOf(cluster), key, () => makeSet(cluster, policies));
}

function makeSet(cluster: Cluster, policies: readonly Policy[]): PolicySet {
  const ordered = [...policies].sort(comparePolicies);
  const groups = podGroups(cluster, new Set(ordered.flatMap(keysOf)));
  const index = new Map<Direction, SelectorIndex<Policy>>();
  const known = new Map<string, readonly Policy[]>();
  let nodes: Map<Ip, ReadonlyMap<string, string>> | undefined;
  return {
    cluster,
    groups,
    selecting(group, direction) {
      const key = `${group.id} ${direction}`;
      let policies = known.get(key);
      if (policies === undefined) {
        let ofDirection = index.get(direction);
        if (ofDirection === undefined) {
          const touching = ordered.filter((policy) => policy[direction] !== undefined);
          ofDirection = selectorIndex(touching.map((policy) => [subjectOf(policy), policy] as const));
          index.set(direction, ofDirection);
        }
        policies = ofDirection.matching(group);
        known.set(key, policies);
      }
      return policies;
    },
    endOf: (pod, ip) => ({ ip, group: groups.groupOf(pod), node: pod.node?.path }),
    endAt(ip) {
      const pod = cluster.pods.podsByAddress(ip)[0];
      return pod === undefined ? { ip, group: undefined, node: undefined } : this.endOf(pod, ip);
    },
    isNode(ip, peer) {
      nodes ??= new Map(
        cluster.nodes.flatMap((node) =>
          node.interfaces.flatMap(({ addresses }) => addresses.map((own) => [own.ip, node.labels] as const)),
        ),
      );
      const labels = nodes.get(ip);
      return labels !== undefined && selects(peer.nodes, labels);
    },
  };
}

function comparePolicies(a: Policy, b: Policy): number {
  return compareTiers(a.tier, b.tier) || compare(a.order, b.order) || compare(a.path, b.path);
}

function compareTiers(a: Tier, b: Tier): number {
  return compare(a.order, b.order) || compare(a.name, b.name);
}

function compare<T extends number | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Pod labels that a policy selects by. */
function keysOf(policy: Policy): readonly string[] {
  const rules = [...(policy.ingress ?? []), ...(policy.egress ?? [])];
  const peers = rules.flatMap((rule) => rule.peers ?? []);
  const selectors = [policy.pods, ...peers.flatMap((peer) => (peer.kind === "pods" ? [peer.pods] : []))];
  return selectors.flatMap((selector) => selector.map(({ key }) => key));
}

/** The pods that a policy applies to. */
export function subjectOf({ pods, namespaces, namespace }: Policy): PodSelector {
  return { pods, namespaces: namespaces ?? { name: namespace ?? "default" } };
}

/** The pods that a peer matches. */
export function peerSelector(policy: Policy, peer: Peer & { readonly kind: "pods" }): PodSelector {
  return { pods: peer.pods, namespaces: peer.namespaces ?? { name: policy.namespace ?? "default" } };
}

/** A connection as one of its endpoints sees it. */
export interface Connection {
  readonly direction: Direction;
  readonly proto: Protocol | "icmp";
  /** The receiver's port; 0 for ICMP. */
  readonly port: number;
}

/**
 * One side: the decision of the policies that select `subject` about a connection with `other`. Both are as seen in the
 * packet at the pod: after DNAT for the receiver, and before SNAT for the sender (facts of the engines: a ClusterIP is
 * never seen, a client after SNAT is).
 */
export function verdictFor(set: PolicySet, subject: End, other: End, connection: Connection): Verdict {
  const { group } = subject;
  const { direction } = connection;
  if (group === undefined || group.hostNetwork || isExempt(subject, other)) return OPEN;
  const receiver = direction === "ingress" ? subject : other;
  for (const policies of tiersOf(set.selecting(group, direction))) {
    const found = firstMatch(set, policies, other, receiver, connection);
    if (found?.rule.action === "pass") continue;
    if (found !== undefined) return { kind: "rule", allowed: found.rule.action === "allow", ...found };
    if (policies[0]?.tier.otherwise === "deny") return { kind: "isolated", allowed: false, by: policies };
  }
  return OPEN;
}

/**
 * "Traffic to and from the node where a Pod is running is always allowed", and a pod cannot block itself (kubernetes.io,
 * Network Policies).
 */
function isExempt(subject: End, other: End): boolean {
  if (subject.ip === other.ip) return true;
  const isNode = other.group === undefined || other.group.hostNetwork;
  return isNode && other.node !== undefined && other.node === subject.node;
}

/** Policies in order, per tier. */
export function tiersOf(policies: readonly Policy[]): readonly (readonly Policy[])[] {
  const tiers: Policy[][] = [];
  for (const policy of policies) {
    const last = tiers.at(-1);
    if (last?.[0]?.tier.name === policy.tier.name) last.push(policy);
    else tiers.push([policy]);
  }
  return tiers;
}

function firstMatch(
  set: PolicySet,
  policies: readonly Policy[],
  other: End,
  receiver: End,
  { direction, proto, port }: Connection,
): { readonly policy: Policy; readonly rule: PolicyRule } | undefined {
  for (const policy of policies) {
    for (const rule of policy[direction] ?? []) {
      if (!hasPort(rulePorts(rule, receiver.group), proto, port)) continue;
      if (rule.peers?.some((peer) => peerMatches(set, policy, peer, other)) === false) continue;
      return { policy, rule };
    }
  }
  return undefined;
}

/** An ipBlock matches every endpoint with an address in it, pods included, as in the iptables engines. */
export function peerMatches(set: PolicySet, policy: Policy, peer: Peer, end: End): boolean {
  switch (peer.kind) {
    case "pods":
      return end.group !== undefined && selectsGroup(peerSelector(policy, peer), end.group);
    case "cidr":
      return prefixContains(peer.cidr, end.ip) && !peer.except.some((part) => prefixContains(part, end.ip));
    case "nodes":
      return set.isNode(end.ip, peer);
  }
}

const plainPorts = memo(({ ports }: PolicyRule): PortSet => portsOf(ports ?? [], () => []));

/** A rule's ports at a receiver; names match nothing outside the cluster. */
export function rulePorts(rule: PolicyRule, receiver: PodGroup | undefined): PortSet {
  const { ports } = rule;
  if (ports === undefined) return ALL_PORTS;
  if (ports.some(({ kind }) => kind === "name")) {
    return portsOf(ports, (name, proto) => receiver?.named(name, proto) ?? []);
  }
  return plainPorts(rule);
}

/**
 * All ports together: the ports that these policies, which select the pod, allow in this direction. `matches`: whether
 * a peer matches the other endpoint.
 */
export function allowedPorts(
  policies: readonly Policy[],
  direction: Direction,
  receiver: PodGroup | undefined,
  matches: (policy: Policy, peer: Peer) => boolean,
): PortSet {
  let allowed = NO_PORTS;
  let open = ALL_PORTS;
  for (const tier of tiersOf(policies)) {
    let passed = NO_PORTS;
    for (const policy of tier) {
      for (const rule of policy[direction] ?? []) {
        if (rule.peers?.some((peer) => matches(policy, peer)) === false) continue;
        const matched = intersection(open, rulePorts(rule, receiver));
        if (rule.action === "allow") allowed = union(allowed, matched);
        else if (rule.action === "pass") passed = union(passed, matched);
        open = difference(open, matched);
      }
    }
    open = tier[0]?.tier.otherwise === "deny" ? passed : union(open, passed);
  }
  return union(allowed, open);
}
