import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const node = (publicIp: string): string => `node n3 {
  attach lan 192.168.10.13
  cni flannel { public-ip ${publicIp} }
}`;

export const publicIp: Check<"KN223"> = {
  code: "KN223",
  name: "flannel-public-ip",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "host-gw is used with a `public-ip` that is not the interface's address.",
  documentation: `## What happens

flanneld exits with *your PublicIP differs from interface IP, meaning that probably you're on a NAT, which is not supported by
host-gw backend*. A next hop must be directly connected; an address on the other side of NAT is not.

## How to fix it

Remove \`public-ip\`. If the node is behind NAT, use \`wireguard\`: it learns the NAT gateway's port from the packets. \`vxlan\` and\n\`udp\` reply to a fixed port, which NAT does not forward.`,
  example: {
    bad: twoNodes("cni flannel { backend host-gw }", node("203.0.113.9")),
    good: twoNodes("cni flannel { backend host-gw }", node("192.168.10.13")),
  },
  message: ({ node: name, publicIp: given, address }) =>
    address === undefined
      ? t`\`public-ip\` ${given} of node \`${name}\` is not its interface address, which host-gw rejects; use \`wireguard\` if the node is behind NAT`
      : t`\`public-ip\` ${given} of node \`${name}\` is not its interface address ${address}, which host-gw rejects; use \`wireguard\` if the node is behind NAT`,
  fixes: ({ publicIp }, source) => [removeFix(t`Remove \`public-ip ${publicIp}\``, sourceAt(source, "whole"))],
};
