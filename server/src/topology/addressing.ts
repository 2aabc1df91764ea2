/**
 * How a CNI mode allocates addresses. The topology has no knowledge of modes: it receives a function that returns, for
 * the settings of a cluster or node, where the nodes' ranges come from and which addresses of a range pods can have.
 */
import {
  addIp,
  bits,
  type Ip,
  type IpRange,
  lastAddress,
  nthAddress,
  type Prefix,
  prefixOf,
} from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import type { CniSettings, Node, NodeCidr, PodAddressing, PodCidr } from "./model.ts";

/** The blocks of one prefix that are allocated, in order, to nodes without a configured range. */
export interface NodeRange {
  readonly within: Prefix;
  /** Prefix length of a node's block. */
  readonly perNode: number;
  /** First address of the first and of the last allocated block. */
  readonly first: Ip;
  readonly last: Ip;
  /**
   * Every node has the whole of `within`, or the network of its Docker bridge (docker without a network between hosts).
   */
  readonly sameForAll: boolean;
  /** Whether blocks that overlap the service CIDR are skipped, as in kube-controller-manager; true if absent. */
  readonly avoidsServices?: boolean;
  /** Only nodes with these labels get blocks from it; all nodes if absent. */
  readonly selects?: (labels: ReadonlyMap<string, string>) => boolean;
  /** Where it is declared, if not in the cluster's `pods`. */
  readonly source?: Origin;
}

/** Addresses that a cluster's pods share, regardless of their node: at most one range per family. */
export interface SharedRange {
  readonly range: IpRange;
  readonly exclude: readonly IpRange[];
  readonly source: Origin;
}

export interface ModeAddressing extends PodAddressing {
  readonly nodeRanges: readonly NodeRange[];
  /** Nodes claim blocks of the ranges as their pods need them, instead of one fixed block per family. */
  readonly claims?: Claims;
  /** Present: pods get addresses from these, in order of declaration, instead of from their node's range. */
  readonly shared?: readonly SharedRange[] | undefined;
  /** Pods have addresses of the segment of their node's first interface: each node has a part of the segment. */
  readonly fromSegment?: SegmentShare;
  /** Whether a configured address outside the node's range works, because it is on-link or known to the cloud. */
  readonly accepts?: (ip: Ip, node: Node) => boolean;
  /** Default number of pods that kubelet starts on a node; 110 if absent. */
  readonly maxPods?: number;
}

/** How nodes claim blocks: Calico's IPAM. */
export interface Claims {
  /** Blocks named in a node's own settings. */
  given(settings: CniSettings): readonly NodeCidr[];
  /** The statement that names them, in the node's `cni` block. */
  readonly keyword: string;
  /** Before its pods, a node takes an address from a range of each of these kinds for itself: for a tunnel. */
  readonly own: readonly ((range: NodeRange) => boolean)[];
  /** Maximum number of blocks per node and family. */
  readonly most: number;
  /** A node for which no free block remains uses single addresses of other nodes' blocks. */
  readonly borrows: boolean;
}

/** The part of its segment that a node uses for its pods. */
export type SegmentShare = BlockShare | InterfaceShare;

/** One block per node. */
export interface BlockShare {
  readonly kind: "block";
  readonly family: 4 | 6;
  /** Prefix length of the block, and of the smallest sufficient block. */
  readonly len: number;
  readonly atWorst: number;
}

/** Addresses of the node's network interfaces: as many interfaces as the node's pods need. */
export interface InterfaceShare {
  readonly kind: "interfaces";
  readonly family: 4;
  /** The interfaces of a node with this number of pods; each but the first also has a primary address. */
  needs(pods: number): readonly InterfaceNeed[];
}

export interface InterfaceNeed {
  /** Number of pod addresses, or of prefixes. */
  readonly units: number;
  /** Prefix length of a unit: 32 for single addresses. */
  readonly len: number;
}

/** Number of pod addresses of the interfaces. */
export function sizeOfNeeds(needs: readonly InterfaceNeed[]): number {
  return needs.reduce((sum, { units, len }) => sum + units * 2 ** (32 - len), 0);
}

/**
 * The mode's answer for the settings of a cluster or node, given the cluster's `pods` ranges and its `max-pods`, if
 * set.
 */
export type AddressingOf = (
  settings: CniSettings,
  podCidrs: readonly PodCidr[],
  maxPods: number | undefined,
) => ModeAddressing;

/** kube-controller-manager's blocks with host-local, regardless of the plugin. */
export const hostLocal: AddressingOf = (_settings, podCidrs) => ({
  gateway: firstHost,
  usable: (cidr) => {
    const gateway = firstHost(cidr);
    const first = gateway === undefined ? undefined : addIp(gateway, 1);
    return first === undefined ? undefined : { first, last: lastHost(cidr) };
  },
  nodeRanges: podCidrs.map(({ prefix, perNode }) => ({
    within: prefix,
    perNode,
    first: prefix.ip,
    last: prefixOf(lastAddress(prefix), perNode).ip,
    sameForAll: false,
  })),
});

/** host-local rejects ranges smaller than /30 and /126 (plugins/ipam/host-local/backend/allocator/range.go). */
function firstHost(cidr: Prefix): Ip | undefined {
  return cidr.len > bits(cidr.ip) - 2 ? undefined : nthAddress(cidr, 1);
}

function lastHost(cidr: Prefix): Ip {
  const last = lastAddress(cidr);
  return typeof last === "number" ? last - 1 : last;
}

/**
 * The addresses of a segment that machines can have: without the network and broadcast addresses, if the prefix has
 * them.
 */
export function hostRange(cidr: Prefix): IpRange {
  const last = lastAddress(cidr);
  if (cidr.len >= bits(cidr.ip) - 1) return { first: cidr.ip, last };
  return typeof cidr.ip === "number" && typeof last === "number"
    ? { first: cidr.ip + 1, last: last - 1 }
    : { first: BigInt(cidr.ip) + 1n, last };
}
