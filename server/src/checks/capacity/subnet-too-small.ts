import { formatPrefix } from "../../addressing/ip.ts";
import { argumentWith, hasChild, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { setFix } from "../../fixes/fix.ts";
import { enlargeFixes } from "../../fixes/ranges.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (cidr: string): string => `segment nodes { cidr ${cidr}; cloud azure; gateway vnet }
router vnet { attach nodes 10.224.0.1 }
cluster prod {
  services 10.0.0.0/16
  cni azure { mode node-subnet }
  nodes w 1..8 { attach nodes }
}
`;

export const subnetTooSmall: Check<"KN411"> = {
  code: "KN411",
  name: "subnet-too-small",
  family: "capacity",
  severity: "error",
  explains: ["full-segment"],
  summary: "A subnet has too few addresses for its nodes and pods.",
  documentation: `## What happens

If pods have addresses from the nodes' subnet, the subnet must have room for all of them, and the plugins reserve more
addresses than there are pods:

- Azure CNI reserves 1 + max-pods addresses per node when the node is created, and needs room for an additional node
  during upgrades: (nodes + 1) × (1 + max-pods).
- The Amazon VPC CNI reserves all addresses of every attached network interface and keeps one more interface ready
  (\`WARM_ENI_TARGET\` 1): an m5.large with two pods uses 20 addresses.

Both clouds reserve five addresses in each subnet. If the subnet is full, nodes do not start, or pods stay in
ContainerCreating (*InsufficientFreeAddressesInSubnet*).

## How to fix it

Use a larger subnet, fewer pods per node, a second subnet for pods, prefix delegation, or an overlay. A subnet cannot be
enlarged while it is in use, so plan its size in advance.`,
  example: { bad: cluster("10.224.0.0/24"), good: cluster("10.224.0.0/23") },
  message: ({ segment, cidrs, cluster: name, nodes, perNode, surge, needed, free }) => {
    const machines = plural(nodes, "node");
    const all = surge > 0 ? t`${machines} and ${plural(surge, "surge node")} for upgrades` : machines;
    const addresses = plural(perNode, "address", "addresses");
    const each = needed === (nodes + surge) * perNode ? addresses : t`up to ${addresses}`;
    return t`segment \`${segment}\` (${cidrs.map(formatPrefix).join(", ")}) has ${plural(free, "address", "addresses")} for machines and pods, but cluster \`${name}\` needs ${number(needed)}: ${all} with ${each} each`;
  },
  fixes: ({ cidrs, cluster: name, nodes, surge, needed, free }, source, { topology }) => {
    const cluster = topology.clusters.find((one) => one.name === name);
    const [prefix, ...others] = cidrs;
    if (!cluster) return [];
    const cidr = argumentWith(
      sourceAt(source, "whole"),
      (text) => prefix !== undefined && text === formatPrefix(prefix),
    );
    const missing = Math.ceil(Math.log2(needed / free));
    // One address of the share of a node is its own.
    const pods = Math.floor(free / (nodes + surge)) - 1;
    const { cni } = cluster;
    return [
      ...(prefix && others.length === 0 && missing > 0
        ? enlargeFixes(topology, prefix, prefix.len - missing, cidr)
        : []),
      ...(hasChild(cni.source, "mode")
        ? [setFix(t`Use a separate pod CIDR (mode overlay)`, cni.source, "mode", "overlay")]
        : []),
      ...(pods > 0 ? [setFix(t`Set \`max-pods ${pods}\``, cluster.source, "max-pods", String(pods))] : []),
    ];
  },
};
