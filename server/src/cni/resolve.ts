/** ARP and neighbor discovery on a segment: which machine or pod replies for an address. */
import { type Ip, isLinkLocal, network as networkOf } from "../addressing/ip.ts";
import { isAnycastOn } from "../dataplane/fib.ts";
import type { LinkEnd, NetnsId, Network } from "../dataplane/model.ts";
import { valueAt } from "../memo/memo.ts";
import type { Topology } from "../topology/model.ts";
import { linkEnd, linkLocalEnd, otherAddresses } from "./ends.ts";
import { translatedBy } from "./external-ips.ts";
import { receivingEnd } from "./fabric.ts";
import { IPV6_MIN_MTU } from "./minimum-mtu.ts";
import { clusterOf, type World } from "./world.ts";

export function resolver(world: World, netns: Network["netns"]): Network["resolve"] {
  const { topology } = world;
  const others = new Map<string, ReadonlyMap<Ip, readonly LinkEnd[]>>();
  return (segment, ip, asker) => {
    const end =
      interfaceEnd(world, segment, ip, asker) ??
      modeEnd(world, segment, ip, asker) ??
      contributedEnd(world, segment, ip, asker);
    if (end) return end;
    // Neighbor discovery replies only for the interface's own addresses, ARP for any address of the host (arp_ignore =
    // 0).
    if (typeof ip === "bigint")
      return isLinkLocal(ip)
        ? linkLocalEnd(topology, segment, ip, asker)
        : anycastEnd(topology, netns, { segment, ip, asker });
    const ends = valueAt(others, segment, () => addressesElsewhere(world, segment)).get(ip);
    return ends?.find(({ netns }) => netns !== asker);
  };
}

function interfaceEnd(
  { topology, fabric, stations }: World,
  segment: string,
  ip: Ip,
  asker: NetnsId,
): LinkEnd | undefined {
  for (const iface of topology.interfacesWith(segment, ip)) {
    if (iface.station.path !== asker && (typeof ip === "number" || iface.mtu >= IPV6_MIN_MTU))
      return receivingEnd(fabric, stations, iface, asker);
  }
  return undefined;
}

/** A pod on the segment, or a machine to which the cloud delivers packets to the address. */
function modeEnd({ fabric }: World, segment: string, ip: Ip, asker: NetnsId): LinkEnd | undefined {
  const stacked = fabric.stackedEnd(segment, ip);
  if (stacked && stacked.netns !== asker) return stacked;
  for (const end of fabric.ends(segment, ip)) if (end.netns !== asker) return end;
  return undefined;
}

function contributedEnd(
  { topology, contributors }: World,
  segment: string,
  ip: Ip,
  asker: NetnsId,
): LinkEnd | undefined {
  for (const contributor of contributors) {
    for (const cluster of topology.clusters) {
      const answers = contributor.answers?.(topology, cluster, segment, ip) ?? [];
      const answer = answers.find((iface) => iface.station.path !== asker);
      if (answer) return linkEnd(answer);
    }
  }
  return undefined;
}

interface Asked {
  readonly segment: string;
  readonly ip: bigint;
  readonly asker: NetnsId;
}

/** The first router with a prefix whose subnet-router anycast address is this one. */
function anycastEnd(topology: Topology, netns: Network["netns"], { segment, ip, asker }: Asked): LinkEnd | undefined {
  let first: LinkEnd | undefined;
  for (const iface of topology.attachedTo(segment)) {
    const id = iface.station.path;
    if (id === asker || !iface.addresses.some((own) => own.len < 127 && networkOf(own.ip, own.len) === ip)) continue;
    const router = netns(id);
    if (!router || !isAnycastOn(router, ip, iface.device)) continue;
    if (first) return { ...first, hasRivals: true };
    first = linkEnd(iface);
  }
  return first;
}

function addressesElsewhere(world: World, segment: string): ReadonlyMap<Ip, readonly LinkEnd[]> {
  return otherAddresses(world.topology, segment, world.stations, (station) => {
    if (station.kind === "router") return translatedBy(world.topology, station).map(({ external }) => external.ip);
    const cluster = station.kind === "node" ? clusterOf(world, station) : undefined;
    return cluster && station.kind === "node" ? world.clusters.of(cluster).mode(station).localAddresses(station) : [];
  });
}
