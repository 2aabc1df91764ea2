import { formatIp } from "../../addressing/ip.ts";
import type { Node } from "../../topology/model.ts";
import type { Check, Fix, FixEdit } from "../check.ts";
import { appendEdit } from "../finding.ts";
import { hasChild } from "../source.ts";

/** Nodes of one fix. */
const MOST_EDITS = 16;

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
  fixes: ({ cluster }, _source, { topology }) => {
    const nodes = topology.clusters.find(({ name }) => name === cluster)?.nodes ?? [];
    const shared = sharedSegment(nodes);
    return shared === undefined ? [] : ownAddresses(nodes, shared);
  },
};

/** The segment on which all nodes are. */
function sharedSegment([first, ...rest]: readonly Node[]): string | undefined {
  return first?.interfaces.find(({ segment }) =>
    rest.every(({ interfaces }) => interfaces.some((one) => one.segment === segment)),
  )?.segment;
}

function ownAddresses(nodes: readonly Node[], shared: string): readonly Fix[] {
  const statements = new Set(nodes.map(({ source }) => source.statement));
  // In a pool a line is that of all its nodes.
  if (nodes.length > MOST_EDITS || statements.size < nodes.length) return [];
  const edits = nodes.flatMap(({ interfaces, source }): readonly FixEdit[] => {
    const own = interfaces.find(({ segment }) => segment === shared)?.addresses[0]?.ip;
    return own === undefined || hasChild(source, "cni")
      ? []
      : [appendEdit(source, `cni calico { bgp-address ${formatIp(own)} }`)];
  });
  return edits.length < nodes.length ? [] : [{ title: `Use the nodes' addresses on ${shared}`, edits }];
}
