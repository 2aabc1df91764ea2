import { formatPrefix, type Ip, prefixOf } from "../../addressing/ip.ts";
import { childOf, readAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check } from "../../findings/check.ts";
import { bgpPeering } from "../../findings/examples/nodes.ts";
import { machineText } from "../../findings/machines.ts";
import { appendFix, type Fix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";

export const bgpNobody: Check<"KN233"> = {
  code: "KN233",
  name: "bgp-nobody",
  family: "reachability",
  severity: "warning",
  explains: ["lost-packets", "unannounced-blocks", "missing-bgp-routes"],
  summary: "A configured BGP peer does not exist or is out of reach.",
  documentation: `## What happens

The peer's address does not belong to a node that runs BGP or to a router with a \`bgp\` block in this file, or no node has
the labels that the peer selects. The session does not come up.

A session also does not come up without routes to the peer and back, which must be connected or static routes. A router's eBGP
peer must be on one of the router's own subnets: eBGP packets have a TTL of 1 unless \`ebgp-multihop\` is configured.

## How to fix it

Add a \`bgp\` block to the router that has the address. If the peer exists but is not part of the file, add it as a router, so
knet can follow its routes.

For a peer that is out of reach, add the routes, or peer with a router on the same segment.

## References

- RFC 4271, section 5.1.3`,
  example: {
    bad: bgpPeering(""),
    good: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  message: (data) => {
    const node = machineText(data.node);
    switch (data.cause) {
      case "off-link":
        return t`${node} peers with ${machineText(data.peer)}, which is not on one of its subnets: eBGP packets have TTL 1, and the session does not come up`;
      case "no-route":
        return t`${node} peers with ${machineText(data.peer)}, but there is no route between them: the session does not come up`;
      case "nobody":
        return data.address === undefined
          ? t`${node} peers with ${data.peer}, but no BGP speaker matches`
          : t`${node} peers with ${data.peer}, but no BGP speaker has this address; add a \`bgp\` block to the router`;
    }
  },
  fixes: (data, source, { topology }) =>
    data.cause === "nobody" && data.address !== undefined ? speakFix(topology, data.address, source) : [],
};

/** Adds the other side of the session to the router that has the address, for all nodes of its segment. */
function speakFix(topology: Topology, ip: Ip, source: Origin): readonly Fix[] {
  const as = childOf(source, "as-number", 0);
  const cluster = clusterAt(topology, source);
  if (as.decl.handle === source.decl.handle || !cluster) return [];
  for (const router of topology.routers) {
    const own = router.interfaces.flatMap(({ addresses }) => addresses).find((one) => one.ip === ip);
    if (!own || router.bgp) continue;
    const nodes = childOf(cluster.cni.source, "as-number", 0);
    const theirs = nodes === cluster.cni.source ? "64512" : readAt(nodes)?.text;
    const range = formatPrefix(prefixOf(own.ip, own.len));
    const text = `bgp as ${readAt(as)?.text} { listen-range ${range} as ${theirs} as-override }`;
    return [appendFix(t`Add \`bgp\` for ${range} to router \`${router.path}\``, router.source, text)];
  }
  return [];
}
