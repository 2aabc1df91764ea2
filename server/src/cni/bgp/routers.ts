/** The routers of the fabric as BGP speakers, from their `bgp` blocks. */
import type { Ip } from "../../addressing/ip.ts";
import type { BgpPeerSpec, BgpSpec, Router, Topology } from "../../topology/model.ts";
import type { PeerRule, Speaker } from "./model.ts";

export function routerSpeakers(topology: Topology): readonly Speaker[] {
  return topology.routers.flatMap((router) => (router.bgp ? [speakerOf(topology, router, router.bgp)] : []));
}

function speakerOf(topology: Topology, router: Router, bgp: BgpSpec): Speaker {
  return {
    station: router,
    as: bgp.as,
    routerId: routerIdOf(router),
    daemon: "frr",
    clusterId: bgp.clusterId,
    addresses: addressesOf(router),
    mesh: undefined,
    rules: bgp.peers.flatMap((peer) => {
      const to = targetOf(topology, peer);
      return to ? [ruleOf(peer, to)] : [];
    }),
    originates: bgp.advertises,
    exports: undefined,
    source: bgp.source,
  };
}

/** FRR's default: the highest loopback address, otherwise the highest address (zebra/router-id.c). */
function routerIdOf({ edge, interfaces }: Router): number {
  const own = (edge?.loopbacks ?? []).map(({ ip }) => ip);
  const all = own.length > 0 ? own : interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  return Math.max(0, ...all.filter((ip) => typeof ip === "number"));
}

/** Peers can also use an address on `lo` (`update-source lo`). */
function addressesOf({ interfaces, edge }: Router): readonly Ip[] {
  const own = interfaces.flatMap(({ addresses }) => addresses.map(({ ip }): Ip => ip));
  return edge === undefined ? own : [...own, ...edge.loopbacks.map(({ ip }) => ip)];
}

/** Undefined for an unknown name, which is reported elsewhere. */
function targetOf(topology: Topology, { to }: BgpPeerSpec): PeerRule["to"] | undefined {
  if (to.kind !== "name") return to;
  const found = topology.resolve(to.text);
  if (!found.ok || (found.endpoint.kind !== "node" && found.endpoint.kind !== "router")) return undefined;
  return { kind: "station", path: found.endpoint.path };
}

function ruleOf(peer: BgpPeerSpec, to: PeerRule["to"]): PeerRule {
  return {
    to,
    as: peer.as,
    asOverride: peer.asOverride,
    allowAsIn: peer.allowAsIn ? 10 : 0,
    client: () => peer.routeReflectorClient,
    implied: false,
    source: peer.source,
  };
}
