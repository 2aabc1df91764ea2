/** The stages of a build; each keeps its last result until one of its inputs changes. */
import type { Slot } from "../memo/memo.ts";
import { type ReadCache, readCache } from "./cache.ts";
import type { Machines } from "./machines.ts";
import type { PodCidr } from "./model.ts";
import type { DeclaredServices } from "./services.ts";
import type { Tenants } from "./tenants.ts";

/** State kept between two builds. */
export interface TopologyCache extends ReadCache {
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

export function topologyCache(): TopologyCache {
  return { ...readCache(), stages: new Map() };
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
