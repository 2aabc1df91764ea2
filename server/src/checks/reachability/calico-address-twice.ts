import type { Check } from "../check.ts";
import { sharedNetworkFixes } from "./mend.ts";

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

export const calicoAddressTwice: Check = {
  code: "KN239",
  name: "calico-address-twice",
  family: "reachability",
  severity: "error",
  summary: "Calico takes the same address for two nodes.",
  documentation: `Calico takes the first address of the first interface that it finds (IP_AUTODETECTION_METHOD \`first-found\`). Where all machines have the same one there, as on
Vagrant (10.0.2.15), calico-node ends with *Calico node … is already using the IPv4 address* (node/pkg/lifecycle/startup), and without that check tunnels and
sessions lead to the machine itself.

Name the address of the interface that the nodes share: \`cni calico { bgp-address … }\` in each node, in a cluster
IP_AUTODETECTION_METHOD with \`interface=\` or \`cidr=\`.`,
  example: { bad: vagrant(() => ""), good: vagrant((host) => `; cni calico { bgp-address 192.168.56.${host} }`) },
  message: ({ cluster, node, peer, address, nodes }) =>
    `Calico takes ${address} for ${node} and for ${peer}${Number(nodes) > 2 ? `, for ${nodes} nodes of cluster ${cluster} in all` : ""}: calico-node does not start ("is already using the IPv4 address"); give each its address in the network that they share (bgp-address)`,
  fixes: ({ cluster: name }, _source, { topology }) => {
    const cluster = topology.clusters.find((one) => one.name === name);
    return cluster ? sharedNetworkFixes(cluster) : [];
  },
};
