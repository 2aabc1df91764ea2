import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const node = (publicIp: string): string => `node n3 {
  attach lan 192.168.10.13
  cni flannel { public-ip ${publicIp} }
}`;

export const publicIpForeign: Check = {
  code: "KN227",
  name: "flannel-public-ip-foreign",
  family: "reachability",
  severity: "error",
  summary: "vxlan with a public-ip that none of the node's interfaces has.",
  documentation: `flanneld makes its VXLAN device with the public address as \`local\` address, and the kernel sends nothing from an address that the machine does not have. Behind NAT
VXLAN cannot be used in this way; use a backend whose packets carry the interface's address (wireguard), or a private network that all nodes
share.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan }", node("203.0.113.9")),
    good: twoNodes("cni flannel { backend vxlan }", node("192.168.10.13")),
  },
  message: ({ node: name, publicIp, address }) =>
    `no interface of ${name} has public-ip ${publicIp}${address === "" ? "" : ` (it has ${address})`}, and its VXLAN device cannot send from there; remove it, or name an own address`,
  fixes: ({ publicIp }, source) => [removeFix(`Leave public-ip ${publicIp} out`, sourceAt(source, "whole"))],
};
