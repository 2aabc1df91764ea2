/**
 * flannel's participants: the interface, addresses, and lease that flanneld uses on each node, or why it does not run.
 */

import { type Ip, type Prefix, prefixCovers, samePrefixes } from "../../addressing/ip.ts";
import { buildPrefixTable, itemsByPrefix, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Device, Route, RouteLayer, Socket, Xfrm } from "../../dataplane/model.ts";
import { groups, perItem } from "../../memo/list.ts";
import { memo } from "../../memo/memo.ts";
import type { Cluster, CniSettings, Interface, Node, PodCidr } from "../../topology/model.ts";
import { defaultInterface, familyOf } from "../host.ts";
import type { ClusterContext, NeighbourLayer } from "../mode.ts";
import { pluginOf } from "../settings.ts";
import { backendError } from "./secrets.ts";
import { type BackendSettings, type BackendType, type FlannelSettings, flannelSettings } from "./settings.ts";

/** A node with a running flanneld. A family without a lease or an address is omitted. */
export interface Participant {
  readonly node: Node;
  readonly settings: FlannelSettings;
  /** The external interface (--iface). */
  readonly iface: Interface;
  /** Whether flanneld can choose an interface. Without `--iface`, it requires a default route. */
  readonly isChosen: boolean;
  readonly v4: ParticipantFamily | undefined;
  readonly v6: ParticipantFamily | undefined;
}
export interface ParticipantFamily {
  readonly network: Prefix;
  readonly lease: Prefix;
  /** The interface's address. */
  readonly address: Ip;
  /** The address that the lease announces to other nodes. */
  readonly publicIp: Ip;
}

/** Why flanneld does not run on a node. */
export type Absent =
  | "backend-refused"
  | "other-plugin"
  | "no-interface"
  | "no-address"
  | "no-lease"
  | "lease-outside"
  | "public-ip";

export interface FlannelCluster {
  readonly context: ClusterContext;
  readonly ground: Ground;
  /** By node. */
  readonly all: readonly (Participant | Absent)[];
  /** The participant, or why the node does not participate. */
  standing(node: Node): Participant | Absent;
  /** Running nodes with this backend: only these are peers (`ignoring non-vxlan subnet`). */
  peers(type: BackendType): Peers;
}

export interface Peers {
  readonly list: readonly Participant[];
  /** By lease of either family; if two nodes have the same lease, the later node (`ip route replace`). */
  readonly leases: PrefixTable<Participant>;
  /** Peers with a lease of the family, by lease; if two peers have the same lease, only the later one. */
  holders(family: 4 | 6): readonly Participant[];
  /** The peer whose lease of this family starts with the address. */
  byLeaseAddress(ip: Ip): Participant | undefined;
}

export interface Backend {
  /** FLANNEL_MTU in subnet.env: for the bridge and the pods. */
  podMtu(backend: BackendSettings, interfaceMtu: number): number;
  /** Tables that nodes share are created for the first node that needs them. */
  compile(cluster: FlannelCluster): (self: Participant) => BackendParts;
}

export interface BackendParts {
  readonly devices: readonly Device[];
  readonly routes: readonly Route[];
  readonly layers: readonly RouteLayer[];
  /** Whether flanneld replaces the host's route to this destination. */
  replaces(dst: Prefix): boolean;
  readonly neighbours: NeighbourLayer | undefined;
  readonly sockets: readonly Socket[];
  readonly xfrm?: Xfrm | undefined;
}

export const NO_BACKEND_PARTS: BackendParts = {
  devices: [],
  routes: [],
  layers: [],
  replaces: () => false,
  neighbours: undefined,
  sockets: [],
};

/** State shared by all nodes. The same object until the plugin's settings or the cluster's ranges change. */
export interface Ground {
  readonly cni: CniSettings;
  readonly podCidrs: readonly PodCidr[];
  settings(node: Node): FlannelSettings;
}

export function groundOf({ cni, podCidrs }: Pick<Cluster, "cni" | "podCidrs">): Ground {
  return ground(cni, podCidrs);
}

const ground = memo((cni: CniSettings, podCidrs: readonly PodCidr[]): Ground => {
  const ofCluster = flannelSettings(cni, undefined, podCidrs);
  const ofNode = memo((own: CniSettings) => flannelSettings(cni, own, podCidrs));
  return { cni, podCidrs, settings: (node) => (node.cni === undefined ? ofCluster : ofNode(node.cni)) };
});

const standings = perItem<Node, Participant | Absent, [Ground]>(standingOf);

/** Shared by the network and the checks. */
export const flannelCluster = memo(makeFlannelCluster);

function makeFlannelCluster(context: ClusterContext): FlannelCluster {
  const { cluster } = context;
  const ground = groundOf(cluster);
  const all = standings(cluster.nodes, ground);
  const standing = (node: Node): Participant | Absent => all[node.index] ?? "other-plugin";
  const peers = (type: BackendType): Peers => peersOf(byBackend(all).get(type) ?? nobody);
  return { context, ground, all, standing, peers };
}

const byBackend = groups<Participant | Absent, BackendType>((one) =>
  typeof one === "object" ? [one.settings.backend.type] : [],
) as (all: readonly (Participant | Absent)[]) => ReadonlyMap<BackendType, readonly Participant[]>;

const nobody: readonly never[] = [];

const leasesOf = perItem<Participant, readonly Prefix[]>(
  ({ v4, v6 }) => [v4, v6].flatMap((part) => (part ? [part.lease] : [])),
  samePrefixes,
);

