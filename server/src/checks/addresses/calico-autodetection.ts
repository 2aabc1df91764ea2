import type { Check } from "../../findings/check.ts";
import { removeFix } from "../../fixes/fix.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (method: string): string => `segment lan { cidr 192.168.10.0/24 }
router gw { attach lan 192.168.10.1 }
segment pods { cidr 10.20.0.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni calico {
    autodetection ${method}
    pool main 10.244.0.0/16 { vxlan always }
  }
  nodes n 1..2 {
    attach lan
    attach pods
  }
  pod a on n1
  pod b on n2
}
`;

export const calicoAutodetection: Check<"KN167"> = {
  code: "KN167",
  name: "calico-autodetection",
  family: "addresses",
  severity: "error",
  summary: "Calico's address autodetection finds no address on a node.",
  documentation: `## What happens

calico-node determines the node's address with \`IP_AUTODETECTION_METHOD\`. If no interface matches, it logs \`Unable to auto-detect
an IPv4 address\` and exits: pods on the node stay in ContainerCreating, and other nodes have no routes to it. A common
cause is a node with different interface names, or an interface added later.

## How to fix it

Use a method that works on all nodes (\`cidr\`, \`can-reach\`, \`kubernetes-internal-ip\`), or attach the node to the network.

## References

- [Configure IP autodetection](https://docs.tigera.io/calico/latest/networking/ipam/ip-autodetection)`,
  example: { bad: cluster("interface eth2"), good: cluster("interface eth1") },
  message: ({ method, node, nodes }) =>
    nodes === 1
      ? t`\`autodetection ${method}\` finds no address on node \`${node}\`: calico-node exits there, and the node's pods have no network`
      : t`\`autodetection ${method}\` finds no address on node \`${node}\` and ${plural(nodes - 1, "more node")}: calico-node exits there, and their pods have no network`,
  fixes: (_, source) => [
    removeFix(t`Remove \`autodetection\` (uses the first interface)`, { ...source, part: "whole" }),
  ],
};
