/** Policies with the pods that they select and the pods that their peers match, computed once per cluster. */

import { policyEngineOf } from "../cni/policy-engine.ts";
import { type PolicySet, peerSelector, policySetOf } from "../kubernetes/policy/evaluate.ts";
import type { PodGroup } from "../kubernetes/policy/groups.ts";
import { selectorIndex } from "../kubernetes/policy/selectors.ts";
import { policyName } from "../kubernetes/policy/text.ts";
import { memo } from "../memo/memo.ts";
import { list } from "../text/format.ts";
import type { Cluster, Topology, Workload } from "../topology/model.ts";
import { ownerOf } from "../topology/owners.ts";
import type { Direction, Peer, Policy, PolicyRule } from "../topology/policy.ts";

export interface PolicyView {
  readonly cluster: Cluster;
  readonly set: PolicySet;
  /** Whether a policy engine enforces policies on at least one node. */
  readonly isEnforced: boolean;
  /** Groups that the policy selects in at least one direction. */
  selected(policy: Policy): readonly PodGroup[];
  /** Groups that the peer matches. */
  meant(peer: Peer): readonly PodGroup[];
  /** A workload of the group, to name the group in messages. */
  example(group: PodGroup): Workload | undefined;
}

export const DIRECTIONS: readonly Direction[] = ["ingress", "egress"];

/** Clusters with policies; no view is computed for clusters without policies. */
export function withPolicies({ clusters }: Topology): readonly Cluster[] {
  return clusters.filter(({ policies }) => policies.length > 0);
}

export const policyView = memo(makeView);

/** The name, with a number if a policy of the namespace has it. */
export function freePolicyName({ policies }: Cluster, namespace: string | undefined, name: string): string {
  const taken = new Set(policies.flatMap((one) => (one.namespace === namespace ? [one.name] : [])));
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${name}-${i}`;
  return free;
}

function makeView(cluster: Cluster): PolicyView {
  const set = policySetOf(cluster);
  const selected = new Map<Policy, Set<PodGroup>>();
  const meant = new Map<Peer, PodGroup[]>();
  const examples = new Map<PodGroup, Workload>();
  const peers = selectorIndex(
    cluster.policies.flatMap((policy) =>
      rulesOf(policy).flatMap((rule) =>
        (rule.peers ?? []).flatMap((peer) =>
          peer.kind === "pods" ? [[peerSelector(policy, peer), peer] as const] : [],
        ),
      ),
    ),
  );
  // Include workloads with zero replicas: a selector that matches them is not a mistake.
  for (const workload of cluster.workloads) {
    const first = workload.replicas === 0 ? undefined : cluster.pods.podAt(workload, 0);
    const group = set.groups.groupOfAll(workload) ?? (first && set.groups.groupOf(first));
    if (group && !examples.has(group)) examples.set(group, workload);
  }
  for (const group of examples.keys()) {
    for (const direction of DIRECTIONS) {
      for (const policy of set.selecting(group, direction)) {
        const groups = selected.get(policy);
        if (groups) groups.add(group);
        else selected.set(policy, new Set([group]));
      }
    }
    for (const peer of peers.matching(group)) {
      const groups = meant.get(peer);
      if (groups) groups.push(group);
      else meant.set(peer, [group]);
    }
  }
  return {
    cluster,
    set,
    isEnforced: cluster.nodes.some((node) => policyEngineOf(cluster, node) !== "none"),
    selected: (policy) => [...(selected.get(policy) ?? [])],
    meant: (peer) => meant.get(peer) ?? [],
    example: (group) => examples.get(group),
  };
}

export function rulesOf(policy: Policy): readonly PolicyRule[] {
  return [...(policy.ingress ?? []), ...(policy.egress ?? [])];
}

/** A workload in a message: deployment `shop/api`. */
export function workloadName(workload: Workload): string {
  const { kind, name } = ownerOf(workload);
  return `${kind} \`${workload.namespace}/${name}\``;
}

/** The workloads of pods in a message, each once. */
export function workloadNames(workloads: readonly Workload[]): string {
  return list([...new Set(workloads.map(workloadName))]);
}

/** A policy in a message: policy `shop/api`. */
export function policyLabel(policy: Policy): string {
  return `${policyName(policy).slice(0, -policy.path.length)}\`${policy.path}\``;
}
