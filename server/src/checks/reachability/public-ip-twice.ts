import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";

const nodes = (second: string): string => `node n3 { attach lan 192.168.10.13; cni flannel { public-ip 203.0.113.3 } }
node n4 { attach lan 192.168.10.14; cni flannel { public-ip ${second} } }`;

export const publicIpTwice: Check = {
  code: "KN226",
  name: "flannel-public-ip-twice",
  family: "reachability",
  severity: "error",
  summary: "Two nodes announce the same address to the other flannel nodes.",
  documentation: `The others send the packets for both nodes' pods to one address. The classic is Vagrant, whose first interface is 10.0.2.15 on every
machine: flannel takes it because the default route leaves there. Set \`iface\` to the interface that the nodes share.`,
  example: {
    bad: twoNodes("cni flannel { backend vxlan }", nodes("203.0.113.3")),
    good: twoNodes("cni flannel { backend vxlan }", nodes("203.0.113.4")),
  },
  message: ({ node, peer, address }) =>
    `${node} and ${peer} both announce ${address}: packets for the pods of both go to one of them; give flannel another iface or public-ip`,
};
