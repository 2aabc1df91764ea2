/** What has been read from declarations, by their identity: a build after an edit reads only what the edit touched. */
import type { Decl } from "../language/decode.ts";
import type { ServiceParts } from "./service.ts";
import type { StationParts } from "./station.ts";
import type { WorkloadParts } from "./workload.ts";

export interface TopologyCache {
  readonly stations: WeakMap<Decl, StationParts>;
  readonly workloads: WeakMap<Decl, WorkloadParts>;
  readonly services: WeakMap<Decl, ServiceParts>;
}

export function topologyCache(): TopologyCache {
  return { stations: new WeakMap(), workloads: new WeakMap(), services: new WeakMap() };
}
