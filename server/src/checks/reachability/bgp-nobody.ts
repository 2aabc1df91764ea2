import type { Check } from "../check.ts";
import { bgpPeering } from "../examples.ts";

export const bgpNobody: Check = {
  code: "KN233",
  name: "bgp-nobody",
  family: "reachability",
  severity: "warning",
  summary: "Nobody who speaks BGP is where a session shall go.",
  documentation: `The address of the peer belongs to no node with BGP and no router with a \`bgp\` block in this file, or no node has the labels. If the peer is real but not part of
the file, add it as a router, so that its routes can be followed.`,
  example: {
    bad: bgpPeering(""),
    good: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  message: ({ node, peer }) => `${node} peers with ${peer}, and nobody there speaks BGP; give that router a bgp block`,
};