/** Indexes of the participants, by lease. */
const byLease = memo((leases: readonly (readonly Prefix[])[]) =>
  buildPrefixTable(leases.flatMap((own, index) => own.map((lease) => [lease, index] as const))),
);

const peersOf = memo((list: readonly Participant[]): Peers => {
  const leases = itemsByPrefix(byLease(leasesOf(list)), list);
  let holders: Readonly<Record<4 | 6, readonly Participant[]>> | undefined;
  return {
    list,
    leases,
    holders: (family) => {
      holders ??= { 4: holdersOf(leases, 4), 6: holdersOf(leases, 6) };
      return holders[family];
    },
    byLeaseAddress: (ip) => {
      const peer = leases.lookup(ip).at(-1);
      const lease = typeof ip === "number" ? peer?.v4?.lease : peer?.v6?.lease;
      return lease?.ip === ip ? peer : undefined;
    },
  };
});

function holdersOf(leases: PrefixTable<Participant>, family: 4 | 6): readonly Participant[] {
  const holders: Participant[] = [];
  let before: Prefix | undefined;
  for (const [lease, peer] of leases.entries()) {
    if (familyOf(lease.ip) !== family) continue;
    if (before?.ip === lease.ip && before.len === lease.len) holders.pop();
    holders.push(peer);
    before = lease;
  }
  return holders;
}

export function familyPart(participant: Participant, family: 4 | 6): ParticipantFamily | undefined {
  return family === 4 ? participant.v4 : participant.v6;
}

/**
 * Whether this destination is the node's own lease. Its route in the table of all leases does not apply on the node
 * itself.
 */
export function isOwnLease(self: Participant, dst: Prefix): boolean {
  const own = familyOf(dst.ip) === 4 ? self.v4 : self.v6;
  return own !== undefined && own.lease.ip === dst.ip && own.lease.len === dst.len;
}

/** One route per lease of a family, created by `make`. */
export function* routesToPeers(
  peers: Peers,
  family: 4 | 6,
  make: (peer: Participant, part: ParticipantFamily) => Route | undefined,
): Iterable<readonly [Prefix, Route]> {
  for (const peer of peers.holders(family)) {
    const part = familyPart(peer, family);
    const route = part && make(peer, part);
    if (route) yield [part.lease, route];
  }
}

/** Only these support dual stack (pkg/subnet/kube/kube.go); udp, ipip, and ipsec are IPv4-only. */
const DUAL_STACK: ReadonlySet<BackendType> = new Set(["vxlan", "host-gw", "wireguard"]);

function standingOf(node: Node, ground: Ground): Participant | Absent {
  if (pluginOf(ground, node) !== "flannel") return "other-plugin";
  const settings = ground.settings(node);
  if (backendError(settings.backend) !== undefined) return "backend-refused";
  const chosen = externalInterface(node, settings);
  const iface = chosen ?? (settings.iface === undefined ? node.interfaces[0] : undefined);
  if (!iface) return "no-interface";
  const v4 = part(node, iface, settings, settings.network4);
  const v6 = DUAL_STACK.has(settings.backend.type) ? part(node, iface, settings, settings.network6) : undefined;
  const parts = [v4, v6].filter((one) => one !== undefined);
  const absent = parts.find((one) => one === "lease-outside" || one === "public-ip") ?? parts[0];
  if (typeof v4 === "object" || typeof v6 === "object") {
    if (absent === "lease-outside" || absent === "public-ip") return absent;
    return {
      node,
      settings,
      iface,
      isChosen: chosen !== undefined,
      v4: typeof v4 === "object" ? v4 : undefined,
      v6: typeof v6 === "object" ? v6 : undefined,
    };
  }
  return typeof absent === "string" ? absent : "no-lease";
}

function part(
  node: Node,
  iface: Interface,
  settings: FlannelSettings,
  network: Prefix | undefined,
): ParticipantFamily | Absent | undefined {
  if (!network) return undefined;
  const family = familyOf(network.ip);
  const lease = node.podCidrs.find(({ prefix }) => familyOf(prefix.ip) === family)?.prefix;
  if (!lease) return "no-lease";
  if (!prefixCovers(network, lease)) return "lease-outside";
  const address = iface.addresses.find(({ ip }) => familyOf(ip) === family)?.ip;
  if (address === undefined) return "no-address";
  const given = announcedIp(node, settings, family);
  // "your PublicIP differs from interface IP …, which is not supported by host-gw backend" (pkg/backend/hostgw).
  if (settings.backend.type === "host-gw" && given !== undefined && given !== address) return "public-ip";
  return { network, lease, address, publicIp: given ?? address };
}

/** `public-ip`, or the node's external address. */
export function announcedIp({ externalIps }: Node, settings: FlannelSettings, family: 4 | 6): Ip | undefined {
  const { publicIp, externalIp } = settings;
  if (publicIp !== undefined && familyOf(publicIp) === family) return publicIp;
  return externalIp ? externalIps.find(({ ip }) => familyOf(ip) === family)?.ip : undefined;
}

/**
 * pkg/ipmatch/match.go: --iface, else the interface of the default route. flanneld exits if no such route exists; knet then
 * uses the first interface, so a flat network without a gateway can be described, and the check reports the missing
 * route.
 */
function externalInterface(node: Node, settings: FlannelSettings): Interface | undefined {
  const wanted = settings.iface;
  if (wanted !== undefined) {
    return node.interfaces.find((iface) =>
      typeof wanted === "string" ? iface.device === wanted : iface.addresses.some(({ ip }) => ip === wanted),
    );
  }
  const family = settings.network4 ? 4 : 6;
  return defaultInterface(node, family);
}
