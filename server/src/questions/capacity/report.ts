/** The address plan of a topology as `knet-plan/1`. */
import { type Count, formatPrefix, formatRange } from "../../addressing/ip.ts";
import type { Origin } from "../../declared/origin.ts";
import { valueAt } from "../../memo/memo.ts";
import type { Topology } from "../../topology/model.ts";
import type { Location } from "../../trace/schema.ts";
import { nextFree } from "../free.ts";
import { type PlannedRange, planOf } from "../plan.ts";
import { growthOf } from "./growth.ts";
import { maskTables } from "./masks.ts";
import { type RangeUse, rangesInUse } from "./ranges.ts";
import type { Plan, PlanCluster, PlanRange } from "./schema.ts";

export function planReport(topology: Topology, locate: (source: Origin) => Location | undefined): Plan {
  const ranges = rangesInUse(topology);
  const overlaps = overlapsOf(topology);
  return {
    schema: "knet-plan/1",
    ranges: ranges.map((range) => rangeReport(topology, range, overlaps, locate)),
    clusters: topology.clusters.map((cluster): PlanCluster => {
      const { name, nodes, pods, maxPods } = cluster;
      return {
        name,
        nodes: nodes.length,
        pods: pods.count,
        maxPods,
        masks: maskTables(cluster).map(({ family, unit, ranges: within, shortest, longest, masks }) => ({
          family,
          unit,
          ranges: within.map(formatPrefix),
          ...(shortest === undefined ? {} : { shortest }),
          ...(longest === undefined ? {} : { longest }),
          masks: masks.map(({ perNode, nodes: blocks, podsPerNode, isCurrent, limits }) => ({
            perNode,
            nodes: plain(blocks),
            podsPerNode: plain(podsPerNode),
            current: isCurrent,
            limits: [...limits],
          })),
        })),
        growth: growthOf(cluster, ranges).map(({ unit, now, more, ranges: full, owner }) => ({
          unit,
          now,
          more: plain(more),
          ranges: full.map(formatPrefix),
          ...(owner === undefined ? {} : { owner }),
        })),
      };
    }),
  };
}

function rangeReport(
  topology: Topology,
  use: RangeUse,
  overlaps: ReadonlyMap<string, readonly string[]>,
  locate: (source: Origin) => Location | undefined,
): PlanRange {
  const { kind, range, prefix, owner, cluster, cloud, nodes, size, used, free, largestFree, nextFree: next } = use;
  const location = locate(use.source);
  // A node's range is inside its cluster's, and a shared range inside a segment.
  const another = prefix && kind !== "node" ? nextFree(topology, prefix) : undefined;
  return {
    range: prefix ? formatPrefix(prefix) : formatRange(range),
    kind,
    owner,
    ...(cluster === undefined ? {} : { cluster }),
    ...(cloud === undefined ? {} : { cloud }),
    ...(nodes === 0 ? {} : { nodes }),
    size: plain(size),
    used: plain(used),
    free: plain(free),
    ...(largestFree === undefined ? {} : { largestFree: formatPrefix(largestFree) }),
    ...(next === undefined ? {} : { nextFree: formatPrefix(next) }),
    ...(another === undefined ? {} : { nextRange: formatPrefix(another) }),
    overlaps: [...((prefix && overlaps.get(`${formatPrefix(prefix)} ${cluster ?? owner}`)) ?? [])],
    ...(location === undefined ? {} : { location }),
  };
}

/** By prefix, and by segment or cluster: the ranges that overlap it. */
function overlapsOf(topology: Topology): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const add = ({ prefix, segment, cluster }: PlannedRange, other: PlannedRange): void => {
    const key = `${formatPrefix(prefix)} ${segment || cluster}`;
    valueAt(found, key, (): string[] => []).push(formatPrefix(other.prefix));
  };
  for (const { a, b } of planOf(topology).conflicts) {
    add(a, b);
    add(b, a);
  }
  return found;
}

function plain(count: Count): number | string {
  return count <= Number.MAX_SAFE_INTEGER ? Number(count) : String(count);
}
