/**
 * One value per node of a cluster, kept from one build to the next: after an edit, it is computed only for the nodes
 * that the edit created, not for the 5,000 other nodes.
 */
import { keptFor, sameMembers } from "../memo/memo.ts";
import type { Cluster, Node } from "./model.ts";

/** By node index. The same list as before if no value has changed. */
export type Column<V> = readonly V[];

/** The cluster of the nodes; `identity` is the same in all builds. */
export type Owner = Pick<Cluster, "identity" | "nodes">;

/**
 * `make`: a value derived from the node and `ground` alone; with a different ground (by identity), all values are
 * computed again. `isSame`: whether a node's old value can be kept in place of the new one.
 */
export function nodeColumn<V, G>(
  make: (node: Node, ground: G) => V,
  isSame: (a: V, b: V) => boolean = Object.is,
): (owner: Owner, ground: G) => Column<V> {
  const last = new WeakMap<object, Kept<V, G>>();
  return ({ identity, nodes }, ground) => {
    const before = last.get(identity);
    if (before !== undefined && before.nodes === nodes && before.ground === ground) return before.column;
    const fits = before !== undefined && before.ground === ground && before.nodes.length === nodes.length;
    const column = fits
      ? renewed(before, nodes, (node) => make(node, ground), isSame)
      : nodes.map((node) => make(node, ground));
    last.set(identity, { nodes, ground, column });
    return column;
  };
}

interface Kept<V, G> {
  readonly nodes: readonly Node[];
  readonly ground: G;
  readonly column: Column<V>;
}

function renewed<V>(
  { nodes: old, column }: Pick<Kept<V, unknown>, "nodes" | "column">,
  nodes: readonly Node[],
  make: (node: Node) => V,
  isSame: (a: V, b: V) => boolean,
): Column<V> {
  let changed: V[] | undefined;
  for (let i = 0; i < nodes.length; i += 1) {
    const node = nodes[i];
    if (node === undefined || node === old[i]) continue;
    const value = make(node);
    if (isSame(column[i] as V, value)) continue;
    changed ??= [...column];
    changed[i] = value;
  }
  return changed ?? column;
}

/** Segments of each node's interfaces, in order. */
export const nodeSegments = nodeColumn<readonly string[], undefined>(
  ({ interfaces }) => interfaces.map(({ segment }) => segment),
  sameMembers,
);

/** The nodes with these indexes. */
export function nodesAt({ nodes }: Pick<Cluster, "nodes">, indexes: readonly number[]): readonly Node[] {
  const found: Node[] = [];
  for (const index of indexes) {
    const node = nodes[index];
    if (node !== undefined) found.push(node);
  }
  return found;
}

const indexesOf = keptFor((column: Column<boolean>): readonly number[] =>
  column.flatMap((value, index) => (value ? [index] : [])),
);

/** The nodes with a property that depends only on the node and on `ground`. */
export function nodesWhere<G>(
  isTrue: (node: Node, ground: G) => boolean,
): (owner: Owner, ground: G) => readonly Node[] {
  const column = nodeColumn<boolean, G>(isTrue);
  return (owner, ground) => nodesAt(owner, indexesOf(column(owner, ground)));
}
