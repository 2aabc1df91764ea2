import type { Check } from "../../findings/check.ts";
import { gatewayFixes } from "../../fixes/gateways.ts";
import { nodeAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

const cluster = (gateway: string): string => `segment lan { cidr 192.168.10.0/24${gateway} }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach lan 192.168.10.11 }
}
`;

export const flannelNoDefault: Check<"KN225"> = {
  code: "KN225",
  name: "flannel-no-default-route",
  family: "reachability",
  severity: "info",
  summary: "A node has no default route, so flannel cannot detect its interface.",
  documentation: `## What happens

Without \`--iface\`, flanneld uses the interface of the default route and exits if there is no default route. knet assumes the
first interface instead, so you can study a topology without routers.

A node without a default route also cannot reach services from its own processes: the kernel looks up a route before
kube-proxy's rules process the packet.

## How to fix it

Set a \`gateway\` on the segment, or set \`iface\` in flannel.`,
  example: { bad: cluster(""), good: cluster("; gateway 192.168.10.1") },
  message: ({ node }) =>
    t`node \`${node}\` has no default route for flanneld to detect its interface: knet assumes the first interface; set a gateway on the segment, or \`iface\` in flannel`,
  fixes: ({ node }, _source, { topology }) => gatewayFixes(topology, [nodeAt(topology, node)]),
};
