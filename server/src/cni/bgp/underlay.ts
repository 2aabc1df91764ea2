/** The routes that carry BGP itself: to the peers of sessions, and to the next hops of routes. */
import { type Ip, isNear, type Prefix, prefixContains } from "../../addressing/ip.ts";
import type { Nexthop, Route } from "../../dataplane/model.ts";
import { valueAt } from "../../memo/memo.ts";
import type { Station, Topology } from "../../topology/model.ts";
import { stationsByPath } from "../../topology/stations.ts";
import { type HostState, hostState } from "../host.ts";
import type { LearnedTable, Rank, Speaker } from "./model.ts";
import { birdNexthops, birdUnderlay, routerRecursion } from "./routes.ts";

export interface Underlay {
  /** The next hop of packets to the address. */
  forward(station: Station, ip: Ip): Nexthop | undefined;
  /** `around`: a prefix whose route cannot be used, because the address is its next hop. */
  rank(speaker: Speaker, ip: Ip, around: Prefix | undefined): Rank;
}

export function hostStates(): (station: Station) => HostState {
  const hosts = new Map<Station, HostState>();
  return (station) => valueAt(hosts, station, () => hostState(station));
}

/** `learned`: the routes that a machine has learned so far. */
export function underlay(
  hostOf: (station: Station) => HostState,
  learned: (station: Station) => LearnedTable | undefined,
): Underlay {
  return {
    forward: (station, ip) => forward(hostOf(station), learned(station), ip),
    rank: ({ station }, ip, around) => {
      if (station.interfaces.some(({ addresses }) => addresses.some((own) => own.ip === ip))) return "own";
      const host = hostOf(station);
      const routes = learned(station);
      if (!routes) return 0;
      if (station.kind !== "node") return routerRecursion(host, routes, ip, around).length > 0 ? 0 : undefined;
      const route = birdUnderlay(host, routes, ip);
      return route && (route.proto === "kernel" ? 0 : 1);
    },
  };
}

function forward(host: HostState, learned: LearnedTable | undefined, ip: Ip): Nexthop | undefined {
  const route = host.lookup(ip);
  const { station } = host;
  // Unused addresses in the blocks of the node: Felix and BIRD add a blackhole route for each block.
  if (
    station.kind === "node" &&
    station.podCidrs.some(({ prefix }) => isLonger(prefix, route) && prefixContains(prefix, ip))
  )
    return undefined;
  for (const { prefix, values } of learned?.matches(ip) ?? []) {
    const [one] = values;
    if (route && prefix.len <= route.dst.len) break;
    if (!learned || !one || one.origins.some(({ station }) => station === host.station)) continue;
    const hops = host.station.kind === "node" ? birdNexthops(host, learned, one) : routerRecursion(host, learned, ip);
    if (hops === "unreachable") return undefined;
    if (hops.length > 0) return hops[0];
  }
  return route?.type === "unicast" ? route.nexthops[0] : undefined;
}

function isLonger({ len }: Prefix, route: Route | undefined): boolean {
  return route === undefined || len > route.dst.len;
}

/** Whether two speakers can open a TCP connection: packets of both arrive, forwarded by the machines between them. */
export type Connects = (a: Station, from: Ip, b: Station, to: Ip) => boolean;

const MOST_HOPS = 16;

export function connections(topology: Topology, routes: Underlay): Connects {
  const stations = stationsByPath(topology);
  const arrives = (start: Station, to: Ip, end: Station): boolean => {
    let station = start;
    for (let hops = 0; hops < MOST_HOPS; hops++) {
      const hop = routes.forward(station, to);
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
  return (a, from, b, to) => arrives(a, to, b) && arrives(b, from, a);
}

/** Whether the address is in the subnet of one of the machine's interfaces. */
export function isOnLink({ interfaces }: Station, ip: Ip): boolean {
  return interfaces.some(({ addresses }) => addresses.some((own) => isNear(own, ip)));
}

/** Peers on loopback addresses are configured as multihop peers. */
export function isLoopback({ edge }: Station, ip: Ip): boolean {
  return edge?.loopbacks.some((one) => one.ip === ip) ?? false;
}
