/** How much a cluster can grow until a range is full. */
import { blocksOf, freeBlockCount } from "../../addressing/allocation.ts";
import { type Count, family, type Prefix } from "../../addressing/ip.ts";
import { sizeOfNeeds } from "../../topology/addressing.ts";
import type { Cluster } from "../../topology/model.ts";
import { unusableParts } from "../../topology/node-ranges.ts";
import { addressingOf, blockRanges, nodeBlocks, type RangeUse } from "./ranges.ts";

/** What fills a range: nodes, blocks that Calico nodes claim, pods of all nodes, pods of one node, services. */
export type GrowthUnit = "nodes" | "blocks" | "pods" | "pods-on-node" | "services";

export interface Growth {
  readonly unit: GrowthUnit;
  /** How many more until the range is full. */
  readonly more: Count;
  /** The current number. */
  readonly now: number;
  /** Several if they are used one after the other. */
  readonly ranges: readonly Prefix[];
  /** The segment, or the node. */
  readonly owner: string | undefined;
}

/** `ranges`: of the topology. In the order of `GrowthUnit`; of a unit, the range that is full first. */
export function growthOf(cluster: Cluster, ranges: readonly RangeUse[]): readonly Growth[] {
  return [
    ...[...blockGrowth(cluster), ...segmentGrowth(cluster, ranges)].sort(byMore),
    ...rangeGrowth(cluster, ranges, "shared", "pods"),
    ...fullestNode(cluster, ranges),
    ...rangeGrowth(cluster, ranges, "services", "services"),
  ];
}

function byMore(a: Growth, b: Growth): number {
  return a.more < b.more ? -1 : a.more > b.more ? 1 : 0;
}

/** The blocks that nodes can still be assigned, per address family. */
function blockGrowth(cluster: Cluster): readonly Growth[] {
  const used = nodeBlocks(cluster);
  const isBlock = addressingOf(cluster).claims !== undefined;
  return ([4, 6] as const).flatMap((of): readonly Growth[] => {
    const own = blockRanges(cluster).filter(({ within }) => family(within.ip) === of);
    if (own.length === 0) return [];
    const free = own.map((range) =>
      freeBlockCount(blocksOf(range.within, range.perNode, [...unusableParts(range, cluster.serviceCidrs), ...used])),
    );
    const more = free.reduce((a, b) =>
      typeof a === "number" && typeof b === "number" ? a + b : BigInt(a) + BigInt(b),
    );
    const now = isBlock ? used.filter(({ first }) => family(first) === of).length : cluster.nodes.length;
    const unit = isBlock ? "blocks" : "nodes";
    return [{ unit, more, now, ranges: own.map(({ within }) => within), owner: undefined }];
  });
}

/** The nodes for which the segments of the cluster's nodes still have addresses. */
function segmentGrowth(cluster: Cluster, ranges: readonly RangeUse[]): readonly Growth[] {
  const { fromSegment } = addressingOf(cluster);
  const attached = new Map<string, { nodes: number; first: boolean }>();
  for (const { interfaces } of cluster.nodes) {
    for (const [index, { segment }] of interfaces.entries()) {
      const before = attached.get(segment);
      attached.set(segment, { nodes: (before?.nodes ?? 0) + 1, first: (before?.first ?? false) || index === 0 });
    }
  }
  return ranges.flatMap(({ kind, owner, prefix, free }): readonly Growth[] => {
    const use = kind === "segment" ? attached.get(owner) : undefined;
    if (use === undefined || prefix === undefined) return [];
    const isForPods = use.first && fromSegment?.family === family(prefix.ip);
    const perNode = 1 + (isForPods ? podShare(cluster) : 0);
    const more = typeof free === "bigint" ? free / BigInt(perNode) : Math.floor(free / perNode);
    return [{ unit: "nodes", more, now: use.nodes, ranges: [prefix], owner }];
  });
}

/** Addresses of its segment that a node uses for its pods. With a share per interface: with `max-pods` pods. */
function podShare(cluster: Cluster): number {
  const { fromSegment } = addressingOf(cluster);
  if (fromSegment === undefined) return 0;
  if (fromSegment.kind === "block") return fromSegment.family === 4 ? 2 ** (32 - fromSegment.len) : 0;
  const needs = fromSegment.needs(cluster.maxPods);
  // Each interface but the first also has a primary address.
  return sizeOfNeeds(needs) + Math.max(0, needs.length - 1);
}

function rangeGrowth(
  cluster: Cluster,
  ranges: readonly RangeUse[],
  kind: RangeUse["kind"],
  unit: GrowthUnit,
): readonly Growth[] {
  return ranges.flatMap(({ kind: its, cluster: name, prefix, used, free }): readonly Growth[] =>
    its === kind && name === cluster.name
      ? [{ unit, more: free, now: Number(used), ranges: prefix ? [prefix] : [], owner: undefined }]
      : [],
  );
}

/** The node range that is full first, unless nodes claim further blocks. */
function fullestNode(cluster: Cluster, ranges: readonly RangeUse[]): readonly Growth[] {
  if (addressingOf(cluster).claims !== undefined) return [];
  let fullest: RangeUse | undefined;
  for (const range of ranges) {
    if (range.kind !== "node" || range.cluster !== cluster.name) continue;
    if (fullest === undefined || range.free < fullest.free) fullest = range;
  }
  if (fullest?.prefix === undefined) return [];
  const { free, used, prefix, owner } = fullest;
  return [{ unit: "pods-on-node", more: free, now: Number(used), ranges: [prefix], owner }];
}
