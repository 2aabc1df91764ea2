/** Routers, hosts and nodes together. Their paths are unique: of two things with one name the topology keeps the first. */
import type { Station, Topology } from "./model.ts";

export function stationsOf({ routers, hosts, clusters }: Topology): readonly Station[] {
  return [...routers, ...hosts, ...clusters.flatMap(({ nodes }) => nodes)];
}

/** By path, which is also the id of the network namespace. */
export function stationsByPath(topology: Topology): ReadonlyMap<string, Station> {
  return new Map(stationsOf(topology).map((station) => [station.path, station]));
}

export function stationAt(topology: Topology, path: string): Station | undefined {
  return stationsOf(topology).find((station) => station.path === path);
}
