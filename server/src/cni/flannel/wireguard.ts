/**
 * pkg/backend/wireguard: one device with a route for the whole network; the device itself selects the peer of a packet,
 * by the peers' allowed IPs, which are their leases.
 */
import { formatPrefix, type Ip, isLoopback, type Prefix, prefixContains } from "../../addressing/ip.ts";
import type { Device, Route, Socket, WireguardPeer, WireguardPeers } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import { keyOf } from "../hash.ts";
import { withMetric } from "../host.ts";
import {
  type Backend,
  type FlannelCluster,
  familyPart,
  isOwnLease,
  NO_BACKEND_PARTS,
  type Participant,
} from "./cluster.ts";
import type { BackendSettings } from "./settings.ts";

type Settings = Extract<BackendSettings, { type: "wireguard" }>;
type Family = 4 | 6;

/**
 * IPv6 40 + UDP 8 + WireGuard 16 + tag 16; over IPv4, 60 is sufficient (pkg/backend/wireguard/wireguard_network.go).
 */
const OVERHEAD = 80;
const DEVICES: Readonly<Record<Family, string>> = { 4: "flannel-wg", 6: "flannel-wg-v6" };

export const wireguard: Backend = {
  podMtu: (backend, interfaceMtu) => deviceMtu(backend, interfaceMtu),
  compile: (cluster) => (self) => {
    const { backend } = self.settings;
    if (backend.type !== "wireguard") return NO_BACKEND_PARTS;
    const families = ([4, 6] as const).filter((family) => familyPart(self, family) !== undefined);
    const devices = devicesOf(backend, families).map((one) => device(cluster, self, backend, one));
    return {
      devices: devices.map(({ made }) => made),
      routes: devices.flatMap(({ routes }) => routes),
      layers: [],
      // RouteAdd fails if the host has this route, and flanneld exits; knet keeps the tunnel's route.
      replaces: (dst) =>
        devices.some(({ routes }) => routes.some((one) => one.dst.ip === dst.ip && one.dst.len === dst.len)),
      neighbours: undefined,
      sockets: devices.map(({ socket }) => socket),
    };
  },
};

function deviceMtu(backend: BackendSettings, interfaceMtu: number): number {
  return ((backend.type === "wireguard" ? backend.mtu : undefined) ?? interfaceMtu) - OVERHEAD;
}

interface DevicePlan {
  readonly name: string;
  readonly port: number;
  /** The families that the device carries. */
  readonly families: readonly Family[];
}

/** Mode `separate` has one device per family, the other modes one device for both families. */
function devicesOf(backend: Settings, families: readonly Family[]): readonly DevicePlan[] {
  if (backend.mode !== "separate") return [{ name: DEVICES[4], port: backend.port, families }];
  return families.map((family) => ({
    name: DEVICES[family],
    port: family === 4 ? backend.port : backend.portV6,
    families: [family],
  }));
}

function device(cluster: FlannelCluster, self: Participant, backend: Settings, plan: DevicePlan) {
  const parts = plan.families.flatMap((family) => familyPart(self, family) ?? []);
  const made: Device = {
    kind: "wireguard",
    name: plan.name,
    mtu: deviceMtu(backend, self.iface.mtu),
    mac: undefined,
    // WireGuard devices have no link-local address (addr_gen_mode none).
    addresses: parts.map(({ lease }) => ({ ip: lease.ip, len: typeof lease.ip === "number" ? 32 : 128 })),
    port: plan.port,
    publicKey: publicKey(self),
    peers: peersOf(cluster, self, backend, plan),
    origin: backend.source,
  };
  const routes = parts.map(
    ({ network }): Route => ({
      dst: network,
      type: "unicast",
      nexthops: [{ dev: plan.name }],
      scope: "link",
      ...withMetric(typeof network.ip === "number" ? 4 : 6),
      why: t`flanneld (wireguard): packets to ${formatPrefix(network)} are sent to the peers of ${plan.name}`,
      origin: backend.source,
    }),
  );
  const socket: Socket = {
    proto: "udp",
    port: plan.port,
    process: `${plan.name} (kernel)`,
    origin: backend.source,
  };
  return { made, routes, socket };
}

/** Both devices use the key in /run/flannel/wgkey. */
function publicKey(peer: Participant): string {
  return keyOf(`${peer.node.path} wireguard`);
}

function peersOf(cluster: FlannelCluster, self: Participant, backend: Settings, plan: DevicePlan): WireguardPeers {
  const peers = cluster.peers("wireguard");
  let byKey: ReadonlyMap<string, Participant> | undefined;
  const peerOf = (peer: Participant): WireguardPeer | undefined => {
    const ip = endpointOf(self, peer, backend, plan);
    const allowedIps = plan.families.flatMap((family) => familyPart(peer, family)?.lease ?? []);
    if (peer === self || ip === undefined || allowedIps.length === 0) return undefined;
    return {
      publicKey: publicKey(peer),
      presharedKey: backend.psk,
      // flanneld assumes that the peer uses the same port.
      endpoint: { ip, port: plan.port },
      allowedIps,
      keepalive: backend.keepalive,
      netns: peer.node.path,
      origin: peer.node.source,
    };
  };
  return {
    allowed: (ip) => {
      const peer = peers.leases.lookup(ip).at(-1);
      const found = peer && !holds(self, ip) ? peerOf(peer) : undefined;
      return found?.allowedIps.some((lease) => prefixContains(lease, ip)) ? found : undefined;
    },
    byKey: (key) => {
      byKey ??= new Map(peers.list.map((peer) => [publicKey(peer), peer]));
      const peer = byKey.get(key);
      return peer && peerOf(peer);
    },
    entries: function* () {
      for (const peer of peers.list) {
        const one = peerOf(peer);
        if (one) yield one;
      }
    },
  };
}

function holds(self: Participant, ip: Ip): boolean {
  const lease = (typeof ip === "number" ? self.v4 : self.v6)?.lease;
  return lease !== undefined && prefixContains(lease, ip) && isOwnLease(self, lease);
}

/** The peer's address: by the device's family, or by selectPublicEndpoint in mode `auto`. */
function endpointOf(self: Participant, peer: Participant, backend: Settings, plan: DevicePlan): Ip | undefined {
  const four = peer.v4?.publicIp;
  const six = peer.v6?.publicIp;
  switch (backend.mode) {
    case "separate":
      return plan.families.includes(4) ? four : six;
    case "ipv4":
      return four;
    case "ipv6":
      return six;
    case "auto": {
      if (four === undefined || six === undefined) return four ?? six;
      if (!isPrivate(four) && self.v4) return four;
      return !isPrivate(six) && self.v6 && !isPrivate(self.v6.address) ? six : four;
    }
  }
}

const PRIVATE: readonly Prefix[] = [
  { ip: 0x0a000000, len: 8 },
  { ip: 0xac100000, len: 12 },
  { ip: 0xc0a80000, len: 16 },
  { ip: 0xa9fe0000, len: 16 },
  { ip: 0xfc00n << 112n, len: 7 },
  { ip: 0xfe80n << 112n, len: 10 },
];

/** IP4.IsPrivate, IP6.IsPrivate (pkg/ip). */
function isPrivate(ip: Ip): boolean {
  return isLoopback(ip) || PRIVATE.some((prefix) => typeof prefix.ip === typeof ip && prefixContains(prefix, ip));
}
