/** Fixes for a lost packet of an expectation, if a single place in the file causes the loss. */

import { formatIp, formatPrefix, isNear, prefixContains } from "../addressing/ip.ts";
import { nodeAddress } from "../cni/peers.ts";
import type { Journey } from "../dataplane/journey.ts";
import { innerOf, type Packet } from "../dataplane/packet.ts";
import type { Decl } from "../declared/decl.ts";
import { directionIn, sourceAt } from "../declared/navigate.ts";
import { CLIENT_PORT } from "../questions/expectations.ts";
import { t } from "../text/l10n.ts";
import type { Router, Topology } from "../topology/model.ts";
import { wayThrough } from "./allow.ts";
import { appendFix, type Fix } from "./fix.ts";
import { routerFixes } from "./reachability.ts";

export function lossFixes(topology: Topology, journey: Journey): readonly Fix[] {
  const { reason, steps } = journey;
  const packet = reason?.lost ?? steps.at(-1)?.packet;
  if (!reason || !packet) return [];
  const { origin } = reason;
  if (origin?.decl.spec?.keyword === "deny") {
    const text = allowText(journey, packet, origin.decl);
    return [
      {
        title: t`Add \`${text}\` above this rule`,
        edits: [{ kind: "before", source: sourceAt(origin, "whole"), text }],
      },
    ];
  }
  if (origin?.decl.spec?.keyword === "security-group") {
    const text = allowText(journey, packet, origin.decl);
    return [appendFix(t`Add \`${text}\` to the security group`, origin, text)];
  }
  if (reason.code !== "no-route" || innerOf(packet)) return [];
  const router = topology.routers.find(({ path }) => path === reason.netns);
  return router ? routeFixes(topology, router, packet) : [];
}

function allowText(journey: Journey, packet: Packet, rule: Decl): string {
  const way = wayThrough(journey);
  const which = directionIn(rule);
  const ends = `from ${formatIp(packet.src)} to ${formatIp(packet.dst)}`;
  if (way.startsWith("allow ") || packet.body.kind === "ipip" || packet.body.kind === "esp")
    return `${way}${which} ${ends}`;
  if (packet.body.kind === "icmp") return `allow icmp${which} ${ends}`;
  // Replies go to the client's port, which a rule cannot name.
  const port = packet.body.dport === CLIENT_PORT ? "" : ` port ${packet.body.dport}`;
  return `allow ${packet.body.kind}${which}${port} ${ends}`;
}

/** Routes to pods: via their nodes if these are on-link for the router, otherwise via the next hop to their node. */
function routeFixes(topology: Topology, router: Router, { dst }: Packet): readonly Fix[] {
  for (const cluster of topology.clusters) {
    const node = cluster.nodeByPodAddress(dst);
    const own = node && nodeAddress(node, typeof dst === "number" ? 4 : 6)?.ip;
    const range = cluster.podCidrs.find(({ prefix }) => prefixContains(prefix, dst))?.prefix;
    if (own === undefined || !range) continue;
    const isBeside = router.interfaces.some(({ addresses }) => addresses.some((one) => isNear(one, own)));
    if (isBeside) return routerFixes(topology, cluster, router.path);
    const way = router.routes.find(({ dst: to, type }) => type === "unicast" && to.len > 0 && prefixContains(to, own));
    const via = way?.via.map(formatIp).join(" ");
    if (!via) continue;
    const text = `route ${formatPrefix(range)} via ${via}`;
    return [appendFix(t`Add \`${text}\` to router \`${router.path}\``, router.source, text)];
  }
  return [];
}
