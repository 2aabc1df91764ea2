import { formatPrefix } from "../../addressing/ip.ts";
import type { Router, Topology } from "../../topology/model.ts";
import type { Check, Fix } from "../check.ts";
import { bgpPeering } from "../examples.ts";
import { appendFix } from "../finding.ts";
import { childOf } from "../source.ts";
import { nodeAt } from "../topology.ts";

export const bgpOneSided: Check = {
  code: "KN231",
  name: "bgp-one-sided",
  family: "reachability",
  severity: "error",
  summary: "Only one end of a BGP session is configured.",
  documentation: `A speaker refuses connections from whom it does not know as a neighbour (RFC 4271 section 8). A router needs a \`peer\` or \`listen-range\` for the nodes, and the cluster a
BGPPeer (\`peer\`) for the router.`,
  example: {
    bad: bgpPeering("bgp as 64513 { advertise 0.0.0.0/0 }"),
    good: bgpPeering("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  message: ({ node, as, peer }) =>
    `${node} (AS ${as}) peers with ${peer}, which has no such neighbour: the session does not come up; configure both ends`,
  fixes: ({ node, as, peer }, _source, { topology }) => {
    const router = topology.routers.find(({ path }) => `router ${path}` === peer);
    return router?.bgp ? [neighbourFix(topology, router, String(node), Number(as))] : [];
  },
};

/** All nodes of the segment at once, which are many as a rule; a client of the router, or with its number in the place of theirs. */
function neighbourFix(topology: Topology, router: Router, speaker: string, as: number): Fix {
  const path = speaker.replace(/^\w+ /, "");
  const own = nodeAt(topology, path)?.interfaces[0]?.segment;
  const isThere = router.interfaces.some(({ segment }) => segment === own);
  const [cidr] = (isThere && topology.segments.get(own ?? "")?.cidrs) || [];
  const who = cidr ? `listen-range ${formatPrefix(cidr)}` : `peer ${path}`;
  const option = router.bgp?.as === as ? "route-reflector-client" : "as-override";
  return appendFix(
    `Let router ${router.path} have such neighbours`,
    childOf(router.source, "bgp"),
    `${who} as ${as} ${option}`,
  );
}
