import { formatIp } from "../../addressing/ip.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix, replaceFix } from "../../fixes/fix.ts";
import { nodeAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

export const calicoBgpAddress: Check<"KN159"> = {
  code: "KN159",
  name: "calico-bgp-address",
  family: "addresses",
  severity: "error",
  summary: "A node's BGP address is not an address of the node.",
  documentation: `## What happens

BGP sessions, next hops, and tunnels use the address in \`spec.bgp\` of the Calico Node resource. If no device of the node, including \`lo\`, has the address, BIRD cannot bind to it, and the other nodes send packets to the wrong machine. knet models the node without a
BGP address of this address family.

## How to fix it

Set \`bgp-address\` to an address of the node, or remove it.`,
  example: {
    bad: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  cni calico { bgp-address 192.168.10.99 }\n}"),
    good: twoNodes(
      "cni calico",
      "node n3 {\n  attach lan 192.168.10.13\n  cni calico { bgp-address 192.168.10.13 }\n}",
    ),
  },
  message: ({ node, address }) =>
    t`\`bgp-address\` ${address} is not an address of node \`${node}\`: BGP sessions and tunnels do not come up`,
  fixes: ({ node, address }, source, { topology }) => {
    const own =
      nodeAt(topology, node)?.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => formatIp(ip))) ?? [];
    return [
      ...own.slice(0, 3).map((one) => replaceFix(t`Change to ${one}`, sourceAt(source, 0), one)),
      removeFix(t`Remove ${address}`, sourceAt(source, "whole")),
    ];
  },
};
