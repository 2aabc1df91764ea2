/**
 * The nodes as BGP speakers: the BIRD configuration that confd writes
 * (confd/etc/calico/confd/templates/bird.cfg.template).
 */
import type { Ip, Prefix } from "../../addressing/ip.ts";
import type { Node } from "../../topology/model.ts";
import type { PeerRule, Speaker } from "../bgp/model.ts";
import type { CalicoCluster, Member } from "./cluster.ts";
import { type Peer, selects } from "./settings.ts";

export function calicoSpeakers(calico: CalicoCluster): readonly Speaker[] {
  const { settings, members, context } = calico;
  if (settings.backend !== "bird") return [];
  const byPath = new Map(members.map((member) => [member.node.path, member]));
  const byAddress = new Map<Ip, Member>();
  for (const member of members) {
    for (const part of [member.v4, member.v6]) if (part) byAddress.set(part.address, member);
  }
  const valid = settings.peers.filter(({ peerIp, peerSelector }) => peerIp !== undefined || peerSelector !== undefined);
  const rules = valid.map((peer) => rulesOf(calico, peer, byPath, byAddress));
  // calico_export_to_bgp_peers: pools that are advertised, and nothing else.
  const exports = (prefix: Prefix): boolean => calico.poolOf(prefix)?.disableBgpExport === false;
  return members.flatMap((member): Speaker[] => {
    const addresses = [member.v4, member.v6].flatMap((part) => (part ? [part.address] : []));
    if (addresses.length === 0) return [];
    const { node, own } = member;
    return [
      {
        station: node,
        as: own.as ?? settings.as,
        // The IPv4 address by default (CALICO_ROUTER_ID), which a cluster with IPv6 only replaces by a hash of the name.
        routerId: typeof member.v4?.address === "number" ? member.v4.address : node.index + 1,
        // Its sessions are `multihop; add paths on`.
        daemon: "bird",
        clusterId: own.clusterId,
        addresses,
        // A route reflector is not part of the mesh.
        mesh: settings.mesh && own.clusterId === undefined ? context.cluster.name : undefined,
        rules: rules.flatMap(({ here, there, ofLocal, ofPeer }) => [
          ...(ofLocal(node) ? [here] : []),
          ...(ofPeer(member) ? [there] : []),
        ]),
        originates: node.podCidrs.flatMap(({ prefix, source }) => (exports(prefix) ? [{ prefix, source }] : [])),
        exports,
        source: node.source,
      },
    ];
  });
}

interface Rules {
  /**
   * For the nodes that the BGPPeer applies to (`here`), and for their peers if these are nodes of the cluster
   * (`there`): confd configures both sides.
   */
  readonly here: PeerRule;
  readonly there: PeerRule;
  ofLocal(node: Node): boolean;
  ofPeer(member: Member): boolean;
}

function rulesOf(
  calico: CalicoCluster,
  peer: Peer,
  byPath: ReadonlyMap<string, Member>,
  byAddress: ReadonlyMap<Ip, Member>,
): Rules {
  const { cluster } = calico.context;
  const name = peer.node?.split("/").at(-1);
  const ofLocal = (node: Node): boolean =>
    name !== undefined ? node.name === name : selects(peer.nodeSelector ?? [], node.labels);
  const target = peer.peerIp === undefined ? undefined : byAddress.get(peer.peerIp);
  const ofPeer = ({ node }: Member): boolean =>
    peer.peerIp !== undefined
      ? target?.node === node
      : peer.peerSelector !== undefined && selects(peer.peerSelector, node.labels);
  const isMember = ({ station }: Speaker): Member | undefined => byPath.get(station.path);
  const common = { asOverride: false, allowAsIn: peer.allowAsIn, client: isClient, source: peer.source };
  return {
    here: {
      ...common,
      to:
        peer.peerIp !== undefined
          ? { kind: "address", ip: peer.peerIp }
          : {
              kind: "select",
              matches: (speaker) => {
                const member = isMember(speaker);
                return member !== undefined && ofPeer(member);
              },
            },
      // A peer that is a node of the cluster has its own AS number.
      as: peer.peerSelector !== undefined ? undefined : (peer.as ?? (target ? undefined : calico.settings.as)),
      implied: false,
    },
    there: {
      ...common,
      to: {
        kind: "select",
        matches: ({ station }) => {
          const member = byPath.get(station.path);
          return member !== undefined && ofLocal(member.node) && station.path.startsWith(`${cluster.name}/`);
        },
      },
      as: undefined,
      implied: true,
    },
    ofLocal,
    ofPeer,
  };
}

/** "rr client": same AS, and the peer is in a different route reflector cluster or not in a cluster. */
function isClient(own: Speaker, peer: Speaker): boolean {
  return own.clusterId !== undefined && own.as === peer.as && own.clusterId !== peer.clusterId;
}
