/** Machines on a segment, found by the addresses for which they reply to ARP or neighbor discovery. */
import type { Ip } from "../addressing/ip.ts";
import type { L2Segment, LinkEnd, NetnsId } from "../dataplane/model.ts";
import type { Interface, Segment, Station, Topology } from "../topology/model.ts";
import type { Stations } from "../topology/stations.ts";
import { filterRules } from "./acl.ts";
import { linkLocalOf } from "./hash.ts";
import { interfaceMac } from "./host.ts";
import { IPV6_MIN_MTU } from "./minimum-mtu.ts";

export function segmentOf(
  topology: Topology,
  name: string,
  admits: (segment: Segment, netns: NetnsId, device: string, ip: Ip) => boolean,
): L2Segment | undefined {
  const segment = topology.segments.get(name);
  return (
    segment && {
      name: segment.name,
      mtu: segment.mtu,
      admits: (netns, device, ip) => admits(segment, netns, device, ip),
      // "IP-in-IP encapsulated packets and GRE packets are blocked within virtual networks" (Azure Virtual Network FAQ).
      ...(segment.denies ? { filters: { 4: filterRules(segment.denies, 4), 6: filterRules(segment.denies, 6) } } : {}),
      refusesIpip: segment.cloud === "azure" ? "Azure" : undefined,
      origin: segment.source,
    }
  );
}

export function linkEnd(iface: Interface): LinkEnd {
  return { netns: iface.station.path, device: iface.device, mac: interfaceMac(iface.station.path, iface.device) };
}

/** The machine that derived this link-local address from its MAC address. */
export function linkLocalEnd(topology: Topology, segment: string, ip: Ip, asker: NetnsId): LinkEnd | undefined {
  for (const iface of topology.attachedTo(segment)) {
    if (iface.station.path === asker || iface.mtu < IPV6_MIN_MTU) continue;
    if (!iface.addresses.some((own) => typeof own.ip === "bigint")) continue;
    const end = linkEnd(iface);
    if (linkLocalOf(end.mac) === ip) return end;
  }
  return undefined;
}

/** IPv4 addresses that machines on the segment have on other devices: other interfaces, docker0, cni0, flannel.1. */
export function otherAddresses(
  topology: Topology,
  segment: string,
  stations: Stations,
  localAddresses: (station: Station) => readonly Ip[],
): ReadonlyMap<Ip, readonly LinkEnd[]> {
  const ends = new Map<Ip, LinkEnd[]>();
  for (const iface of topology.attachedTo(segment)) {
    const station = stations(iface.station.path);
    if (!station) continue;
    const addresses: Ip[] = station.interfaces.flatMap((one) => one.addresses.map(({ ip }) => ip));
    addresses.push(...(station.edge?.loopbacks ?? []).map(({ ip }) => ip));
    if (station.kind === "node" && station.dockerBridge) addresses.push(station.dockerBridge.address.ip);
    addresses.push(...localAddresses(station));
    for (const ip of addresses) {
      if (typeof ip === "bigint") continue;
      const there = ends.get(ip);
      if (there) there.push(linkEnd(iface));
      else ends.set(ip, [linkEnd(iface)]);
    }
  }
  return ends;
}
