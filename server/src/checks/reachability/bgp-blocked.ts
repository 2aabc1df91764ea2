import { t } from "../../text/l10n.ts";
import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { quoted } from "./report.ts";

const racks = (router: string): string => twoRacks("cni calico { pool default { vxlan always } }", { router });

export const bgpBlocked: Check = {
  code: "KN232",
  name: "bgp-blocked",
  family: "reachability",
  severity: "error",
  summary: "An access list drops BGP.",
  documentation: `## What happens

BGP uses a TCP connection to port 179 that either side can open. If access lists drop it in both directions, the session
does not come up, and neither side has routes to the prefixes that the other side advertises.

knet checks the access lists of both peers and of the routers on the shortest path between their segments.

## How to fix it

Allow TCP port 179 between the two peers.`,
  example: {
    bad: racks("deny tcp port 179"),
    good: racks("deny tcp port 22"),
  },
  message: ({ node, peer, port }) =>
    t`this rule drops BGP (TCP port ${port}) between ${quoted(node)} and ${quoted(peer)}: the session does not come up and they learn no routes from each other; add \`allow tcp port ${port}\` above it`,
  fixes: ({ port }, source) => {
    const rule = sourceAt(source, "whole");
    const allow = `allow tcp port ${port}`;
    return [
      { title: t`Add \`${allow}\` above this rule`, edits: [{ kind: "before", source: rule, text: allow }] },
      removeFix(t`Remove this rule`, rule),
    ];
  },
};
