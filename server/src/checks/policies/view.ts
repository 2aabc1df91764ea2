/** Policies with the pods that they select and those that their peers mean, asked once in a run. */
import { policyEngineOf } from "../../cni/policy-engine.ts";
import { type PolicySet, peerSelector, policySetOf } from "../../kubernetes/policy/evaluate.ts";
import type { PodGroup } from "../../kubernetes/policy/groups.ts";
import { selectorIndex } from "../../kubernetes/policy/selectors.ts";
import type { Cluster, Topology, Workload } from "../../topology/model.ts";
import type { Direction, Peer, Policy, PolicyRule } from "../../topology/policy.ts";

export interface PolicyView {
  readonly cluster: Cluster;
  readonly set: PolicySet;
  /** Some node's engine puts policies into effect. */
  readonly isEnforced: boolean;
  /** Groups that the policy selects, for any direction. */
  selected(policy: Policy): readonly PodGroup[];
  meant(peer: Peer): readonly PodGroup[];
  /** A workload of the group, to name it by. */
  example(group: PodGroup): Workload | undefined;
}

export const DIRECTIONS: readonly Direction[] = ["ingress", "egress"];
const views = new WeakMap<Cluster, PolicyView>();

/** Most clusters have none: nobody needs to know then what their pods are called. */
export function withPolicies({ clusters }: Topology): readonly Cluster[] {
  return clusters.filter(({ policies }) => policies.length > 0);
}

export function policyView(cluster: Cluster): PolicyView {
  let view = views.get(cluster);
  if (view === undefined) {
    view = makeView(cluster);
    views.set(cluster, view);
  }
  return view;
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
  // A workload at zero replicas is not misspelt: its pods come back.
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

export function workloadName({ namespace, name }: Workload): string {
  return `${namespace}/${name}`;
}
