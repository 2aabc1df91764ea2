import { formatPrefix } from "../../addressing/ip.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { removeFix } from "../../fixes/fix.ts";
import { type Owned, overlappingNodeRanges } from "../../questions/node-ranges.ts";
import { t } from "../../text/l10n.ts";

export const nodeRanges: Check<"KN108"> = {
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
      for (const { a, b } of overlappingNodeRanges(cluster)) {
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

function describe({ node, cidr }: Owned): string {
  return t`pod CIDR ${formatPrefix(cidr.prefix)} of node \`${node.path}\``;
}
