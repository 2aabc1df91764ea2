/** Suggestions for moving a range: the next free range of the same size in the same private block. */

import { nextFreePrefix } from "../../addressing/allocation.ts";
import type { Ip, IpRange, Prefix } from "../../addressing/ip.ts";
import {
  addIp,
  bits,
  broadcast,
  formatIp,
  formatPrefix,
  lastAddress,
  parsePrefix,
  prefixContains,
  prefixCovers,
  prefixEquals,
  prefixOf,
  prefixRange,
  rangesOverlap,
} from "../../addressing/ip.ts";
import type { Change } from "../../declared/change.ts";
import { keywordOf, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { type PlannedRange, planOf } from "../../questions/plan.ts";
import { t } from "../../text/l10n.ts";
import { reservedIn } from "../../topology/clouds.ts";
import type { Segment, Topology } from "../../topology/model.ts";
import type { Fix } from "../check.ts";
import { replaceFix } from "../finding.ts";

/** RFC 1918, RFC 6598, RFC 4193. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fd00::/8"].flatMap(
  (text) => parsePrefix(text)?.prefix ?? [],
);

/** With more conflicts than this, the problem is not a single misplaced range. */
const MOST_CONFLICTS = 50;

/** The next free range of this size after `like`, else the first in its private block, else the first in another block. */
export function nextFree(topology: Topology, like: Prefix, avoid: readonly Prefix[] = []): Prefix | undefined {
  const plan = planOf(topology);
  if (plan.conflicts.length > MOST_CONFLICTS) return undefined;
  const home = PRIVATE.find((block) => prefixCovers(block, like));
  const others = PRIVATE.filter((block) => block !== home && typeof block.ip === typeof like.ip);
  const used: IpRange[] = [...plan.ranges.map(({ prefix }) => prefix), ...avoid].map(prefixRange);
  const behind = home && nextFreePrefix(home, like.len, [...used, { first: home.ip, last: lastAddress(like) }]);
  if (behind) return behind;
  for (const block of home ? [home, ...others] : others) {
    const free = block.len <= like.len ? nextFreePrefix(block, like.len, used) : undefined;
    if (free) return free;
  }
  return undefined;
}

/** The next address after `ip` on the segment that is not in use and not reserved by the cloud. */
export function nextFreeAddress(topology: Topology, { name, cidrs, cloud, gateways }: Segment, ip: Ip): Ip | undefined {
  const cidr = cidrs.find((one) => prefixContains(one, ip));
  if (!cidr) return undefined;
  const last = broadcast(cidr);
  const single = [
    cidr.ip,
    ...(last === undefined ? [] : [last]),
    ...gateways,
    ...topology.attachedTo(name).flatMap(({ addresses }) => addresses.map((one) => one.ip)),
    ...topology.clusters.flatMap(({ services }) =>
      services.all.flatMap((one) => [...one.externalIps, ...one.loadBalancerIps].map((given) => given.ip)),
    ),
  ].filter((one) => typeof one === typeof ip);
  const used = single.map((one): IpRange => ({ first: one, last: one }));
  if (cloud !== undefined) used.push(...reservedIn(cloud, cidr));
  const len = bits(ip);
  const behind = nextFreePrefix(cidr, len, [...used, { first: cidr.ip, last: ip }]);
  return (behind ?? nextFreePrefix(cidr, len, used))?.ip;
}

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

/** A free range of the same size. For pods, otherwise the largest free range with a block for every node. */
function freeFor(topology: Topology, { kind, cluster, prefix }: PlannedRange): Prefix | undefined {
  const same = nextFree(topology, prefix);
  const owner = topology.clusters.find(({ name }) => name === cluster);
  const pods = owner?.podCidrs.find((one) => prefixEquals(one.prefix, prefix));
  if (same || kind !== "pods" || !owner || !pods) return same;
  const last = Math.min(pods.perNode, 32) - Math.ceil(Math.log2(Math.max(owner.nodes.length, 1)));
  for (let len = prefix.len + 1; len <= last; len++) {
    const smaller = nextFree(topology, { ip: prefix.ip, len }, [prefix]);
    if (smaller) return smaller;
  }
  return undefined;
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
