/** Queries over the nodes of a cluster, which after an edit are repeated only for the nodes that it replaced. */
import { perItem } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";
import { sameMembers } from "../memo/same.ts";
import type { Cluster, Node } from "./model.ts";

/** Segments of each node's interfaces, in order. */
export const nodeSegments = perItem<Node, readonly string[]>(
  ({ interfaces }) => interfaces.map(({ segment }) => segment),
  sameMembers,
);

/** The nodes with these indexes, which must exist. */
export function nodesAt(nodes: readonly Node[], indexes: readonly number[]): readonly Node[] {
  return indexes.map((index) => nodes[index]!);
}

const indexesOf = memo((values: readonly boolean[]): readonly number[] =>
  values.flatMap((value, index) => (value ? [index] : [])),
);

/** The nodes with a property that depends only on the node and on the given values. */
export function nodesWhere<G extends readonly unknown[] = []>(
  isTrue: (node: Node, ...given: G) => boolean,
): (cluster: Pick<Cluster, "nodes">, ...given: G) => readonly Node[] {
  const where = perItem<Node, boolean, G>(isTrue);
  return ({ nodes }, ...given) => nodesAt(nodes, indexesOf(where(nodes, ...given)));
}
