import { plural } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { sharedNetworkFixes } from "./mend.ts";

const vagrant = (settings: string): string => `segment nat-1 { cidr 10.0.2.0/24; gateway 10.0.2.2 }
segment nat-2 { cidr 10.0.2.0/24; gateway 10.0.2.2 }
segment private { cidr 192.168.56.0/24 }
cluster dev {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan${settings} }
  node n1 { attach nat-1 10.0.2.15; attach private 192.168.56.11 }
  node n2 { attach nat-2 10.0.2.15; attach private 192.168.56.12 }
  pod a on n1
  pod b on n2
}
`;

export const publicIpTwice: Check = {
  code: "KN226",
  name: "flannel-public-ip-twice",
  family: "reachability",
  severity: "error",
  summary: "Two nodes announce the same address to the other flannel nodes.",
  documentation: `The others send the packets for both nodes' pods to one address. The classic is Vagrant, whose first interface is 10.0.2.15 on every
machine: flannel takes it because the default route leaves there. Set \`iface\` to the interface that the nodes share.`,
  example: {
    bad: vagrant(""),
    good: vagrant("; iface eth1"),
  },
  message: ({ node, peer, address, more }) =>
    more === 0
      ? `${node} and ${peer} both announce ${address}: packets for the pods of both go to one of them; give flannel another iface or public-ip`
      : `${peer}, ${node} and ${plural(Number(more), "more node")} announce ${address}: packets for the pods of all of them go to one; give flannel another iface or public-ip`,
  fixes: ({ node }, _source, { topology }) => {
    const cluster = topology.clusters.find(({ nodes }) => nodes.some(({ path }) => path === node));
    return cluster ? sharedNetworkFixes(cluster) : [];
  },
};
