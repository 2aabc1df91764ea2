/**
 * The address plan of a topology: every range with its place and owner, and the ranges that overlap although they must be
 * disjoint. All KN10x checks use it; the reachability checks use it to find the cause of a lost packet.
 */

import {
  formatPrefix,
  type Ip,
  type IpRange,
  type Prefix,
  prefixCovers,
  prefixOf,
  prefixRange,
  rangeContains,
} from "../addressing/ip.ts";
import { findOverlaps, type RangeItem } from "../addressing/overlap.ts";
import { modeOf } from "../cni/modes.ts";
import { argumentWith } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { query } from "../memo/query.ts";
import { sameMembers } from "../memo/same.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, CniSettings, Node, PodCidr, Topology } from "../topology/model.ts";
import { nodesWhere } from "../topology/node-queries.ts";
import { type Domains, domainsOf } from "./domains.ts";

export type RangeKind = "pods" | "services" | "segment" | "docker";

export interface PlannedRange {
  readonly kind: RangeKind;
  readonly prefix: Prefix;
  /** Empty for segments. */
  readonly cluster: string;
  /** Empty for other kinds. */
  readonly segment: string;
  /** For messages: "pod CIDR 10.244.0.0/16 of cluster `prod`". */
  readonly label: string;
  readonly source: Origin;
  /** Number of nodes with this range, for ranges of nodes. */
  readonly nodes: number;
  /** With `cni docker`, `docker0` is the pod network and can be inside the pod CIDR. */
  readonly forPods?: boolean;
}

export type ConflictKind =
  | "pods-services"
  | "pods-segment"
  | "services-segment"
  | "docker-cluster"
  | "docker-segment"
  | "pods-pods"
  | "services-pods"
  | "segment-segment";

/** Two ranges that overlap although they must be disjoint. `a` is the side whose kind is first in the name of the conflict. */
export interface Conflict {
  readonly kind: ConflictKind;
  readonly a: PlannedRange;
  readonly b: PlannedRange;
  readonly shared: IpRange;
}

export interface AddressPlan {
  readonly ranges: readonly PlannedRange[];
  readonly conflicts: readonly Conflict[];
  /** Whether the address is in the shared part of two ranges. */
  disputed(ip: Ip): boolean;
}

export const planOf = query<Topology, AddressPlan>((read) => {
  const segments = read((topology) => topology.segments);
  const own = read(({ clusters }) => clusters.map(rangesOfCluster), sameMembers);
  const ranges = [...rangesOfSegments(segments), ...own.flat()];
  const conflicts = findConflicts(read(domainsOf), ranges);
  return { ranges, conflicts, disputed: (ip) => conflicts.some(({ shared }) => rangeContains(shared, ip)) };
});

/* ------------------------------------------------------------------ ranges */

function rangesOfSegments(segments: Topology["segments"]): readonly PlannedRange[] {
  const ranges: PlannedRange[] = [];
  for (const segment of segments.values()) {
    segment.cidrs.forEach((prefix, i) => {
      const source = written(segment.cidrSources[i] ?? segment.source, prefix);
      ranges.push({
        kind: "segment",
        prefix,
        cluster: "",
        segment: segment.name,
        label: t`segment \`${segment.name}\` (${formatPrefix(prefix)})`,
        source,
        nodes: 0,
      });
    });
  }
  return ranges;
}

const rangesOfCluster = query<Cluster, readonly PlannedRange[]>((read) => {
  const name = read((cluster) => cluster.name);
  const cni = read((cluster) => cluster.cni);
  const podCidrs = read((cluster) => cluster.podCidrs);
  const serviceCidrs = read((cluster) => cluster.serviceCidrs);
  const nodes = read((cluster) => withOwnRanges(cluster, podCidrs), sameMembers);
  const ranges: PlannedRange[] = [];
  const base = { cluster: name, segment: "", nodes: 0 };
  for (const { prefix, source } of podCidrs) {
    ranges.push({
      ...base,
      kind: "pods",
      prefix,
      label: t`pod CIDR ${formatPrefix(prefix)} of cluster \`${name}\``,
      source: written(source, prefix),
    });
  }
  const own = ownRanges(cni, podCidrs);
  for (const { within, source } of own) {
    ranges.push({
      ...base,
      kind: "pods",
      prefix: within,
      label: t`pod CIDR ${formatPrefix(within)} of cluster \`${name}\``,
      source: written(source, within),
    });
  }
  for (const { prefix, source } of serviceCidrs) {
    ranges.push({
      ...base,
      kind: "services",
      prefix,
      label: t`service CIDR ${formatPrefix(prefix)} of cluster \`${name}\``,
      source: written(source, prefix),
    });
  }
  const docker = new Map<string, PlannedRange & { nodes: number }>();
  for (const node of nodes) {
    ranges.push(...rangesOfNode({ name, podCidrs }, node, own));
    if (!node.dockerBridge) continue;
    const { address, source } = node.dockerBridge;
    const prefix = prefixOf(address.ip, address.len);
    const key = formatPrefix(prefix);
    const same = docker.get(key);
    if (same) same.nodes += 1;
    else
      docker.set(key, {
        ...base,
        kind: "docker",
        prefix,
        label: t`Docker bridge ${key} of node \`${node.path}\``,
        source: argumentWith(source, (text) => text.endsWith(`/${prefix.len}`)),
        nodes: 1,
        forPods: (node.cni?.plugin ?? cni.plugin) === "docker",
      });
  }
  ranges.push(...docker.values());
  return ranges;
});

