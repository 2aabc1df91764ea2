/**
 * Whether two speakers can open a TCP connection: both have a route to the other's address, and so has each machine on
 * the way. Only connected and static routes count, because a session exists before the routes that it provides.
 */
import type { Ip } from "../../addressing/ip.ts";
import { isNear } from "../../addressing/ip.ts";
import type { Station, Topology } from "../../topology/model.ts";
import { stationsByPath } from "../../topology/stations.ts";
import { type HostState, hostState } from "../host.ts";

export interface Reach {
  connects(a: Station, from: Ip, b: Station, to: Ip): boolean;
}

const MOST_HOPS = 16;

export function reach(topology: Topology): Reach {
  const hosts = new Map<Station, HostState>();
  const stations = stationsByPath(topology);
  const hostOf = (station: Station): HostState => {
    const host = hosts.get(station) ?? hostState(station);
    hosts.set(station, host);
    return host;
  };
  const arrives = (start: Station, to: Ip, end: Station): boolean => {
    let station = start;
    for (let hops = 0; hops < MOST_HOPS; hops++) {
      const route = hostOf(station).lookup(to);
      const [hop] = route?.type === "unicast" ? route.nexthops : [];
      const segment = station.interfaces.find(({ device }) => device === hop?.dev)?.segment;
      if (!hop || segment === undefined) return false;
      const [owner] = topology.interfacesWith(segment, hop.via ?? to);
      const next = owner && stations(owner.station.path);
      if (next === end) return true;
      if (!next || hop.via === undefined) return false;
      station = next;
    }
    return false;
  };
  return { connects: (a, from, b, to) => arrives(a, to, b) && arrives(b, from, a) };
}

/** Whether the address is in the subnet of one of the machine's interfaces. */
export function isOnLink({ interfaces }: Station, ip: Ip): boolean {
  return interfaces.some(({ addresses }) => addresses.some((own) => isNear(own, ip)));
}

/** Peers on loopback addresses are configured as multihop peers. */
export function isLoopback({ edge }: Station, ip: Ip): boolean {
  return edge?.loopbacks.some((one) => one.ip === ip) ?? false;
}
