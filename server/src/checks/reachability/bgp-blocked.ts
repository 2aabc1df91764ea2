import { family, formatIp } from "../../addressing/ip.ts";
import { BGP_PORT } from "../../cni/bgp/acl.ts";
import type { Handle } from "../../declared/handle.ts";
import { directionIn, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { removeFix } from "../../fixes/fix.ts";
import { balancerPeers } from "../../kubernetes/balancer.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Topology } from "../../topology/model.ts";

const racks = (router: string): string => twoRacks("cni calico { pool default { vxlan always } }", { router });

export const bgpBlocked: Check<"KN232"> = {
  code: "KN232",
  name: "bgp-blocked",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets", "unannounced-blocks", "missing-bgp-routes"],
  summary: "An access list drops BGP.",
  documentation: `## What happens

BGP uses a TCP connection to port 179 that either side can open. If access lists drop it in both directions, the session
does not come up, and neither side has routes to the prefixes that the other side advertises.

knet checks the access lists of both peers and of the routers on the shortest path between their segments. MetalLB
(\`load-balancer bgp\`) only connects to its router and does not listen, so this direction must be open.

## How to fix it

Allow TCP port 179 between the two peers.`,
  example: {
    bad: racks("deny tcp port 179"),
    good: racks("deny tcp port 22"),
  },
  *run({ topology }): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* balancerFindings(topology, cluster);
  },
  message: ({ node, peer, port }) =>
    t`this rule drops BGP (TCP port ${port}) between ${machineText(node)} and ${machineText(peer)}: the session does not come up, and they learn no routes from each other`,
  fixes: ({ port }, source) => {
    const rule = sourceAt(source, "whole");
    const allow = allowText(rule, port);
    return [
      { title: t`Add \`${allow}\` above this rule`, edits: [{ kind: "before", source: rule, text: allow }] },
      removeFix(t`Remove this rule`, rule),
    ];
  },
};

/** Sessions of the cluster's BGP load balancer that do not come up: one finding per rule. */
function* balancerFindings(topology: Topology, cluster: Cluster): Iterable<Finding> {
  const { loadBalancer, all } = cluster.services;
  const router = topology.routers.find(({ path }) => path === loadBalancer?.by);
  if (loadBalancer?.kind !== "bgp" || !router) return;
  const families = new Set(all.flatMap(({ loadBalancerIps }) => loadBalancerIps.map(({ ip }) => family(ip))));
  const peerOf = balancerPeers(topology, router, cluster);
  const seen = new Set<Handle>();
  for (const of of families) {
    for (const node of cluster.nodes) {
      const peer = peerOf(node, of);
      const rule = peer.kind === "blocked" ? peer.rules[0] : undefined;
      if (peer.kind !== "blocked" || !rule || seen.has(rule.decl.handle)) continue;
      seen.add(rule.decl.handle);
      const data = { node, peer: router, port: BGP_PORT };
      const places = [...new Map(peer.rules.map((one) => [one.decl.handle, sourceAt(one, "whole")])).values()];
      yield finding(bgpBlocked, rule, bgpBlocked.message(data), {
        related: [
          { source: node.source, message: t`node \`${node.path}\` (${formatIp(peer.via)})` },
          { source: router.source, message: t`router \`${router.path}\` (${formatIp(peer.own)})` },
        ],
        fixes: [
          {
            title: t`Allow TCP port ${BGP_PORT} between the node and the router`,
            edits: places.map((source) => ({ kind: "before", source, text: allowText(source, BGP_PORT) })),
          },
        ],
      });
    }
  }
}

/** An `allow` rule in the direction of the rule that drops the session. */
function allowText({ decl }: Origin, port: number): string {
  return `allow tcp${directionIn(decl)} port ${port}`;
}
