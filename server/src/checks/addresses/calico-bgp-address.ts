import { formatIp } from "../../addressing/ip.ts";
import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { nodeAt } from "../topology.ts";

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
  fixes: ({ node, address }, source, { topology }) => {
    const own =
      nodeAt(topology, String(node))?.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => formatIp(ip))) ??
      [];
    return [
      ...own.slice(0, 3).map((one) => replaceFix(`Use ${one}`, sourceAt(source, 0), one)),
      removeFix(`Leave ${address} out`, sourceAt(source, "whole")),
    ];
  },
};
