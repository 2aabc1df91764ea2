/** The pod CIDRs of nodes that overlap. */
import { type Family, family, ipKey, type Prefix, prefixRange, samePrefixes } from "../addressing/ip.ts";
import { findOverlaps, type RangeItem } from "../addressing/overlap.ts";
import { perItem } from "../memo/list.ts";
import { memo, valueAt } from "../memo/memo.ts";
import type { Cluster, Node, NodeCidr } from "../topology/model.ts";

export interface Owned {
  readonly node: Node;
  readonly cidr: NodeCidr;
}

/** Pairs of ranges of different nodes. */
export function overlappingNodeRanges(cluster: Cluster): readonly { readonly a: Owned; readonly b: Owned }[] {
  const owned = ({ node, cidr }: Place): Owned[] => {
    const owner = cluster.nodes[node];
    const own = owner?.podCidrs[cidr];
    return owner && own ? [{ node: owner, cidr: own }] : [];
  };
  return overlapsAmong(ranges(cluster.nodes, cluster.cni.plugin)).flatMap(([one, other]) => {
    const [a] = owned(one);
    const [b] = owned(other);
    // A borrowed address is inside the block of its owner, which does not allocate it again.
    return a && b && !a.cidr.borrowed && !b.cidr.borrowed ? [{ a, b }] : [];
  });
}

/** Index of a node and of one of its ranges. */
interface Place {
  readonly node: number;
  readonly cidr: number;
}

interface Ranges {
  readonly prefixes: readonly Prefix[];
  /** False if knet allocated the ranges: allocated ranges never overlap. */
  readonly isStated: boolean;
}

/** The ranges of Docker nodes are the same by design and reported as KN140. */
const ranges = perItem<Node, Ranges, [string]>(
  ({ podCidrs, cni }, plugin) =>
    (cni?.plugin ?? plugin) === "docker"
      ? { prefixes: [], isStated: false }
      : { prefixes: podCidrs.map(({ prefix }) => prefix), isStated: podCidrs.some(({ allocated }) => !allocated) },
  (a, b) => a.isStated === b.isStated && samePrefixes(a.prefixes, b.prefixes),
);

/** Blocks of equal size are disjoint if they are distinct. This fast check suffices for almost every cluster. */
const areApart = memo((column: readonly Ranges[]): boolean => {
  const lengths = new Map<Family, number>();
  const seen = new Set<number | string>();
  for (const { prefixes } of column) {
    for (const { ip, len } of prefixes) {
      const key = ipKey(ip);
      if (valueAt(lengths, family(ip), () => len) !== len || seen.has(key)) return false;
      seen.add(key);
    }
  }
  return true;
});

/** Whether the ranges of all nodes are known to be disjoint; false if a full comparison is required. */
export function rangesAreApart(cluster: Cluster): boolean {
  return areApart(ranges(cluster.nodes, cluster.cni.plugin));
}

const overlapsAmong = memo((column: readonly Ranges[]): readonly (readonly [Place, Place])[] => {
  if (!column.some(({ isStated }) => isStated) || areApart(column)) return [];
  const items: RangeItem<Place>[] = column.flatMap(({ prefixes }, node) =>
    prefixes.map((prefix, cidr) => ({ range: prefixRange(prefix), value: { node, cidr } })),
  );
  const { overlaps } = findOverlaps(items, { group: () => "", related: () => true });
  return overlaps.filter(({ a, b }) => a.value.node !== b.value.node).map(({ a, b }) => [a.value, b.value] as const);
});
