/** Maps source locations to objects of the topology. */
import { holds } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import type { Cluster, Node, Topology } from "../topology/model.ts";

/** The cluster whose block contains the source. */
export function clusterAt({ clusters }: Topology, { decl }: Origin): Cluster | undefined {
  return clusters.find(({ source }) => holds(source.decl, decl.handle));
}

/** The node with this path: "prod/n1". */
export function nodeAt({ clusters }: Topology, path: string): Node | undefined {
  for (const { nodes } of clusters) {
    const found = nodes.find((node) => node.path === path);
    if (found) return found;
  }
  return undefined;
}
