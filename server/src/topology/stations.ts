/**
 * Routers, hosts, and nodes together. Their paths are unique: of two with the same name, the topology keeps the first.
 */
import type { Station, Topology } from "./model.ts";

export function stationsOf({ routers, hosts, clusters }: Topology): readonly Station[] {
  return [...routers, ...hosts, ...clusters.flatMap(({ nodes }) => nodes)];
}

/** Finds a machine by its path, which is also the ID of its network namespace. */
export type Stations = (path: string) => Station | undefined;

export function stationsByPath({ routers, hosts, clusters }: Topology): Stations {
  const outside = new Map<string, Station>([...routers, ...hosts].map((station) => [station.path, station]));
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  return (path) => {
    const slash = path.indexOf("/");
    return slash < 0 ? outside.get(path) : byName.get(path.slice(0, slash))?.nodeByName(path.slice(slash + 1));
  };
}

export function stationAt(topology: Topology, path: string): Station | undefined {
  return stationsByPath(topology)(path);
}
