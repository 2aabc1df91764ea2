/**
 * One value for each node of a cluster, kept from one build to the next: after an edit it is worked out for the nodes that the edit made
 * new, and not for the five thousand others.
 */
import { keptFor, sameMembers } from "./cache.ts";
import type { Cluster, Node } from "./model.ts";

/** By index of the node. The same list as before where no value is another one. */
export type Column<V> = readonly V[];

/** Whose nodes they are; `identity` is the cluster's in all builds. */
export type Owner = Pick<Cluster, "identity" | "nodes">;

/**
 * `make`: what follows from the node and `ground` alone; with another ground (by identity) all is made anew. `isSame`: is the new value
 * of a node as good as the old one?
 */
export function nodeColumn<V, G>(
  make: (node: Node, ground: G) => V,
  isSame: (a: V, b: V) => boolean = Object.is,
): (owner: Owner, ground: G) => Column<V> {
  const last = new WeakMap<
    object,
    { readonly nodes: readonly Node[]; readonly ground: G; readonly column: Column<V> }
  >();
  return ({ identity, nodes }, ground) => {
    const before = last.get(identity);
    if (before !== undefined && before.nodes === nodes && before.ground === ground) return before.column;
    const fits = before !== undefined && before.ground === ground && before.nodes.length === nodes.length;
    const column = fits ? renewed(before, nodes) : nodes.map((node) => make(node, ground));
    last.set(identity, { nodes, ground, column });
    return column;

    function renewed(
      old: { readonly nodes: readonly Node[]; readonly column: Column<V> },
      now: readonly Node[],
    ): Column<V> {
      let changed: V[] | undefined;
      for (let i = 0; i < now.length; i += 1) {
        const node = now[i];
        if (node === undefined || node === old.nodes[i]) continue;
        const value = make(node, ground);
        if (isSame(old.column[i] as V, value)) continue;
        changed ??= [...old.column];
        changed[i] = value;
      }
      return changed ?? old.column;
    }
  };
}

/** Of the nodes' interfaces, in order. */
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

/** The nodes of which something is true that follows from them and from `ground` alone. */
export function nodesWhere<G>(
  isTrue: (node: Node, ground: G) => boolean,
): (owner: Owner, ground: G) => readonly Node[] {
  const column = nodeColumn<boolean, G>(isTrue);
  return (owner, ground) => nodesAt(owner, indexesOf(column(owner, ground)));
}
