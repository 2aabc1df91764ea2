/** Fixes that move, enlarge, or reduce a range. */

import {
  addIp,
  bits,
  formatIp,
  formatPrefix,
  type Prefix,
  prefixContains,
  prefixCovers,
  prefixOf,
  prefixRange,
  rangesOverlap,
} from "../addressing/ip.ts";
import type { Change } from "../declared/change.ts";
import { keywordOf, sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { freeFor, nextFree } from "../questions/free.ts";
import { type PlannedRange, planOf } from "../questions/plan.ts";
import { t } from "../text/l10n.ts";
import type { Topology } from "../topology/model.ts";
import { type Fix, replaceFix } from "./fix.ts";

/** A larger range: the enclosing one, or the next free one if the enclosing one overlaps another range. */
export function enlargeFixes(topology: Topology, prefix: Prefix, len: number, source: Origin): readonly Fix[] {
  if (len < 8) return [];
  const around = prefixOf(prefix.ip, len);
  const isAlone = planOf(topology).ranges.every(
    (one) =>
      typeof one.prefix.ip !== typeof around.ip ||
      prefixCovers(prefix, one.prefix) ||
      !rangesOverlap(prefixRange(one.prefix), prefixRange(around)),
  );
  const larger = isAlone ? around : nextFree(topology, around);
  return larger ? [replaceFix(t`Change to ${formatPrefix(larger)} (large enough)`, source, formatPrefix(larger))] : [];
}

/** Moves a range that is an argument of a statement. */
export function moveFixes(topology: Topology, range: PlannedRange): readonly Fix[] {
  const { kind, cluster, prefix, source } = range;
  const free = freeFor(topology, range);
  if (!free) return [];
  if (source.part === "whole") return kind === "pods" ? statePods(topology, free, source) : [];
  const title =
    free.len === prefix.len
      ? t`Change to ${formatPrefix(free)} (next free range of this size)`
      : t`Change to ${formatPrefix(free)} (largest free range)`;
  // A bridge has the first address of its range.
  const address = kind === "docker" ? addIp(free.ip, 1) : free.ip;
  if (address === undefined) return [];
  const edit: Change = { kind: "replace", source, text: `${formatIp(address)}/${free.len}` };
  return [{ title, edits: [edit, ...(kind === "pods" ? rangesInside(topology, cluster, prefix) : [])] }];
}

/** Removes explicit node pod CIDRs inside a range that moves, so that new ones are allocated. */
function rangesInside({ clusters }: Topology, name: string, within: Prefix): readonly Change[] {
  const nodes = clusters.find((one) => one.name === name)?.nodes ?? [];
  const written = nodes.flatMap(({ podCidrs }) =>
    podCidrs.filter(({ prefix, allocated }) => !allocated && prefixCovers(within, prefix)),
  );
  const places = new Map(written.map(({ source }) => [source.decl.handle, sourceAt(source, "whole")]));
  return [...places.values()]
    .filter((one) => keywordOf(one) === "pod-cidr")
    .map((source) => ({ kind: "remove", source }));
}

/** Sets `pods` if the plugin uses its own default because the cluster has no `pods` statement. */
function statePods(topology: Topology, free: Prefix, { decl }: Origin): readonly Fix[] {
  const cluster = topology.clusters.find(({ cni }) => cni.source.decl.handle === decl.handle);
  if (!cluster || cluster.podCidrs.length > 0) return [];
  const text = `pods ${formatPrefix(free)}`;
  const edits: readonly Change[] = [{ kind: "before", source: sourceAt(cluster.cni.source, "whole"), text }];
  return [{ title: t`Set \`pods\` to ${formatPrefix(free)}`, edits }];
}

/** "; 10.1.0.0/16 is free", or an empty string. */
export function freeHint(topology: Topology, range: PlannedRange): string {
  const free = freeFor(topology, range);
  return free ? t`; ${formatPrefix(free)} is free` : "";
}

/** The largest part of a segment's range that contains all its machines and does not overlap the other range. */
export function shrinkFixes(
  topology: Topology,
  { kind, prefix, segment, source }: PlannedRange,
  other: PlannedRange,
): readonly Fix[] {
  if (kind !== "segment" || segment === undefined || source.part === "whole") return [];
  const inside = topology
    .attachedTo(segment)
    .flatMap(({ addresses }) => addresses.map(({ ip }) => ip))
    .filter((ip) => prefixContains(prefix, ip));
  for (let len = prefix.len + 1; len <= bits(prefix.ip) - 2; len++) {
    const smaller = prefixOf(inside[0] ?? prefix.ip, len);
    if (!inside.every((ip) => prefixContains(smaller, ip))) return [];
    if (prefixContains(smaller, other.prefix.ip) || prefixContains(other.prefix, smaller.ip)) continue;
    const text = formatPrefix(smaller);
    return [replaceFix(t`Reduce segment \`${segment}\` to ${text}`, source, text)];
  }
  return [];
}
