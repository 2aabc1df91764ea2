/**
 * How a CNI mode hands out addresses. The topology knows no modes: it is given a function that answers for the settings
 * of a cluster or node, and asks where the nodes' ranges come from and what a pod may have inside one.
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
import type { Source } from "../language/tree.ts";
import type { CniSettings, NodeCidr, PodAddressing, PodCidr } from "./model.ts";

/** The blocks of one prefix from which nodes without a range of their own get one, in order. */
export interface NodeRange {
  readonly within: Prefix;
  /** Length of a node's block. */
  readonly perNode: number;
  /** First address of the first and of the last block that is handed out. */
  readonly first: Ip;
  readonly last: Ip;
  /** Every node has the whole of `within`, or the network of its docker bridge (docker without a network between hosts). */
  readonly sameForAll: boolean;
  /** Blocks that overlap the service range are left out, as kube-controller-manager does; true where absent. */
  readonly avoidsServices?: boolean;
  /** Only nodes with these labels get blocks of it; all where absent. */
  readonly selects?: (labels: ReadonlyMap<string, string>) => boolean;
  /** Where it is written, unless in the cluster's `pods`. */
  readonly source?: Source;
}

/** Addresses that a cluster's pods share, whatever node they are on: at most one range a family. */
export interface SharedRange {
  readonly range: IpRange;
  readonly exclude: readonly IpRange[];
  readonly source: Source;
}

export interface ModeAddressing extends PodAddressing {
  readonly nodeRanges: readonly NodeRange[];
  /** Nodes claim blocks of the ranges as their pods need them, instead of one a family for good. */
  readonly claims?: Claims;
  /** Present: pods get addresses from these, in order of declaration, and not from their node's range. */
  readonly shared?: readonly SharedRange[] | undefined;
  /** Pods have addresses of the segment of their node's first interface: a block of it for each node. */
  readonly fromSegment?: SegmentShare;
  /** How many pods kubelet starts where the cluster does not say it; 110 where absent. */
  readonly maxPods?: number;
}

/** How nodes claim blocks: Calico's IPAM. */
export interface Claims {
  /** Blocks that a node's own settings name. */
  given(settings: CniSettings): readonly NodeCidr[];
  /** Before its pods do, a node takes an address of a range of each of these kinds for itself: for a tunnel. */
  readonly own: readonly ((range: NodeRange) => boolean)[];
  /** Blocks that one node may have, a family. */
  readonly most: number;
  /** A node for which no block is left takes single addresses of the others' blocks. */
  readonly borrows: boolean;
}

/** What one node takes of its segment for its pods. */
export interface SegmentShare {
  readonly family: 4 | 6;
  /** Length of the block, and of the smallest one that still serves. */
  readonly len: number;
  readonly atWorst: number;
}

/** The mode's answer for a cluster's settings (or a node's own), given the cluster's `pods` ranges and its `max-pods`, where stated. */
export type AddressingOf = (
  settings: CniSettings,
  podCidrs: readonly PodCidr[],
  maxPods: number | undefined,
) => ModeAddressing;

/** kube-controller-manager's blocks and host-local inside them, whatever the plugin. */
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

/** host-local refuses ranges smaller than /30 and /126 (plugins/ipam/host-local/backend/allocator/range.go). */
function firstHost(cidr: Prefix): Ip | undefined {
  return cidr.len > bits(cidr.ip) - 2 ? undefined : nthAddress(cidr, 1);
}

function lastHost(cidr: Prefix): Ip {
  const last = lastAddress(cidr);
  return typeof last === "number" ? last - 1 : last;
}

/** The addresses of a segment that stations may have: without network and broadcast address, where there are such. */
export function hostRange(cidr: Prefix): IpRange {
  const last = lastAddress(cidr);
  if (cidr.len >= bits(cidr.ip) - 1) return { first: cidr.ip, last };
  return typeof cidr.ip === "number" && typeof last === "number"
    ? { first: cidr.ip + 1, last: last - 1 }
    : { first: BigInt(cidr.ip) + 1n, last };
}
