/** The values of problems that are visible in one declaration alone, and the types that problems of several layers share. */

import type { Unit } from "./schema/types.ts";

/** What a name refers to. The last three: any sender or destination of packets; a router, node, or host; a Calico tier. */
export type NamedKind =
  | "segment"
  | "router"
  | "host"
  | "cluster"
  | "node"
  | "namespace"
  | "pod"
  | "deployment"
  | "statefulset"
  | "daemonset"
  | "service"
  | "container"
  | "daemon"
  | "policy"
  | "security-group"
  | "endpoint"
  | "station"
  | "calico-tier";

/** A named object, the whole topology, or a text such as "a `segment` block". */
export type Place = { readonly kind: NamedKind; readonly name: string } | "topology" | { readonly text: string };

/** By diagnostic code. */
export interface DeclProblemData {
  /** Unknown keyword. `context`: "in a `cluster` block". */
  readonly KN002: { readonly keyword: string; readonly context: string; readonly suggestion?: string };
  /** Keyword not allowed here; `contexts` allow it: "in a `router` block or a `host` block". */
  readonly KN003: { readonly keyword: string; readonly context: string; readonly contexts: string };
  /** Missing argument. `expected`: "a prefix (`10.0.0.0/16`)"; `after`: the literal that precedes the argument. */
  readonly KN004: {
    readonly keyword: string;
    readonly argument: string;
    readonly expected: string;
    readonly after?: string;
  };
  /** Unexpected argument. */
  readonly KN005: { readonly keyword: string; readonly text: string; readonly suggestion?: string };
  /** Wrong type. */
  readonly KN006: {
    readonly keyword: string;
    readonly argument: string;
    readonly text: string;
    readonly expected: string;
    readonly reason?: string;
    readonly suggestion?: string;
  };
  /** Number out of range. */
  readonly KN007: {
    readonly keyword: string;
    readonly argument: string;
    readonly text: string;
    readonly min: number;
    readonly max: number;
    readonly unit?: Unit;
  };
  /** Repeated statement. `context`: "in a `cluster` block". */
  readonly KN008: { readonly keyword: string; readonly context: string };
  /** Missing block. */
  readonly KN009: { readonly keyword: string };
  /** Block not allowed; `choice`: the argument that excludes it. */
  readonly KN010: { readonly keyword: string; readonly choice?: string };
  /** Missing statement; `service`: the one that requires it, for addresses of this family. */
  readonly KN011: {
    readonly keyword: string;
    readonly context: Place;
    readonly service?: { readonly name: string; readonly family: 4 | 6 };
  };
  /** Prefix with host bits set. `prefix`: masked, also the value of the argument. */
  readonly KN014: {
    readonly keyword: string;
    readonly argument: string;
    readonly text: string;
    readonly prefix: string;
  };
}
