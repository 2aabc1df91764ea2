/** The machines, the cluster, and the service that enclose a position. */

import { statementOf } from "../../frontends/knet/handle.ts";
import type { Cluster, Service, Station, Topology } from "../../topology/model.ts";
import { stationsOf } from "../../topology/stations.ts";
import type { Place } from "./place.ts";

/** The machine whose block encloses the position; all nodes of a pool. */
export function stationsAround(topology: Topology, place: Place): readonly Station[] {
  const statements = new Set(place.path.statements);
  return stationsOf(topology).filter(({ source }) => statements.has(statementOf(source.decl)));
}

export function clusterAround(topology: Topology, place: Place): Cluster | undefined {
  return topology.clusters.find(({ source }) => place.path.statements.includes(statementOf(source.decl)));
}

export function serviceAround(cluster: Cluster, place: Place): Service | undefined {
  return cluster.services.all.find(({ source }) => place.path.statements.includes(statementOf(source.decl)));
}
