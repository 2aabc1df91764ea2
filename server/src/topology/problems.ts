/** The problems found by this layer, with the values of their messages, which the checks write. */

import type { Prefix } from "../addressing/ip.ts";
import { type Problem, problemsOf } from "../declared/problem.ts";
import type { DeclProblemData, NamedKind, Place } from "../declared/problem-data.ts";

/** By diagnostic code. */
export interface TopologyProblemData extends Pick<DeclProblemData, "KN006" | "KN007" | "KN011"> {
  /** `suggestions`: equally near names. */
  readonly KN012: { readonly name: string; readonly kind: NamedKind; readonly suggestions: readonly string[] };
  /** Related: the first definition, which is used. */
  readonly KN013: { readonly name: string; readonly kind: NamedKind; readonly context: Place };
  /** A path that can refer to several endpoints. */
  readonly KN016: { readonly name: string; readonly candidates: readonly string[] };
  /** An interface address outside its segment. */
  readonly KN120: { readonly address: string; readonly segment: string; readonly cidrs: string };
  /** No address for `count` interfaces; the name is from the first one. */
  readonly KN121: {
    readonly segment: string;
    readonly cidrs: string;
    readonly count: number;
    readonly station: string;
  };
  /** A pod address outside its node's pod CIDR. */
  /** `others`: number of further pods of its workload, each outside the range of the node it runs on. */
  readonly KN122: {
    readonly pod: string;
    readonly address: string;
    readonly node: string;
    readonly range: string;
    readonly others: number;
  };
  /** A node pod CIDR outside the cluster's. */
  readonly KN123: { readonly node: string; readonly cidr: string; readonly pods: string };
  /** The gateway router is not attached to the segment. */
  readonly KN124: { readonly router: string; readonly segment: string };
  /** A next hop of a different family than the destination. */
  readonly KN125: { readonly destination: string; readonly address: string };
  /** A NAT rule for a segment that the machine is not attached to. */
  readonly KN126: {
    readonly station: { readonly kind: "router" | "host" | "node"; readonly path: string };
    readonly segment: string;
  };
  /** A tunnel without two sides: one machine twice, no address of a common family, or an unrelated machine. */
  readonly KN270: { readonly tunnel: string; readonly cause: "one-machine" | "no-address" | "not-a-side" | "family" };
  /** A segment of a route table that the router is not attached to, or that another table (`other`) already has. */
  readonly KN166: { readonly router: string; readonly segment: string; readonly other: string | undefined };
  /** No pod CIDR for nodes: `count` without, `node` is the first. */
  readonly KN401: {
    readonly cluster: string;
    readonly count: number;
    readonly node: string;
    readonly cidr: Prefix;
    readonly perNode: number;
    /** Allocated. */
    readonly blocks: number;
    /** In the range. */
    readonly total: number;
    /** Of these, the ones that overlap the service CIDR. */
    readonly services: number;
  };
  /** More pods than pod addresses on `count` nodes; the other values are the first node's. */
  readonly KN402: {
    readonly cluster: string;
    readonly count: number;
    readonly node: string;
    readonly pods: number;
    readonly addresses: number;
  };
  /** More than knet supports. */
  readonly KN403: { readonly kind: "nodes" | "pods" | "endpoints"; readonly count: number; readonly max: number };
  /** No address for services: `count` without, `service` is the first. */
  readonly KN408: {
    readonly cluster: string;
    readonly count: number;
    readonly service: string;
    readonly family: 4 | 6;
  };
  /** One range for all pods of the cluster is too small. */
  readonly KN430: { readonly cluster: string; readonly pods: number; readonly addresses: number };
  /** `cidr` and labels in one peer. */
  readonly KN610: Readonly<Record<string, never>>;
  /** Both as written. */
  readonly KN611: { readonly except: string; readonly cidr: string };
  /** A `from` or `to` without arguments; `kind`: of the policy. */
  readonly KN615: { readonly peer: "from" | "to"; readonly kind: "network" | "admin" | "baseline" };
  /** A rule of an admin policy without peers; `peer`: the missing keyword. */
  readonly KN616: { readonly direction: "ingress" | "egress"; readonly peer: "from" | "to" };
  /** A peer that ingress rules of admin policies do not have. */
  readonly KN617: { readonly peer: "cidr" | "nodes" | "any" };
}

export type TopologyProblem = Problem<TopologyProblemData>;

export const CODES = {
  /** A value that is invalid only together with another argument. */
  wrongType: "KN006",
  numberOutOfRange: "KN007",
  /** The cluster has pods but no `pods` range, or no range of the family that a service requests. */
  missingStatement: "KN011",
  unknownName: "KN012",
  nameTwice: "KN013",
  ambiguousName: "KN016",
  addressOutsideSegment: "KN120",
  segmentExhausted: "KN121",
  podAddressOutsideNode: "KN122",
  podCidrOutsideCluster: "KN123",
  gatewayNotAttached: "KN124",
  nextHopFamily: "KN125",
  natSegment: "KN126",
  tunnelIncomplete: "KN270",
  routeTableSegment: "KN166",
  noPodCidrLeft: "KN401",
  noPodAddressLeft: "KN402",
  sharedRangeFull: "KN430",
  noServiceAddressLeft: "KN408",
  tooManyNodes: "KN403",
  peerMixed: "KN610",
  exceptOutside: "KN611",
  peerEmpty: "KN615",
  rulePeerMissing: "KN616",
  peerUnsupported: "KN617",
} as const satisfies Readonly<Record<string, keyof TopologyProblemData>>;

export const problem = problemsOf<TopologyProblemData>();
