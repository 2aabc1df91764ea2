import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const node = (publicIp: string): string => `node n3 {
  attach lan 192.168.10.13
  cni flannel { public-ip ${publicIp} }
}`;

export const publicIp: Check = {
  code: "KN223",
  name: "flannel-public-ip",
  family: "reachability",
  severity: "error",
  summary: "host-gw with a public-ip that is not the interface's own address.",
  documentation: `The backend ends with *your PublicIP differs from interface IP, meaning that probably you're on a NAT, which is not supported by
host-gw backend*. A next hop must be a neighbour; an address behind NAT is none.`,
  example: {
    bad: twoNodes("cni flannel { backend host-gw }", node("203.0.113.9")),
    good: twoNodes("cni flannel { backend host-gw }", node("192.168.10.13")),
  },
  message: ({ node: name, publicIp: given, address }) =>
    `public-ip ${given} of ${name} is not its interface's address${address === "" ? "" : ` ${address}`}, and host-gw refuses that; remove it, or use a backend that encapsulates`,
  fixes: ({ publicIp }, source) => [removeFix(`Leave public-ip ${publicIp} out`, sourceAt(source, "whole"))],
};
