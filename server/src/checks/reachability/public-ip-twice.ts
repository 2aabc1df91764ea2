import type { Check } from "../../findings/check.ts";
import { sharedNetworkFixes } from "../../fixes/reachability.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

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

export const publicIpTwice: Check<"KN226"> = {
  code: "KN226",
  name: "flannel-public-ip-twice",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "Two nodes announce the same flannel public IP.",
  documentation: `## What happens

The other nodes send the packets for both nodes' pods to one address. Common cause: on Vagrant, the first interface has
10.0.2.15 on every machine, and flannel uses it because the default route uses this interface.

## How to fix it

Set \`iface\` to the interface on the network that the nodes share.`,
  example: {
    bad: vagrant(""),
    good: vagrant("; iface eth1"),
  },
  message: ({ node, peer, address, more }) =>
    more === 0
      ? t`node \`${node}\` and node \`${peer}\` both announce ${address}: packets for both nodes' pods go to one node; set a different \`iface\` or \`public-ip\``
      : t`node \`${peer}\`, node \`${node}\`, and ${plural(more, "more node")} all announce ${address}: packets for their pods go to one node; set a different \`iface\` or \`public-ip\``,
  fixes: ({ node }, _source, { topology }) => {
    const cluster = topology.clusters.find(({ nodes }) => nodes.some(({ path }) => path === node));
    return cluster ? sharedNetworkFixes(cluster) : [];
  },
};
