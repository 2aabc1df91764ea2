import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const racks = (router: string): string => twoRacks("cni calico { pool default { vxlan always } }", { router });

export const bgpBlocked: Check = {
  code: "KN232",
  name: "bgp-blocked",
  family: "reachability",
  severity: "error",
  summary: "An access list drops BGP sessions.",
  documentation: `BGP is a TCP connection to port 179, which either end may open. Where access lists drop it both ways there is no session, and no route to what the other end announces. knet
asks the access lists of both ends and of the routers on the shortest way between their segments.`,
  example: {
    bad: racks("deny tcp port 179"),
    good: racks("deny tcp port 22"),
  },
  message: ({ node, peer, port }) =>
    `this rule drops BGP (TCP port ${port}) between ${node} and ${peer}: the session does not come up, and they learn no routes from each other; put allow tcp port ${port} before it`,
  fixes: ({ port }, source) => {
    const rule = sourceAt(source, "whole");
    const allow = `allow tcp port ${port}`;
    return [
      { title: `Put "${allow}" before it`, edits: [{ kind: "before", source: rule, text: allow }] },
      removeFix("Remove the rule", rule),
    ];
  },
};
