/**
 * State kept between two builds. Parts read from a declaration are kept by its identity, so a build after an edit reads
 * only the edited declarations. Each stage of the build keeps its last result until one of its inputs changes.
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

/** The last result, and its inputs. */
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

/** `clusters`: the current clusters; nothing is kept for others. */
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

/** The slot's result if its inputs are the same. `isLasting`: whether the next build can reuse the result. */
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

/** The old list if the new one has the same members, so everything derived from it remains valid. */
export function sameList<T>(old: readonly T[] | undefined, made: readonly T[]): readonly T[] {
  return old !== undefined && sameMembers(old, made) ? old : made;
}

export function sameMembers<T>(a: ArrayLike<T>, b: ArrayLike<T>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** A value derived from one object alone, kept as long as the object exists. */
export function keptFor<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, { readonly value: V }>();
  return (key) => valueAt(known, key, () => ({ value: make(key) })).value;
}

interface Lookup<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** The map's value for a key, created if missing. */
export function valueAt<K, V>(map: Lookup<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
