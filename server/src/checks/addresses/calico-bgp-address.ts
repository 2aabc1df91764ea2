import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";

export const calicoBgpAddress: Check = {
  code: "KN159",
  name: "calico-bgp-address",
  family: "addresses",
  severity: "error",
  summary: "A node's BGP address is none of its own.",
  documentation: `Sessions, next hops and tunnels use the address of Node spec.bgp. Where no interface has it BIRD cannot bind to it and others send to somebody else. knet leaves such a
node without the family.`,
  example: {
    bad: twoNodes("cni calico", "node n3 {\n  attach lan 192.168.10.13\n  cni calico { bgp-address 192.168.10.99 }\n}"),
    good: twoNodes(
      "cni calico",
      "node n3 {\n  attach lan 192.168.10.13\n  cni calico { bgp-address 192.168.10.13 }\n}",
    ),
  },
  message: ({ node, address }) =>
    `bgp-address ${address} is no address of ${node}: neither sessions nor tunnels come up`,
};
