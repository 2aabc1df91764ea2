/** What was read from a declaration is kept by its identity, so a build after an edit reads only the edited declarations. */
import type { Decl } from "../declared/decl.ts";
import type { CniSettings, Service, Workload } from "./model.ts";
import { type KnownNodes, knownNodes, type NamespaceParts, type PodCidrParts } from "./parts.ts";
import type { PolicyParts } from "./policy.ts";
import type { ServiceParts } from "./service.ts";
import type { StationParts } from "./station.ts";
import type { WorkloadParts } from "./workload.ts";

export interface ReadCache {
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
}

export function readCache(): ReadCache {
  return {
    stations: new WeakMap(),
    workloads: new WeakMap(),
    services: new WeakMap(),
    policies: new WeakMap(),
    podCidrs: new WeakMap(),
    namespaces: new WeakMap(),
    plugins: new WeakMap(),
    built: { nodes: knownNodes(), workloads: new WeakMap(), services: new WeakMap() },
  };
}
