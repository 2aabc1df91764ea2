import { gatewayFixes } from "../addresses/new-gateway.ts";
import type { Check } from "../check.ts";
import { nodeAt } from "../topology.ts";

const cluster = (gateway: string): string => `segment lan { cidr 192.168.10.0/24${gateway} }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach lan 192.168.10.11 }
}
`;

export const flannelNoDefault: Check = {
  code: "KN225",
  name: "flannel-no-default-route",
  family: "reachability",
  severity: "info",
  summary: "A node has no default route, by which flannel finds its interface.",
  documentation: `Without \`--iface\` flanneld takes the interface of the default route and ends where there is none. knet takes the first interface,
so that a sketch without routers can be studied; on real machines give the segment a \`gateway\`, or flannel an \`iface\`.

A node without a default route also cannot reach services from its own processes: the kernel looks up a route before kube-proxy's rules
see the packet.`,
  example: { bad: cluster(""), good: cluster("; gateway 192.168.10.1") },
  message: ({ node }) =>
    `node ${node} has no default route, by which flanneld finds its interface; give its segment a gateway, or flannel an iface (knet takes the first interface)`,
  fixes: ({ node }, _source, { topology }) => gatewayFixes(topology, [nodeAt(topology, String(node))]),
};
