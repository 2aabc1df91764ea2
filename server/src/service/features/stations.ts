/** The machines, the cluster, and the service that enclose a position. */

import type { Handle } from "../../declared/handle.ts";
import type { Cluster, Service, Station, Topology } from "../../topology/model.ts";
import { stationsOf } from "../../topology/stations.ts";
import type { Place } from "./place.ts";

/** The machine whose block encloses the position; all nodes of a pool. */
export function stationsAround(topology: Topology, place: Place): readonly Station[] {
  const handles = handlesAround(place);
  return stationsOf(topology).filter(({ source }) => handles.has(source.decl.handle));
}

export function clusterAround(topology: Topology, place: Place): Cluster | undefined {
  const handles = handlesAround(place);
  return topology.clusters.find(({ source }) => handles.has(source.decl.handle));
}

export function serviceAround(cluster: Cluster, place: Place): Service | undefined {
  const handles = handlesAround(place);
  return cluster.services.all.find(({ source }) => handles.has(source.decl.handle));
}

/** The declarations around a place. */
export function handlesAround({ decls }: Pick<Place, "decls">): ReadonlySet<Handle> {
  return new Set(decls.map(({ handle }) => handle));
}
