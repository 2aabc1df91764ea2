/** What the readers of statements produce, before the build combines it. */

import type { Decl } from "../declared/decl.ts";
import type { Handle } from "../declared/handle.ts";
import type { Origin } from "../declared/origin.ts";
import type { IngressParts } from "./ingress.ts";
import type { Interface, Node, PodCidr } from "./model.ts";
import type { Gateway } from "./segments.ts";
import type { ServiceParts } from "./service.ts";
import type { StationParts } from "./station.ts";
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

/** A `pods` statement after reading. */
export interface PodCidrParts {
  readonly file: string;
  readonly cidr: PodCidr;
}

export interface NamespaceParts {
  readonly file: string;
  readonly name: string;
  readonly source: Origin;
  /** The `labels` statements. */
  readonly labels: readonly Decl[];
  readonly workloads: readonly PlacedWorkload[];
  readonly services: readonly PlacedService[];
  readonly policies: readonly PlacedPolicy[];
  readonly ingresses: readonly IngressParts[];
}

/** Nodes of the previous build, and the gateways of its segments. */
export interface KnownNodes {
  readonly nodes: WeakMap<StationParts, KnownNode>;
  readonly gateways: WeakMap<Handle, readonly Gateway[]>;
  /** The interfaces on each segment. */
  readonly attached: WeakMap<Handle, readonly Interface[]>;
}

export interface KnownNode {
  readonly node: Node;
  /** Gateways of the segment of each `attach`; undefined if the segment does not exist. */
  readonly gateways: readonly (readonly Gateway[] | undefined)[];
}

export function knownNodes(): KnownNodes {
  return { nodes: new WeakMap(), gateways: new WeakMap(), attached: new WeakMap() };
}
