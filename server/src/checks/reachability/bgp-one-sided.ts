import { formatPrefix } from "../../addressing/ip.ts";
import { childOf } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { bgpPeering } from "../../findings/examples/nodes.ts";
import { machineText } from "../../findings/machines.ts";
import { appendFix, type Fix } from "../../fixes/fix.ts";
import { nodeAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";
import type { Router, Topology } from "../../topology/model.ts";

export const bgpOneSided: Check<"KN231"> = {
  code: "KN231",
  name: "bgp-one-sided",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets", "unannounced-blocks", "missing-bgp-routes"],
  summary: "A BGP session is configured on one side only.",
  documentation: `## What happens

A BGP speaker rejects connections from addresses that are not configured as peers, so a session that is configured on one
side only does not come up.

## How to fix it

Configure both sides: the router needs a \`peer\` or \`listen-range\` statement for the nodes, and the cluster needs a BGPPeer
(\`peer\`) for the router.

## References

- RFC 4271, section 8`,
  example: {
    bad: bgpPeering("bgp as 64513 { advertise 0.0.0.0/0 }"),
    good: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  message: ({ node, as, peer }) =>
    t`${machineText(node)} (AS ${as}) peers with ${machineText(peer)}, but ${machineText(peer)} has no matching peer: the session does not come up`,
  fixes: ({ node, as, peer }, _source, { topology }) => {
    const router = peer.kind === "router" ? topology.routers.find(({ path }) => path === peer.path) : undefined;
    return router?.bgp ? [neighbourFix(topology, router, node.path, as)] : [];
  },
};

/**
 * Adds the missing side to the router, for all nodes of the shared segment if there is one: as route reflector clients within
 * one AS, with `as-override` across ASes.
 */
function neighbourFix(topology: Topology, router: Router, path: string, as: number): Fix {
  const own = nodeAt(topology, path)?.interfaces[0]?.segment;
  const isThere = router.interfaces.some(({ segment }) => segment === own);
  const [cidr] = (isThere && topology.segments.get(own ?? "")?.cidrs) || [];
  const peers = `${cidr ? `listen-range ${formatPrefix(cidr)}` : `peer ${path}`} as ${as}`;
  const option = router.bgp?.as === as ? "route-reflector-client" : "as-override";
  const title = t`Add \`${peers}\` to router \`${router.path}\``;
  return appendFix(title, childOf(router.source, "bgp"), `${peers} ${option}`);
}
