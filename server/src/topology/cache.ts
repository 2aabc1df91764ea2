/**
 * What is kept between two builds. What has been read from a declaration is kept by its identity, so that a build after an edit reads
 * only what the edit touched; and each stage of the build keeps what it made last, for as long as all that it was made of is the same.
 */
import type { Decl } from "../language/decode.ts";
import type { Tenants } from "./build.ts";
import type { PodCidrParts } from "./cluster.ts";
import type { Machines } from "./machines.ts";
import type { CniSettings, PodCidr, Service, Workload } from "./model.ts";
import type { NamespaceParts } from "./namespace.ts";
import { type KnownNodes, knownNodes } from "./nodes.ts";
import type { PolicyParts } from "./policy.ts";
import type { ServiceParts } from "./service.ts";
import type { DeclaredServices } from "./services.ts";
import type { StationParts } from "./station.ts";
import type { WorkloadParts } from "./workload.ts";

export interface TopologyCache {
  readonly stations: WeakMap<Decl, StationParts>;
  readonly workloads: WeakMap<Decl, WorkloadParts>;
  readonly services: WeakMap<Decl, ServiceParts>;
  readonly policies: WeakMap<Decl, PolicyParts>;
  readonly podCidrs: WeakMap<Decl, PodCidrParts>;
  readonly namespaces: WeakMap<Decl, NamespaceParts>;
  readonly plugins: WeakMap<Decl, CniSettings>;
  readonly built: {
    readonly nodes: KnownNodes;
    readonly workloads: WeakMap<WorkloadParts, Workload>;
    readonly services: WeakMap<ServiceParts, Service>;
  };
  /** By the first file of the build. */
  readonly stages: Map<string, Stages>;
}

export interface Stages {
  readonly machines: Slot<Machines>;
  readonly clusters: ReadonlyMap<string, ClusterStages>;
}

export interface ClusterStages {
  readonly podCidrs: Slot<readonly PodCidr[]>;
  readonly tenants: Slot<Tenants>;
  readonly services: Slot<DeclaredServices>;
}

/** What was made last, and of what. */
export interface Made<T> {
  readonly of: readonly unknown[];
  readonly result: T;
}

export interface Slot<T> {
  made: Made<T> | undefined;
}

export function topologyCache(): TopologyCache {
  return {
    stations: new WeakMap(),
    workloads: new WeakMap(),
    services: new WeakMap(),
    policies: new WeakMap(),
    podCidrs: new WeakMap(),
    namespaces: new WeakMap(),
    plugins: new WeakMap(),
    built: { nodes: knownNodes(), workloads: new WeakMap(), services: new WeakMap() },
    stages: new Map(),
  };
}

/** `clusters`: those that there are now; of others nothing is kept. */
export function stagesOf(cache: TopologyCache, file: string, clusters: readonly string[]): Stages {
  const before = cache.stages.get(file);
  const stages = {
    machines: before?.machines ?? { made: undefined },
    clusters: new Map(clusters.map((name) => [name, before?.clusters.get(name) ?? clusterStages()])),
  };
  cache.stages.set(file, stages);
  return stages;
}

export function clusterStages(): ClusterStages {
  return { podCidrs: { made: undefined }, tenants: { made: undefined }, services: { made: undefined } };
}

/** What the slot has, where it was made of these very things; `isLasting`: may another build have it as well? */
export function keptIn<T>(
  slot: Slot<T>,
  of: readonly unknown[],
  make: (before: Made<T> | undefined) => T,
  isLasting: (result: T) => boolean = () => true,
): T {
  if (slot.made !== undefined && sameMembers(slot.made.of, of)) return slot.made.result;
  const result = make(slot.made);
  slot.made = isLasting(result) ? { of, result } : undefined;
  return result;
}

/** The old list where the new one has the same members: then what was found out about it still holds. */
export function sameList<T>(old: readonly T[] | undefined, made: readonly T[]): readonly T[] {
  return old !== undefined && sameMembers(old, made) ? old : made;
}

export function sameMembers<T>(a: ArrayLike<T>, b: ArrayLike<T>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** What follows from one thing alone, for as long as there is that thing. */
export function keptFor<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, { readonly value: V }>();
  return (key) => valueAt(known, key, () => ({ value: make(key) })).value;
}

interface Lookup<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** What a map has at a key, made where it has nothing. */
export function valueAt<K, V>(map: Lookup<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
