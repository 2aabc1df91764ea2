/** Maps source locations to objects of the topology. */
import type { Source, Statement } from "../language/tree.ts";
import type { Cluster, Node, Topology } from "../topology/model.ts";

/** The cluster whose block contains the source. */
export function clusterAt({ clusters }: Topology, { statement }: Source): Cluster | undefined {
  return clusters.find(({ source }) => holds(source.statement, statement));
}

/** The node with this path: "prod/n1". */
export function nodeAt({ clusters }: Topology, path: string): Node | undefined {
  for (const { nodes } of clusters) {
    const found = nodes.find((node) => node.path === path);
    if (found) return found;
  }
  return undefined;
}

export function holds(root: Statement, wanted: Statement): boolean {
  return root === wanted || (root.block?.statements.some((child) => holds(child, wanted)) ?? false);
}
