/**
 * The same objects in both topologies: by name; renamed objects by their addresses, labels, or ports, if exactly one object on
 * each side has them.
 */
import { formatIp } from "../../addressing/ip.ts";
import { valueAt } from "../../memo/memo.ts";
import type { Cluster, ExternalHost, Node, Router, Station, Topology } from "../../topology/model.ts";
import { type WorkloadPods, workloadPods } from "../../topology/owners.ts";
import { listenersOf, portsText } from "../reach.ts";

/** An object on one side or both. */
export interface Pairing<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export interface ClusterPairing extends Pairing<Cluster> {
  readonly nodes: readonly Pairing<Node>[];
  readonly workloads: readonly Pairing<WorkloadPods>[];
}

export interface Pairings {
  readonly clusters: readonly ClusterPairing[];
  readonly routers: readonly Pairing<Router>[];
  readonly hosts: readonly Pairing<ExternalHost>[];
}

export function pairingsOf(before: Topology, after: Topology): Pairings {
  return {
    clusters: pairUp(before.clusters, after.clusters, nameOf, [always]).map((pair) => ({
      ...pair,
      nodes: pairUp(pair.before?.nodes ?? [], pair.after?.nodes ?? [], nameOf, [addressesOf]),
      workloads: workloadsOf(pair),
    })),
    routers: pairUp(before.routers, after.routers, nameOf, [addressesOf]),
    hosts: pairUp(before.hosts, after.hosts, nameOf, [addressesOf]),
  };
}

const nameOf = ({ name }: { readonly name: string }): string => name;
/** The only object without a partner on each side: `knet diff prod.knet dump.json` compares clusters of different names. */
const always = (): string => "";

function addressesOf({ interfaces }: Station): string | undefined {
  const texts = interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => formatIp(ip)));
  return texts.length === 0 ? undefined : texts.join();
}

function workloadsOf({ before, after }: Pairing<Cluster>): readonly Pairing<WorkloadPods>[] {
  const namespaces = pairUp(before?.namespaces ?? [], after?.namespaces ?? [], nameOf, [always]);
  const numbers = new Map<string, number>();
  for (const [index, pair] of namespaces.entries()) {
    if (pair.before) numbers.set(`before ${pair.before.name}`, index);
    if (pair.after) numbers.set(`after ${pair.after.name}`, index);
  }
  // Workloads without replicas do not exist in the data plane.
  const owned = (side: "before" | "after", cluster: Cluster | undefined) =>
    workloadPods(cluster?.workloads ?? [])
      .filter(({ parts }) => parts.some(({ replicas }) => replicas > 0))
      .map((workload) => ({
        workload,
        space: String(numbers.get(`${side} ${workload.namespace}`) ?? workload.namespace),
      }));
  type Owned = ReturnType<typeof owned>[number];
  return pairUp<Owned>(
    owned("before", before),
    owned("after", after),
    ({ workload, space }) => `${space} ${workload.name}`,
    [({ workload, space }) => withLabels(workload, space), ({ workload, space }) => withListeners(workload, space)],
  ).map((pair) => ({ before: pair.before?.workload, after: pair.after?.workload }));
}

function withLabels({ kind, parts: [first] }: WorkloadPods, space: string): string | undefined {
  if (!first || first.labels.size === 0) return undefined;
  return `${space} ${kind} ${[...first.labels]
    .map((pair) => pair.join("="))
    .sort()
    .join()}`;
}

function withListeners({ kind, parts }: WorkloadPods, space: string): string | undefined {
  const [first] = parts;
  const ports = first ? portsText(listenersOf(first)) : "";
  return ports === "" ? undefined : `${space} ${kind} ${replicasOf(parts)} ${ports}`;
}

function replicasOf(parts: WorkloadPods["parts"]): number {
  return parts.reduce((sum, { replicas }) => sum + replicas, 0);
}

/** In the order of the new side, then what exists only on the old side. `likenesses`: for the objects without a partner of their name, in turn. */
function pairUp<T>(
  before: readonly T[],
  after: readonly T[],
  name: (one: T) => string,
  likenesses: readonly ((one: T) => string | undefined)[],
): readonly Pairing<T>[] {
  const partners = new Map<T, T>();
  const named = new Map(before.map((one) => [name(one), one]));
  const [oldRest, newRest] = [new Set(before), new Set(after)];
  const join = (old: T, one: T): void => {
    partners.set(one, old);
    oldRest.delete(old);
    newRest.delete(one);
  };
  for (const one of after) {
    const old = named.get(name(one));
    if (old !== undefined && oldRest.has(old)) join(old, one);
  }
  for (const likeness of likenesses) {
    const alike = grouped(oldRest, likeness);
    for (const [key, [one, ...more]] of grouped(newRest, likeness)) {
      const [old, ...others] = alike.get(key) ?? [];
      if (one !== undefined && old !== undefined && more.length + others.length === 0) join(old, one);
    }
  }
  return [
    ...after.map((one): Pairing<T> => ({ before: partners.get(one), after: one })),
    ...[...oldRest].map((one): Pairing<T> => ({ before: one, after: undefined })),
  ];
}

function grouped<T>(items: Iterable<T>, keyOf: (one: T) => string | undefined): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key !== undefined) valueAt(groups, key, (): T[] => []).push(item);
  }
  return groups;
}
