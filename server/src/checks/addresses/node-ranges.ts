import type { Prefix } from "../../addressing/ip.ts";
import { type Family, family, formatPrefix, ipKey, prefixRange, samePrefixes } from "../../addressing/ip.ts";
import { findOverlaps, type RangeItem } from "../../addressing/overlap.ts";
import { keptFor, valueAt } from "../../memo/memo.ts";
import { t } from "../../text/l10n.ts";
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
  summary: "The pod CIDRs of two nodes overlap.",
  documentation: `## What happens

Each node allocates addresses from its own pod CIDR without checking other nodes, so two pods can have the same address.
If the two ranges are equal, only one route exists (the first one installed); otherwise, one route hides part of the
other. The pods of one node are unreachable from the rest of the cluster.

Ranges that kube-controller-manager allocates never overlap. Common causes are a manually set \`pod-cidr\` and a node that
was restored from a backup.

## How to fix it

Remove \`pod-cidr\`, or use a different block.`,
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
          t`${describe(second)} overlaps ${describe(first)}: two pods of cluster \`${cluster.name}\` can have the same address`,
          {
            related: [{ source: first.cidr.source, message: describe(first) }],
            fixes: [second, first].flatMap(({ cidr, node }) =>
              cidr.allocated
                ? []
                : [
                    removeFix(
                      t`Remove \`pod-cidr\` of node \`${node.path}\` and allocate a pod CIDR`,
                      sourceAt(cidr.source, "whole"),
                    ),
                  ],
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
  return t`pod CIDR ${formatPrefix(cidr.prefix)} of node \`${node.path}\``;
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
const ranges = nodeColumn<Ranges, string>(
  ({ podCidrs, cni }, plugin) =>
    (cni?.plugin ?? plugin) === "docker"
      ? { prefixes: [], isStated: false }
      : { prefixes: podCidrs.map(({ prefix }) => prefix), isStated: podCidrs.some(({ allocated }) => !allocated) },
  (a, b) => a.isStated === b.isStated && samePrefixes(a.prefixes, b.prefixes),
);

/** Blocks of equal size are disjoint if they are distinct. This fast check suffices for almost every cluster. */
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

/** Whether the ranges of all nodes are known to be disjoint; false if a full comparison is required. */
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
