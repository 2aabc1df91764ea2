/**
 * Routers, hosts, and nodes together. Their paths are unique: of two with the same name, the topology keeps the first.
 */
import { perItem } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";
import { query } from "../memo/query.ts";
import { sameMembers } from "../memo/same.ts";
import type { Interface, Segment, Station, Topology } from "./model.ts";

export const stationsOf = query<Topology, readonly Station[]>((read) => {
  const nodes = read(({ clusters }) => clusters.map((cluster) => cluster.nodes), sameMembers);
  const outside: readonly Station[] = read(({ routers }) => routers);
  // `concat` allocates an array of the exact size.
  return outside.concat(
    read(({ hosts }) => hosts),
    ...nodes,
  );
});

/** The machines with a property that depends only on the machine and on the given values. */
export function stationsWhere<G extends readonly unknown[] = []>(
  isTrue: (station: Station, ...given: G) => boolean,
): (topology: Topology, ...given: G) => readonly Station[] {
  const where = perItem<Station, boolean, G>(isTrue);
  return (topology, ...given) => {
    const stations = stationsOf(topology);
    return indexesOf(where(stations, ...given)).flatMap((index) => stations[index] ?? []);
  };
}

/** The interfaces with a property that depends only on the interface and its segment. */
export function interfacesWhere(
  isTrue: (iface: Interface, segment: Segment) => boolean,
): (topology: Topology) => readonly Interface[] {
  const where = perItem<Station, readonly Interface[], [Topology["segments"]]>(
    ({ interfaces }, segments) =>
      interfaces.filter((iface) => {
        const segment = segments.get(iface.segment);
        return segment !== undefined && isTrue(iface, segment);
      }),
    sameMembers,
  );
  return (topology) => all(where(stationsOf(topology), topology.segments));
}

const all = memo((lists: readonly (readonly Interface[])[]): readonly Interface[] => lists.flat());

const indexesOf = memo((values: readonly boolean[]): readonly number[] =>
  values.flatMap((value, index) => (value ? [index] : [])),
);

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
