/** Policies that make one expectation of a file pass, in addition to the policies that the file has. */
import { policySetOf } from "../../kubernetes/policy/evaluate.ts";
import type { Cluster, Expectation, Workload } from "../../topology/model.ts";
import type { Direction, Policy } from "../../topology/policy.ts";
import type { World } from "../expectations.ts";
import { freePolicyName } from "../policy-view.ts";
import { type Need, needsOf } from "./needs.ts";
import { allowingPolicies, baseOf, selectorsIn } from "./synthesis.ts";

export interface AddedPolicy {
  readonly cluster: Cluster;
  readonly policy: Policy;
}

/** The needs of all expectations of a file, computed for the first expectation that fails. */
export type KnownNeeds = () => readonly Need[];

export function knownNeeds(world: World): KnownNeeds {
  let known: readonly Need[] | undefined;
  return () => {
    known ??= world.topology.expectations.flatMap((one) => needsOf(world, one).needs);
    return known;
  };
}

/**
 * `world`: the network without policies. For `blocked`: policies that isolate the receiving pods, or the sending pod if the
 * receiver is not a pod, except for the needs of the other expectations. Otherwise: rules for the pods that policies isolate.
 */
export function policiesFor(world: World, expectation: Expectation, known: KnownNeeds): readonly AddedPolicy[] {
  const { needs, subjects } = needsOf(world, expectation);
  return expectation.want.kind === "blocked" ? isolating(subjects, known()) : allowing(needs);
}

function allowing(needs: readonly Need[]): readonly AddedPolicy[] {
  return perCluster(needs.filter((need) => isIsolated(need.cluster, need.subject, need.direction)));
}

function perCluster(needs: readonly Need[]): readonly AddedPolicy[] {
  return [...new Set(needs.map(({ cluster }) => cluster))].flatMap((cluster) => {
    const own = needs.filter((need) => need.cluster === cluster);
    return allowingPolicies(cluster, own, new Set()).map((policy) => ({ cluster, policy: named(cluster, policy) }));
  });
}

function isIsolated(cluster: Cluster, workload: Workload, direction: Direction): boolean {
  const set = policySetOf(cluster);
  return (
    workload.replicas > 0 && set.selecting(set.groups.groupOf(cluster.pods.podAt(workload, 0)), direction).length > 0
  );
}

/** `subjects`: the pods of the expectation, the sender first. */
function isolating(
  subjects: readonly { readonly cluster: Cluster; readonly workload: Workload }[],
  known: readonly Need[],
): readonly AddedPolicy[] {
  const [first, ...receivers] = subjects;
  if (first === undefined) return [];
  const isolated = receivers.length > 0 ? receivers : [first];
  const directions: readonly Direction[] = ["ingress", "egress"];
  return isolated.flatMap(({ cluster, workload }) => {
    const direction = directions[receivers.length > 0 ? 0 : 1] ?? "ingress";
    const needs = known.filter((need) => need.subject === workload && need.direction === direction);
    const added = perCluster(needs);
    return added.length > 0 ? added : closed(cluster, workload, direction);
  });
}

/** A policy without rules in one direction. */
function closed(cluster: Cluster, workload: Workload, direction: Direction): readonly AddedPolicy[] {
  const pods = selectorsIn(cluster, new Set())(workload);
  if (pods === undefined) return [];
  const base = baseOf(`isolate-${workload.name}`, workload.namespace, workload.source);
  const policy: Policy = {
    ...base,
    pods,
    ingress: direction === "ingress" ? [] : undefined,
    egress: direction === "egress" ? [] : undefined,
  };
  return [{ cluster, policy: named(cluster, policy) }];
}

/** With a name that no policy of the namespace has. */
function named(cluster: Cluster, policy: Policy): Policy {
  const name = freePolicyName(cluster, policy.namespace, policy.name);
  return { ...policy, name, path: `${policy.namespace ?? "default"}/${name}` };
}
