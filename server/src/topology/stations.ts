/**
 * Routers, hosts, and nodes together. Their paths are unique: of two with the same name, the topology keeps the first.
 */
import { perItem } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";
import { query } from "../memo/query.ts";
import { sameMembers } from "../memo/same.ts";
import type { Interface, Segment, Station, Topology } from "./model.ts";

export const stationsOf = query<Topology, readonly Station[]>((read) => [
  ...read(({ routers }) => routers),
  ...read(({ hosts }) => hosts),
  ...read(({ clusters }) => clusters.map(({ nodes }) => nodes), sameMembers).flat(),
]);

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
  const where = memo((attached: readonly Interface[], segment: Segment) =>
    attached.filter((iface) => isTrue(iface, segment)),
  );
  return ({ segments, attachedTo }) =>
    [...segments.values()].flatMap((segment) => where(attachedTo(segment.name), segment));
}

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
