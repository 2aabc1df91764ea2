/** What the readers of statements produce, before the build combines it. */

import type { Decl } from "../declared/decl.ts";
import type { Origin } from "../declared/origin.ts";
import type { IngressParts } from "./ingress.ts";
import type { ServiceParts } from "./service.ts";
import type { WorkloadParts } from "./workload.ts";

export interface PlacedWorkload {
  readonly namespace: string;
  readonly parts: WorkloadParts;
}

export interface PlacedService {
  readonly namespace: string;
  readonly parts: ServiceParts;
}

/** `namespace` undefined: it is in the cluster's own block. */
export interface PlacedPolicy {
  readonly decl: Decl;
  readonly namespace: string | undefined;
}

export interface NamespaceParts {
  readonly name: string;
  readonly source: Origin;
  /** The `labels` statements. */
  readonly labels: readonly Decl[];
  readonly workloads: readonly PlacedWorkload[];
  readonly services: readonly PlacedService[];
  readonly policies: readonly PlacedPolicy[];
  readonly ingresses: readonly IngressParts[];
}
