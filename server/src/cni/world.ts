/** What a topology's network is built from; creating it costs one map of names. */
import type { Cluster, Node, Topology } from "../topology/model.ts";
import { type Stations, stationsByPath } from "../topology/stations.ts";
import { type ClusterStates, clusterStates } from "./clusters.ts";
import type { Contributor } from "./contributor.ts";
import { type Fabric, fabricOf } from "./fabric.ts";

export interface World {
  readonly topology: Topology;
  readonly contributors: readonly Contributor[];
  readonly stations: Stations;
  readonly clusters: ClusterStates;
  readonly fabric: Fabric;
}

export function worldOf(topology: Topology, contributors: readonly Contributor[]): World {
  const clusters = clusterStates(topology);
  return { topology, contributors, stations: stationsByPath(topology), clusters, fabric: fabricOf(topology, clusters) };
}

export function clusterOf({ topology }: World, node: Node): Cluster | undefined {
  return topology.clusters.find((cluster) => cluster.name === node.cluster);
}
