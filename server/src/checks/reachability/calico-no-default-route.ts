import type { Check } from "../../findings/check.ts";
import { gatewayFixes } from "../../fixes/gateways.ts";
import { nodeAt } from "../../questions/owner.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

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

export const calicoNoDefaultRoute: Check<"KN238"> = {
  code: "KN238",
  name: "calico-no-default-route",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "A node without a default route does not reply to ARP for its pods' next hop.",
  documentation: `## What happens

A pod sends an ARP request for 169.254.1.1. The node replies because of \`proxy_arp\`, but only if it has a route to that
address through another device, usually the default route. Without such a route, the node's pods cannot reach anything, not
even each other.

## How to fix it

Set a \`gateway\` on the segment, or add a default route to the node.

## References

- Linux: \`net/ipv4/arp.c\` (\`arp_process\`)`,
  example: {
    bad: lan(""),
    good: lan("; gateway 192.168.10.1"),
  },
  message: ({ node, nodes }) =>
    nodes > 1
      ? t`node \`${node}\` has no route to 169.254.1.1 (the pods' next hop), so proxy ARP does not reply for it: its pods cannot reach anything (${plural(nodes, "node")} affected)`
      : t`node \`${node}\` has no route to 169.254.1.1 (the pods' next hop), so proxy ARP does not reply for it: its pods cannot reach anything`,
  fixes: ({ node }, _source, { topology }) => gatewayFixes(topology, [nodeAt(topology, node)]),
};
