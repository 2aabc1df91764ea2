import { parsePrefix } from "../../addressing/ip.ts";
import { number, plural } from "../../text/words.ts";
import { enlargeFixes } from "../addresses/free.ts";
import type { Check } from "../check.ts";
import { setFix } from "../finding.ts";
import { argumentWith, hasChild, sourceAt } from "../source.ts";

const cluster = (cidr: string): string => `segment nodes { cidr ${cidr}; cloud azure; gateway vnet }
router vnet { attach nodes 10.224.0.1 }
cluster prod {
  services 10.0.0.0/16
  cni azure { mode node-subnet }
  nodes w 1..8 { attach nodes }
}
`;

export const subnetTooSmall: Check = {
  code: "KN411",
  name: "subnet-too-small",
  family: "capacity",
  severity: "error",
  summary: "A subnet has too few addresses for its nodes and their pods.",
  documentation: `Where pods have addresses of the nodes' subnet, the subnet must hold them all, and the plugins reserve more than there are pods. Azure CNI takes 1 + max-pods
addresses for each node when it is made, and a node more while it upgrades: (nodes + 1) × (1 + max-pods). The Amazon VPC CNI fills every network interface
that it attaches and keeps one more ready (WARM_ENI_TARGET 1): an m5.large with two pods holds twenty addresses. Both clouds keep five addresses of each subnet.

When the subnet is full, nodes do not start or pods stay in ContainerCreating (*InsufficientFreeAddressesInSubnet*). Subnets cannot be enlarged while they are in use:
plan a larger one, a second one for pods, prefix delegation, or an overlay.`,
  example: { bad: cluster("10.224.0.0/24"), good: cluster("10.224.0.0/23") },
  message: ({ segment, cidrs, cluster: name, nodes, perNode, surge, needed, free }) =>
    `segment ${segment} (${cidrs}) has ${number(Number(free))} addresses for machines and pods, and cluster ${name} needs ${number(Number(needed))}: ${plural(Number(nodes), "node")}${Number(surge) > 0 ? ` and ${number(Number(surge))} more for upgrades` : ""} with ${Number(needed) === (Number(nodes) + Number(surge)) * Number(perNode) ? "" : "up to "}${number(Number(perNode))} addresses each; use a larger subnet, fewer pods on a node, or pods with a range of their own`,
  fixes: ({ cidrs, cluster: name, nodes, surge, needed, free }, source, { topology }) => {
    const cluster = topology.clusters.find((one) => one.name === name);
    const prefix = parsePrefix(String(cidrs))?.prefix;
    if (!cluster) return [];
    const cidr = argumentWith(sourceAt(source, "whole"), (text) => text === cidrs);
    const missing = Math.ceil(Math.log2(Number(needed) / Number(free)));
    // Of its share of the subnet a node has one address itself.
    const pods = Math.floor(Number(free) / (Number(nodes) + Number(surge))) - 1;
    const { cni } = cluster;
    return [
      ...(prefix && missing > 0 ? enlargeFixes(topology, prefix, prefix.len - missing, cidr) : []),
      ...(hasChild(cni.source, "mode")
        ? [setFix("Give pods a range of their own (mode overlay)", cni.source, "mode", "overlay")]
        : []),
      ...(pods > 0 ? [setFix(`Allow ${number(pods)} pods on a node`, cluster.source, "max-pods", String(pods))] : []),
    ];
  },
};
