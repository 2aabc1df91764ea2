/** Free addresses of a segment or node, and free prefixes of a length, for completion and hovers. */

import { addIp } from "../../addressing/address.ts";
import { kthFree, nextFreePrefix, sortReserved } from "../../addressing/allocation.ts";
import {
  broadcast,
  formatPrefix,
  type Ip,
  type IpRange,
  lastAddress,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixCovers,
  prefixRange,
} from "../../addressing/ip.ts";
import type { Handle } from "../../declared/handle.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { planOf } from "../../questions/plan.ts";
import type { Cluster, Interface, Node, Segment, Service, Topology } from "../../topology/model.ts";

/** RFC 1918, RFC 4193. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"].flatMap(
  (text) => parsePrefix(text)?.prefix ?? [],
);

/** Addresses that hosts can use: without the network address and the broadcast address. */
export function hostRange(prefix: Prefix): IpRange {
  const { ip: first } = prefix;
  const last = lastAddress(prefix);
  if (first === last || addIp(first, 1) === last) return { first, last };
  const end = broadcast(prefix) === undefined ? last : (addIp(last, -1) ?? last);
  return { first: addIp(first, 1) ?? first, last: end };
}

export interface Usage {
  readonly used: number;
  readonly next: Ip | undefined;
}

/** Interface addresses of the segment inside the prefix, and the next free address. Known until an interface changes. */
export function segmentUsage(topology: Topology, segment: Segment, prefix: Prefix): Usage {
  const attached = topology.attachedTo(segment.name);
  return valueAt(usages(attached, segment), formatPrefix(prefix), () => usageOf(attached, segment, prefix));
}

/** By prefix. The segment decides with its list of interfaces. */
const usages = memo((_attached: readonly Interface[], _segment: Segment) => new Map<string, Usage>());

function usageOf(attached: readonly Interface[], segment: Segment, prefix: Prefix): Usage {
  const taken = new Set<Ip>();
  for (const { addresses } of attached) for (const { ip } of addresses) if (prefixContains(prefix, ip)) taken.add(ip);
  const used = taken.size;
  for (const ip of segment.gateways) if (prefixContains(prefix, ip)) taken.add(ip);
  const { first, last } = hostRange(prefix);
  return { used, next: kthFree(first, last, reserve(taken), 0) };
}

/** The next address after the highest used address, and the first gap below it. */
export function nextInSegment(topology: Topology, segment: Segment, prefix: Prefix, without: Handle): readonly Ip[] {
  const taken = new Set<Ip>(segment.gateways);
  let highest: Ip | undefined;
  for (const iface of topology.attachedTo(segment.name)) {
    if (iface.source.decl.handle === without) continue;
    for (const { ip } of iface.addresses) {
      if (!prefixContains(prefix, ip)) continue;
      taken.add(ip);
      if (iface.station.kind !== "router" && (highest === undefined || ip > highest)) highest = ip;
    }
  }
  const { first, last } = hostRange(prefix);
  const reserved = reserve(taken);
  const after = highest === undefined ? undefined : addIp(highest, 1);
  const following = after === undefined ? undefined : kthFree(after, last, reserved, 0);
  const gap = kthFree(first, last, reserved, 0);
  return [...new Set([following, gap])].filter((ip) => ip !== undefined);
}

function reserve(taken: ReadonlySet<Ip>): ReturnType<typeof sortReserved> {
  return sortReserved([...taken].map((ip) => ({ first: ip, last: ip })));
}

/** The addresses that the next pod on a node receives, one per family. */
export function nextOnNode(cluster: Cluster, node: Node): readonly Ip[] {
  const { pods } = cluster;
  const most = pods.countOn(node) + 1;
  const from = [...Array(most).keys()].find((slot) =>
    pods.addressOf(node, slot).every((ip) => pods.podsByAddress(ip).length === 0),
  );
  return from === undefined ? [] : pods.addressOf(node, from);
}

/** The next ClusterIP of each service CIDR; the first address is reserved for the API server. `without`: a service whose addresses are ignored. */
export function nextForService({ services, serviceCidrs }: Cluster, without: Service | undefined): readonly Ip[] {
  const others = services.all.filter((service) => service !== without).flatMap(({ clusterIps }) => clusterIps);
  return serviceCidrs.flatMap(({ prefix }): Ip | readonly Ip[] => {
    const { first, last } = hostRange(prefix);
    const own = others.filter((ip) => prefixContains(prefix, ip));
    return kthFree(first, last, reserve(new Set([first, ...own])), 0) ?? [];
  });
}

/** The first node port that no service sets explicitly; allocated node ports are reassigned on conflict. */
export function nextNodePort({ services }: Cluster, without: Service | undefined): number | undefined {
  const others = services.all.filter((service) => service !== without);
  const taken = new Set(
    others.flatMap(({ ports }) => ports.flatMap(({ nodePort, nodePortGiven }) => (nodePortGiven ? nodePort : []))),
  );
  const { first, last } = services.nodePorts;
  for (let port = first; port <= last; port++) if (!taken.has(port)) return port;
  return undefined;
}

/** Ranges in use, except the ranges of the declaration `without`. */
export function usedRanges(topology: Topology, without?: Handle): readonly IpRange[] {
  return planOf(topology)
    .ranges.filter(({ source }) => source.decl.handle !== without)
    .map(({ prefix }) => prefixRange(prefix));
}

/** Free prefixes of a length: the first in each block, nearest blocks first, without duplicates. */
export function freePrefixes(blocks: readonly Prefix[], len: number, used: readonly IpRange[]): readonly Prefix[] {
  const found = new Map<string, Prefix>();
  for (const block of blocks) {
    const free = block.len <= len ? nextFreePrefix(block, len, used) : undefined;
    if (free) found.set(formatPrefix(free), free);
  }
  return [...found.values()];
}

/** Blocks to search for a prefix near `like`: the private range that contains it first, then all private ranges of the family. */
export function blocksAround(like: Prefix | undefined, family: 4 | 6): readonly Prefix[] {
  const same = PRIVATE.filter(({ ip }) => (typeof ip === "number") === (family === 4));
  if (!like) return same;
  const home = same.find((block) => prefixCovers(block, like));
  return home ? [home, ...same.filter((block) => block !== home)] : same;
}

export function isFree(prefix: Prefix, used: readonly IpRange[]): boolean {
  const end = lastAddress(prefix);
  return !used.some(({ first, last }) => typeof first === typeof end && first <= end && last >= prefix.ip);
}
