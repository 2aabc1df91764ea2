import { formatPrefix, parseIp, prefixOf } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import type { Topology } from "../../topology/model.ts";
import type { Check, Fix } from "../check.ts";
import { bgpPeering } from "../examples.ts";
import { appendFix } from "../finding.ts";
import { childOf } from "../source.ts";
import { clusterAt } from "../topology.ts";

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
  fixes: ({ peer }, source, { topology }) => speakFix(topology, String(peer), source),
};

/** The router that has the address gets the other end of the session, for its whole segment. */
function speakFix(topology: Topology, peer: string, source: Source): readonly Fix[] {
  const ip = parseIp(peer);
  const as = childOf(source, "as-number", 0);
  const cluster = clusterAt(topology, source);
  if (ip === undefined || as.statement === source.statement || !cluster) return [];
  for (const router of topology.routers) {
    const own = router.interfaces.flatMap(({ addresses }) => addresses).find((one) => one.ip === ip);
    if (!own || router.bgp) continue;
    const nodes = childOf(cluster.cni.source, "as-number", 0);
    const theirs = nodes === cluster.cni.source ? "64512" : nodes.statement.args[0]?.text;
    const range = formatPrefix(prefixOf(own.ip, own.len));
    const text = `bgp as ${as.statement.args[0]?.text} { listen-range ${range} as ${theirs} as-override }`;
    return [appendFix(`Let router ${router.path} speak BGP with ${range}`, router.source, text)];
  }
  return [];
}
