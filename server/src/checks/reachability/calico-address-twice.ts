import type { Check } from "../../findings/check.ts";
import { sharedNetworkFixes } from "../../fixes/reachability.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const vagrant = (settings: (host: number) => string): string => `segment nat-1 { cidr 10.0.2.0/24; gateway 10.0.2.2 }
segment nat-2 { cidr 10.0.2.0/24; gateway 10.0.2.2 }
segment private { cidr 192.168.56.0/24 }
cluster dev {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni calico
  node n1 { attach nat-1 10.0.2.15; attach private 192.168.56.11${settings(11)} }
  node n2 { attach nat-2 10.0.2.15; attach private 192.168.56.12${settings(12)} }
  pod a on n1
  pod b on n2
}
`;

export const calicoAddressTwice: Check<"KN239"> = {
  code: "KN239",
  name: "calico-address-twice",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "Calico uses the same address for two nodes.",
  documentation: `## What happens

Calico uses the first address of the first interface that it finds (IP_AUTODETECTION_METHOD \`first-found\`). If all machines
have the same address there, as on Vagrant (10.0.2.15), calico-node exits with *Calico node … is already using the IPv4
address*. Without this check, tunnels and BGP sessions would point back to the same node.

## How to fix it

Use the addresses on the network that the nodes share: set \`cni calico { bgp-address … }\` in each node. On a running cluster,
set IP_AUTODETECTION_METHOD with \`interface=\` or \`cidr=\`.

## References

- Calico: \`node/pkg/lifecycle/startup\``,
  example: { bad: vagrant(() => ""), good: vagrant((host) => `; cni calico { bgp-address 192.168.56.${host} }`) },
  message: ({ cluster, node, peer, address, nodes }) =>
    nodes > 2
      ? t`Calico uses ${address} for ${plural(nodes, "node")} of cluster \`${cluster}\`, including \`${node}\` and \`${peer}\`: calico-node exits ("is already using the IPv4 address"); set \`bgp-address\` to an address on the shared network`
      : t`Calico uses ${address} for both node \`${node}\` and node \`${peer}\`: calico-node exits ("is already using the IPv4 address"); set \`bgp-address\` to an address on the shared network`,
  fixes: ({ cluster: name }, _source, { topology }) => {
    const cluster = topology.clusters.find((one) => one.name === name);
    return cluster ? sharedNetworkFixes(cluster) : [];
  },
};
