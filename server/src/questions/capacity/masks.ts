/** What another prefix length per node (or per Calico block) would allow in the ranges of a cluster. */
import { blocksOf, freeBlockCount } from "../../addressing/allocation.ts";
import {
  bits,
  type Count,
  type Family,
  family,
  type Prefix,
  prefixEquals,
  prefixOf,
  rangeSize,
} from "../../addressing/ip.ts";
import { modeOf } from "../../cni/modes.ts";
import type { ModeAddressing, NodeRange } from "../../topology/addressing.ts";
import type { Cluster } from "../../topology/model.ts";
import { unusableParts } from "../../topology/node-ranges.ts";
import { addressingOf, blockRanges, podAddresses } from "./ranges.ts";

/** Why a prefix length is not sufficient: blocks for the nodes, addresses for the pods of a node, or for its `max-pods`. */
export type Limit = "nodes" | "pods" | "max-pods";

export interface Mask {
  readonly perNode: number;
  /** Number of blocks in the ranges: of nodes, except with Calico. */
  readonly nodes: Count;
  readonly podsPerNode: Count;
  readonly isCurrent: boolean;
  readonly limits: readonly Limit[];
}

export interface MaskTable {
  readonly family: Family;
  /** Whether each node has one block, or claims blocks as its pods need them. */
  readonly unit: "node" | "block";
  readonly ranges: readonly Prefix[];
  /** The shortest prefix length with enough blocks; undefined if no length is sufficient. */
  readonly shortest: number | undefined;
  /** The longest prefix length with enough addresses; undefined if no length is sufficient, and with Calico. */
  readonly longest: number | undefined;
  readonly masks: readonly Mask[];
}

/** Prefix lengths for IPv4; for IPv6, as many around the current one. */
const SHORTEST = 22;
const LONGEST = 28;
const AROUND = (LONGEST - SHORTEST) / 2;

/** One table per address family. */
export function maskTables(cluster: Cluster): readonly MaskTable[] {
  const ranges = blockRanges(cluster);
  return ([4, 6] as const).flatMap((of) => {
    const own = ranges.filter(({ within }) => family(within.ip) === of);
    return own.length === 0 ? [] : [tableOf(cluster, of, own)];
  });
}

/** The node CIDR allocator rejects more bits in IPv6 (cidrset.go, clusterSubnetMaxDiff); in IPv4, only kubeadm does. */
const MOST_BITS = 16;

function tableOf(cluster: Cluster, of: Family, ranges: readonly NodeRange[]): MaskTable {
  const maskAt = evaluator(cluster, of, ranges);
  const current = ranges.map(({ perNode }) => perNode);
  const widest = Math.min(...ranges.map(({ within }) => within.len));
  const isBlock = addressingOf(cluster).claims !== undefined;
  const longest = of === 4 ? 32 : isBlock ? 128 : Math.min(128, widest + MOST_BITS);
  const possible = possibleLengths(cluster, ranges, lengths(widest, longest));
  const [first, last] = of === 4 ? [SHORTEST, LONGEST] : [Math.min(...current) - AROUND, Math.max(...current) + AROUND];
  const shown = possible.filter((len) => len >= first && len <= last);
  const all = possible.map(maskAt);
  return {
    family: of,
    unit: isBlock ? "block" : "node",
    ranges: ranges.map(({ within }) => within),
    shortest: all.find(({ limits }) => !limits.includes("nodes"))?.perNode,
    longest: isBlock ? undefined : all.findLast(({ limits }) => limits.every((one) => one === "nodes"))?.perNode,
    masks: [...new Set([...shown, ...current])].sort((a, b) => a - b).map(maskAt),
  };
}

/**
 * Without the lengths that the mode does not use for the node ranges of a pod CIDR: Azure's are always a /24, GKE's follow
 * from `max-pods`, which is half of the addresses.
 */
function possibleLengths(cluster: Cluster, ranges: readonly NodeRange[], all: readonly number[]): readonly number[] {
  const { cni, podCidrs } = cluster;
  const fromPods = ranges.filter(({ within }) => podCidrs.some(({ prefix }) => prefixEquals(prefix, within)));
  if (addressingOf(cluster).claims !== undefined || fromPods.length < ranges.length) return all;
  return all.filter((perNode) => {
    const pods = podCidrs.map((one) => ({ ...one, perNode }));
    const { nodeRanges } = modeOf(cni.plugin).addressing(cni, pods, 2 ** (bits(ranges[0]!.within.ip) - perNode - 1));
    return nodeRanges.some((range) => range.perNode === perNode && prefixEquals(range.within, ranges[0]!.within));
  });
}

function lengths(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** The mask of a length, with what the cluster's nodes and pods need. */
function evaluator(cluster: Cluster, of: Family, ranges: readonly NodeRange[]): (len: number) => Mask {
  const addressing = addressingOf(cluster);
  const demand = demandOf(cluster, of);
  const most = demand.reduce((max, count) => Math.max(max, count), 0);
  return (len) => {
    const nodes = ranges.map((range) => blocksIn(range, len, cluster)).reduce((a, b) => sum(a, b));
    const podsPerNode = podsIn(addressing, ranges, len);
    const limits: Limit[] = [];
    if (nodes < blocksFor(demand, podsPerNode, addressing)) limits.push("nodes");
    if (addressing.claims === undefined) {
      if (podsPerNode < most) limits.push("pods");
      else if (podsPerNode < cluster.maxPods) limits.push("max-pods");
    }
    return { perNode: len, nodes, podsPerNode, isCurrent: ranges.some(({ perNode }) => perNode === len), limits };
  };
}

/** By node: the number of addresses of the family that its pods and tunnels use. */
function demandOf(cluster: Cluster, of: Family): readonly number[] {
  return podAddresses(cluster).map((ips, index) => {
    const own = cluster.nodes[index]?.podCidrs.find(({ prefix }) => family(prefix.ip) === of)?.own ?? 0;
    return own + ips.filter((ip) => family(ip) === of).length;
  });
}

function blocksIn(range: NodeRange, len: number, { serviceCidrs }: Cluster): Count {
  return freeBlockCount(blocksOf(range.within, len, unusableParts(range, serviceCidrs)));
}

function sum(a: Count, b: Count): Count {
  return typeof a === "number" && typeof b === "number" ? a + b : BigInt(a) + BigInt(b);
}

/** Pod addresses of the first block with this length. */
function podsIn({ usable }: ModeAddressing, ranges: readonly NodeRange[], len: number): Count {
  const range = ranges.find(({ within }) => within.len <= len);
  const found = range && usable(prefixOf(range.first, len));
  return found === undefined ? 0 : rangeSize(found);
}

/** The number of blocks that the nodes need; each node needs at least one. */
function blocksFor(demand: readonly number[], perBlock: Count, { claims }: ModeAddressing): number {
  if (claims === undefined || perBlock < 1) return demand.length;
  return demand.reduce((total, count) => total + Math.max(1, Math.ceil(count / Number(perBlock))), 0);
}
