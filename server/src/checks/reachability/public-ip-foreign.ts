import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const node = (publicIp: string): string => `node n3 {
  attach lan 192.168.10.13
  cni flannel { public-ip ${publicIp} }
}`;

export const publicIpForeign: Check<"KN227"> = {
  code: "KN227",
  name: "flannel-public-ip-foreign",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "vxlan is used with a `public-ip` that the node does not have.",
  documentation: `## What happens

flanneld creates its VXLAN device with the public address as its \`local\` address. The kernel does not send packets from an
address that the machine does not have, so this does not work behind NAT.

## How to fix it

Remove \`public-ip\`, or set it to an address of the node. Behind NAT, use a backend whose packets have the interface's address
(\`wireguard\`), or a private network that all nodes share.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan }", node("203.0.113.9")),
    good: twoNodes("cni flannel { backend vxlan }", node("192.168.10.13")),
  },
  message: ({ node: name, publicIp, address }) =>
    t`no interface of node \`${name}\` has \`public-ip\` ${publicIp} (flannel's interface has ${address}): its VXLAN device cannot send from this address`,
  fixes: ({ publicIp }, source) => [removeFix(t`Remove \`public-ip ${publicIp}\``, sourceAt(source, "whole"))],
};
