import { plural } from "../../text/words.ts";
import { gatewayFixes } from "../addresses/new-gateway.ts";
import type { Check } from "../check.ts";
import { nodeAt } from "../topology.ts";

const lan = (gateway: string): string => `segment lan { cidr 192.168.10.0/24${gateway} }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni calico
  node n1 { attach lan 192.168.10.11 }
  pod a on n1
  pod b on n1
}
`;

export const calicoNoDefaultRoute: Check = {
  code: "KN238",
  name: "calico-no-default-route",
  family: "reachability",
  severity: "error",
  summary: "A node without a default route does not answer for its pods' next hop.",
  documentation: `A pod asks by ARP for 169.254.1.1; the node answers because of \`proxy_arp\`, but only if it has a route to that address by another device (net/ipv4/arp.c, arp_process): its
default route, usually. Without one the pods reach nobody, not even each other on the same node. Give the segment a \`gateway\`, or the node a route.`,
  example: {
    bad: lan(""),
    good: lan("; gateway 192.168.10.1"),
  },
  message: ({ node, nodes }) =>
    `${node} has no route to 169.254.1.1, its pods' next hop, and so proxy_arp does not answer for it: the pods reach nobody${Number(nodes) > 1 ? ` (so on ${plural(Number(nodes), "node")})` : ""}; give its segment a gateway`,
  fixes: ({ node }, _source, { topology }) => gatewayFixes(topology, [nodeAt(topology, String(node))]),
};
