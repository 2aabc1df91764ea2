/** The problems found by this layer. The checks write their messages. */
import type { Origin } from "../declared/origin.ts";

/**
 * A problem found during the build; `checks/` turns it into a diagnostic. `data` contains the values in its message.
 */
export interface TopologyProblem {
  readonly code: string;
  readonly source: Origin;
  readonly data: Readonly<Record<string, string | number>>;
  readonly related: readonly { readonly source: Origin; readonly message: string }[];
}

export const CODES = {
  /** A value that is invalid only together with another argument. data: keyword, argument, text, expected, reason. */
  wrongType: "KN006",
  /** A number that is invalid only here. data: keyword, argument, text, min, max. */
  numberOutOfRange: "KN007",
  /**
   * The cluster has pods but no `pods` range, or no range of the family that `service` requests. data: keyword,
   * context, family?, service?.
   */
  missingStatement: "KN011",
  /** data: name, kind (segment, router, node, endpoint …), suggestion?, suggestions? (several equally near ones, with spaces). */
  unknownName: "KN012",
  /** data: name, kind, context; related: the first definition, which is used. */
  nameTwice: "KN013",
  /** A path that can refer to several endpoints. data: name, candidates. */
  ambiguousName: "KN016",
  /** data: address, segment, cidrs. */
  addressOutsideSegment: "KN120",
  /** data: segment, cidrs, count (of interfaces without), station (the first). */
  segmentExhausted: "KN121",
  /** data: pod, address, node, range. */
  podAddressOutsideNode: "KN122",
  /** data: node, cidr, pods. */
  podCidrOutsideCluster: "KN123",
  /** The gateway router is not attached to the segment. data: router, segment. */
  gatewayNotAttached: "KN124",
  /** A next hop of a different family than the destination. data: destination, address. */
  nextHopFamily: "KN125",
  /** A NAT rule for a segment that the machine is not attached to. data: station, segment. */
  natSegment: "KN126",
  /**
   * data: cluster, count (of nodes without), node (the first), cidr, perNode, blocks (allocated), total (in the range),
   * services (of these, overlapping the service CIDR).
   */
  noPodCidrLeft: "KN401",
  /** data: cluster, count (of nodes), node (the first), pods, addresses (both of that node). */
  noPodAddressLeft: "KN402",
  /** One range for all pods of the cluster is too small. data: cluster, pods, addresses. */
  sharedRangeFull: "KN430",
  /** data: cluster, count (of services without), service (the first). */
  noServiceAddressLeft: "KN408",
  /** More than knet supports. data: kind (nodes, pods, endpoints), count, max. */
  tooManyNodes: "KN403",
  /** `cidr` and labels in one peer. */
  peerMixed: "KN610",
  /** data: except, cidr. */
  exceptOutside: "KN611",
  /** A `from` or `to` without arguments. data: peer (the keyword), kind (of the policy). */
  peerEmpty: "KN615",
  /** A rule of an admin policy without peers. data: direction, peer (the keyword). */
  rulePeerMissing: "KN616",
  /** A peer that ingress rules of admin policies do not have. data: peer (cidr, nodes, any). */
  peerUnsupported: "KN617",
} as const;

export type ProblemCode = (typeof CODES)[keyof typeof CODES];

export function problem(
  code: ProblemCode,
  source: Origin,
  data: TopologyProblem["data"],
  related: TopologyProblem["related"] = [],
): TopologyProblem {
  return { code, source, data, related };
}
