import type { Prefix } from "../../addressing/ip.ts";
import { type Family, family, formatPrefix, ipKey, prefixRange, samePrefixes } from "../../addressing/ip.ts";
import { findOverlaps, type RangeItem } from "../../addressing/overlap.ts";
import { keptFor, valueAt } from "../../topology/cache.ts";
import { type Column, nodeColumn } from "../../topology/column.ts";
import type { Cluster, Node, NodeCidr } from "../../topology/model.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const nodeRanges: Check = {
  code: "KN108",
  name: "node-range-overlap",
  family: "addresses",
  severity: "error",
  summary: "The pod ranges of two nodes share addresses.",
  documentation: `Each node hands out the addresses of its own range without asking the others, so two pods get the same one. Routes
to the two ranges are one route (the first that came) or one hides part of the other; the pods of one node cannot be reached from the rest of
the cluster.

Ranges that kube-controller-manager gives never overlap; it happens with \`pod-cidr\` given by hand or with a node restored from a backup.
Leave \`pod-cidr\` out, or choose another block.`,
  example: {
    bad: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11; pod-cidr 10.244.1.0/24 }
  node n2 { attach dc 192.168.10.12; pod-cidr 10.244.1.0/24 }
}
`,
    good: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach dc 192.168.10.11; pod-cidr 10.244.1.0/24 }
  node n2 { attach dc 192.168.10.12; pod-cidr 10.244.2.0/24 }
}
`,
  },
  *run(context: CheckContext): Iterable<Finding> {
    for (const cluster of context.topology.clusters) {
      for (const { a, b } of overlapping(cluster)) {
        const [first, second] = b.cidr.allocated && !a.cidr.allocated ? [b, a] : [a, b];
        yield finding(
          nodeRanges,
          second.cidr.source,
          `${describe(second)} and ${describe(first)} overlap: two pods of cluster ${cluster.name} can get the same address; leave one of them to be allocated`,
          {
            related: [{ source: first.cidr.source, message: `${describe(first)} is given here` }],
            fixes: [second, first].flatMap(({ cidr, node }) =>
              cidr.allocated
                ? []
                : [removeFix(`Let the range of ${node.name} be allocated`, sourceAt(cidr.source, "whole"))],
            ),
          },
        );
      }
    }
  },
};

interface Owned {
  readonly node: Node;
  readonly cidr: NodeCidr;
}

function describe({ node, cidr }: Owned): string {
  return `pod range ${formatPrefix(cidr.prefix)} of node ${node.name}`;
}

function overlapping(cluster: Cluster): readonly { readonly a: Owned; readonly b: Owned }[] {
  const owned = ({ node, cidr }: Place): Owned[] => {
    const owner = cluster.nodes[node];
    const own = owner?.podCidrs[cidr];
    return owner && own ? [{ node: owner, cidr: own }] : [];
  };
  return overlapsAmong(ranges(cluster, cluster.cni.plugin)).flatMap(([one, other]) => {
    const [a] = owned(one);
    const [b] = owned(other);
    return a && b ? [{ a, b }] : [];
  });
}

/** Which range of which node. */
interface Place {
  readonly node: number;
  readonly cidr: number;
}

interface Ranges {
  readonly prefixes: readonly Prefix[];
  /** Ranges that knet has allocated never overlap each other. */
  readonly isStated: boolean;
}

/** Docker's are the same on purpose (KN140). */
const ranges = nodeColumn<Ranges, string>(
  ({ podCidrs, cni }, plugin) =>
    (cni?.plugin ?? plugin) === "docker"
      ? { prefixes: [], isStated: false }
      : { prefixes: podCidrs.map(({ prefix }) => prefix), isStated: podCidrs.some(({ allocated }) => !allocated) },
  (a, b) => a.isStated === b.isStated && samePrefixes(a.prefixes, b.prefixes),
);

/** Blocks of one size are apart where no two are the same one: so nearly every cluster has them. */
const areApart = keptFor((column: Column<Ranges>): boolean => {
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

/** Have no two nodes addresses of their ranges in common? False where that takes a closer look. */
export function rangesAreApart(cluster: Cluster): boolean {
  return areApart(ranges(cluster, cluster.cni.plugin));
}

const overlapsAmong = keptFor((column: Column<Ranges>): readonly (readonly [Place, Place])[] => {
  if (!column.some(({ isStated }) => isStated) || areApart(column)) return [];
  const items: RangeItem<Place>[] = column.flatMap(({ prefixes }, node) =>
    prefixes.map((prefix, cidr) => ({ range: prefixRange(prefix), value: { node, cidr } })),
  );
  const { overlaps } = findOverlaps(items, { group: () => "", related: () => true });
  return overlaps.filter(({ a, b }) => a.value.node !== b.value.node).map(({ a, b }) => [a.value, b.value] as const);
});