/** Pod ranges that the CNI mode adds outside the cluster's pod CIDRs, without nested ones: Calico's pools, Weave's range. */
function ownRanges(
  cni: CniSettings,
  podCidrs: readonly PodCidr[],
): readonly { readonly within: Prefix; readonly source: Origin }[] {
  const { nodeRanges } = modeOf(cni.plugin).addressing(cni, podCidrs);
  const known: Prefix[] = podCidrs.map(({ prefix }) => prefix);
  return nodeRanges.flatMap(({ within, sameForAll, source = cni.source }) => {
    if (sameForAll || known.some((prefix) => prefixCovers(prefix, within) || prefixCovers(within, prefix))) return [];
    known.push(within);
    return [{ within, source }];
  });
}

/** The argument with this prefix, if the place is a whole statement. */
function written(source: Origin, prefix: Prefix): Origin {
  const wanted = formatPrefix(prefix);
  return argumentWith(source, (text) => text === wanted);
}

/** Whether the node has an explicit pod CIDR outside the cluster's, or a Docker bridge. */
const withOwnRanges = nodesWhere<[Cluster["podCidrs"]]>(
  ({ podCidrs, dockerBridge }, pods) =>
    dockerBridge !== undefined || podCidrs.some(({ prefix, allocated }) => !allocated && !isInside(prefix, pods)),
);

function isInside(prefix: Prefix, podCidrs: Cluster["podCidrs"]): boolean {
  return podCidrs.some((pods) => prefixCovers(pods.prefix, prefix));
}

/** The node's explicit pod CIDRs outside the cluster's pod CIDRs and outside the mode's ranges. */
function rangesOfNode(
  { name, podCidrs }: Pick<Cluster, "name" | "podCidrs">,
  node: Node,
  own: readonly { readonly within: Prefix }[],
): readonly PlannedRange[] {
  return node.podCidrs.flatMap(({ prefix, allocated, source }): readonly PlannedRange[] => {
    if (allocated || isInside(prefix, podCidrs)) return [];
    if (own.some(({ within }) => prefixCovers(within, prefix))) return [];
    const label = t`pod CIDR ${formatPrefix(prefix)} of node \`${node.path}\``;
    return [{ kind: "pods", prefix, cluster: name, segment: "", nodes: 1, label, source: written(source, prefix) }];
  });
}

/* --------------------------------------------------------------- conflicts */

function findConflicts(domains: Domains, ranges: readonly PlannedRange[]): readonly Conflict[] {
  const groups = new Map<string, PlannedRange>();
  const items: RangeItem<PlannedRange>[] = ranges.map((value) => {
    groups.set(groupOf(domains, value), value);
    return { range: prefixRange(value.prefix), value };
  });
  const { overlaps } = findOverlaps(items, {
    group: (value) => groupOf(domains, value),
    related: (group, otherGroup) => {
      const one = groups.get(group);
      const other = groups.get(otherGroup);
      return one !== undefined && other !== undefined && conflictKind(domains, one, other) !== undefined;
    },
  });
  const conflicts: Conflict[] = [];
  for (const { a, b } of overlaps) {
    const kind = conflictKind(domains, a.value, b.value);
    if (kind === undefined || (kind === "segment-segment" && !segmentsMeet(domains, a.value, b.value))) continue;
    const [first, second] = inOrder(kind, a.value, b.value);
    const shared = {
      first: a.range.first > b.range.first ? a.range.first : b.range.first,
      last: a.range.last < b.range.last ? a.range.last : b.range.last,
    };
    conflicts.push({ kind, a: first, b: second, shared });
  }
  return conflicts;
}

function segmentsMeet(domains: Domains, { segment: a }: PlannedRange, { segment: b }: PlannedRange): boolean {
  return a !== b && domains.segmentsMeet(a, b);
}

/** Ranges of a group conflict with the same other groups; pairs of segments need an additional check. */
function groupOf(domains: Domains, { kind, cluster, segment, forPods }: PlannedRange): string {
  return `${kind}${forPods ? " for pods" : ""} ${kind === "segment" ? String(domains.ofSegment(segment)) : cluster}`;
}

/** Orders the sides like the kinds in the name of the conflict; sides of equal kind keep their order. */
function inOrder(kind: ConflictKind, a: PlannedRange, b: PlannedRange): readonly [PlannedRange, PlannedRange] {
  const ranked = RANK[a.kind] <= RANK[b.kind];
  return ranked === (kind !== "services-pods") ? [a, b] : [b, a];
}

/** Why two ranges must be disjoint, or undefined if they can overlap. Symmetric. */
function conflictKind(domains: Domains, a: PlannedRange, b: PlannedRange): ConflictKind | undefined {
  const [x, y] = RANK[a.kind] <= RANK[b.kind] ? [a, b] : [b, a];
  const same = x.cluster === y.cluster;
  const domain = domains.ofSegment(y.segment);
  if (y.kind === "segment") {
    if (x.kind === "segment")
      return domains.domainsTouch(domains.ofSegment(x.segment), domain) ? "segment-segment" : undefined;
    return domains.clusterSees(x.cluster, domain) ? `${x.kind}-segment` : undefined;
  }
  switch (x.kind) {
    case "docker":
      return same && y.kind !== "docker" && !(x.forPods && y.kind === "pods") ? "docker-cluster" : undefined;
    case "pods":
      if (!same && !domains.clustersMeet(x.cluster, y.cluster)) return undefined;
      return y.kind === "pods" ? "pods-pods" : same ? "pods-services" : "services-pods";
    case "services":
    case "segment":
      return undefined;
  }
}

const RANK: Readonly<Record<RangeKind, number>> = { docker: 0, pods: 1, services: 2, segment: 3 };
