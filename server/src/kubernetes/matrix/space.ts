/**
 * The address space, divided at the boundaries of policies: every ipBlock contains all addresses of a part or none, so
 * one address represents the part.
 */
import { addIp, type Family, family, type Ip, type IpRange, prefixRange, rangesOverlap } from "../../addressing/ip.ts";
import { firstThat } from "../../text/search.ts";
import type { Cluster, Topology } from "../../topology/model.ts";
import type { Peer } from "../../topology/policy.ts";

export interface Space {
  /** A number for the part that contains the address. */
  partOf(ip: Ip): number;
  /** Parts outside every cluster's pods and services, in order. */
  readonly outside: readonly IpRange[];
}

const WHOLE: Readonly<Record<Family, IpRange>> = {
  4: { first: 0, last: 0xffffffff },
  6: { first: 0n, last: (1n << 128n) - 1n },
};

/** The first parameter contains the ranges of the query. */
export function spaceOf(topology: Topology, asked: readonly IpRange[]): Space {
  const blocks = [...asked, ...topology.clusters.flatMap(writtenRanges)];
  const families = new Set<Family>(
    topology.clusters.flatMap(({ podCidrs, workloads }) => [
      ...podCidrs.map(({ prefix }) => family(prefix.ip)),
      ...workloads.flatMap(({ addresses }) => addresses.map(({ ip }) => family(ip))),
    ]),
  );
  const inside = topology.clusters.flatMap(clusterRanges);
  const cuts = { 4: cutsOf([...blocks, ...inside], 4), 6: cutsOf([...blocks, ...inside], 6) };
  const outside: IpRange[] = [];
  for (const of of families) {
    const starts = cuts[of];
    for (const [index, first] of starts.entries()) {
      const next = starts[index + 1];
      const last = next === undefined ? WHOLE[of].last : addIp(next, -1);
      if (last === undefined) continue;
      const range = { first, last };
      if (!inside.some((one) => rangesOverlap(one, range))) outside.push(range);
    }
  }
  return {
    // Index of the first cut above the address, negative for IPv6 so that the families' numbers differ.
    partOf(ip) {
      const starts = cuts[family(ip)];
      const index = firstThat(starts.length, (at) => (starts[at] as Ip) > ip);
      return family(ip) === 4 ? index : -index;
    },
    outside,
  };
}

function cutsOf(ranges: readonly IpRange[], of: Family): readonly Ip[] {
  const cuts = new Set<Ip>([WHOLE[of].first]);
  for (const { first, last } of ranges) {
    if (family(first) !== of) continue;
    cuts.add(first);
    const next = addIp(last, 1);
    if (next !== undefined) cuts.add(next);
  }
  return [...cuts].sort((a, b) => (a < b ? -1 : 1));
}

function clusterRanges({ podCidrs, serviceCidrs, nodes }: Cluster): readonly IpRange[] {
  const own = nodes.flatMap((node) => node.podCidrs.map(({ prefix }) => prefix));
  const wide = [...podCidrs, ...serviceCidrs].map(({ prefix }) => prefixRange(prefix));
  const apart = own
    .map(prefixRange)
    .filter((range) => !wide.some((one) => one.first <= range.first && range.last <= one.last));
  return [...wide, ...apart];
}

/** The addresses that the cluster's policies name; nodes by their addresses. */
function writtenRanges(cluster: Cluster): readonly IpRange[] {
  const ranges: IpRange[] = [];
  let nodes = false;
  const add = (peer: Peer): void => {
    if (peer.kind === "nodes") nodes = true;
    if (peer.kind === "cidr") ranges.push(prefixRange(peer.cidr), ...peer.except.map(prefixRange));
  };
  for (const { ingress, egress } of cluster.policies) {
    for (const rule of [...(ingress ?? []), ...(egress ?? [])]) for (const peer of rule.peers ?? []) add(peer);
  }
  if (!nodes) return ranges;
  const own = cluster.nodes.flatMap(({ interfaces }) => interfaces.flatMap(({ addresses }) => addresses));
  return [...ranges, ...own.map(({ ip }) => ({ first: ip, last: ip }))];
}
