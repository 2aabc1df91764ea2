/** Tunnels between machines (`tunnel` statements) as Linux state of their two sides. */
import { formatIp, formatPrefix, type Ip, type Prefix, prefixContains } from "../addressing/ip.ts";
import type {
  Device,
  EspCipher,
  Neighbour,
  Route,
  Socket,
  WireguardPeer,
  Xfrm,
  XfrmDirection,
  XfrmPolicy,
  XfrmState,
} from "../dataplane/model.ts";
import { encapsulationOverhead } from "../dataplane/packet.ts";
import { t } from "../text/l10n.ts";
import type { Station, Topology, Tunnel, TunnelSide } from "../topology/model.ts";
import { hash32, keyOf, macOf } from "./hash.ts";
import { familyOf, withMetric } from "./host.ts";

export interface TunnelParts {
  readonly devices: readonly Device[];
  /** Without the connected routes of the devices' addresses. */
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  readonly sockets: readonly Socket[];
  readonly xfrm: Xfrm | undefined;
}

/** wg-quick's default. */
const WIREGUARD_MTU = 1420;
const IKE_PORTS = [500, 4500];
/** strongSwan's default proposal with AES-GCM: RFC 4106, 16 bytes of integrity check value. */
const CIPHER: EspCipher = { name: "aes128gcm16", iv: 8, block: 4, icv: 16 };
/** The VNI of the first tunnel. */
const FIRST_VNI = 100;

/** Undefined if the machine has no tunnel. */
export function tunnelParts({ tunnels }: Pick<Topology, "tunnels">, station: Station): TunnelParts | undefined {
  const own = tunnels.flatMap((tunnel): Half[] => {
    const [a, b] = tunnel.sides;
    if (a.path === station.path) return [{ tunnel, self: a, peer: b }];
    return b.path === station.path ? [{ tunnel, self: b, peer: a }] : [];
  });
  if (own.length === 0) return undefined;
  const encrypted = own.filter(({ tunnel }) => tunnel.kind === "ipsec");
  return {
    devices: own.flatMap((half) => deviceOf(station, half) ?? []),
    routes: own.flatMap(routesOf),
    neighbours: own.flatMap(neighboursOf),
    sockets: own.flatMap(socketsOf),
    xfrm: encrypted.length === 0 ? undefined : xfrmOf(encrypted),
  };
}

/** A tunnel from the point of view of one side. */
interface Half {
  readonly tunnel: Tunnel;
  readonly self: TunnelSide;
  readonly peer: TunnelSide;
}

/** Bytes that the tunnel adds; undefined for ESP, where they depend on the length. */
export function overheadOf({ kind, sides: [{ endpoint }] }: Tunnel): number | undefined {
  return kind === "ipsec" ? undefined : encapsulationOverhead(kind, familyOf(endpoint));
}

export function mtuOf(tunnel: Tunnel, station: Station, self: TunnelSide): number {
  if (tunnel.mtu !== undefined) return tunnel.mtu;
  if (tunnel.kind === "wireguard") return WIREGUARD_MTU;
  const iface = station.interfaces.find(({ addresses }) => addresses.some(({ ip }) => ip === self.endpoint));
  return (iface?.mtu ?? 1500) - (overheadOf(tunnel) ?? 0);
}

function deviceOf(station: Station, half: Half): Device | undefined {
  const { tunnel, self, peer } = half;
  const base = {
    name: tunnel.name,
    mtu: mtuOf(tunnel, station, self),
    addresses: self.address ? [self.address] : [],
    origin: tunnel.source,
  };
  switch (tunnel.kind) {
    case "ipsec":
      return undefined;
    case "ipip":
      return { ...base, kind: "ipip", mac: undefined, local: self.endpoint, remote: peer.endpoint, lower: undefined };
    case "vxlan": {
      const entry = { mac: macAt(tunnel, peer), dst: peer.endpoint, device: tunnel.name, origin: tunnel.source };
      return {
        ...base,
        kind: "vxlan",
        mac: macAt(tunnel, self),
        vni: FIRST_VNI + tunnel.index,
        port: tunnel.port,
        local: self.endpoint,
        lower: undefined,
        learning: false,
        fdb: { lookup: (mac) => (mac === entry.mac ? entry : undefined), entries: () => [entry] },
      };
    }
    case "wireguard": {
      const one = peerOf(half);
      return {
        ...base,
        kind: "wireguard",
        mac: undefined,
        port: tunnel.port,
        publicKey: keyAt(tunnel, self),
        peers: {
          allowed: (ip) => (one.allowedIps.some((prefix) => prefixContains(prefix, ip)) ? one : undefined),
          byKey: (key) => (key === one.publicKey ? one : undefined),
          entries: () => [one],
        },
      };
    }
  }
}

function peerOf({ tunnel, peer }: Half): WireguardPeer {
  const own: readonly Prefix[] = peer.address
    ? [{ ip: peer.address.ip, len: typeof peer.address.ip === "number" ? 32 : 128 }]
    : [];
  return {
    publicKey: keyAt(tunnel, peer),
    endpoint: { ip: peer.endpoint, port: tunnel.port },
    allowedIps: [...own, ...peer.prefixes.map(({ prefix }) => prefix)],
    netns: peer.path,
    origin: tunnel.source,
  };
}

function keyAt({ name }: Tunnel, { path }: TunnelSide): string {
  return keyOf(`${path} tunnel ${name}`);
}

function macAt({ name }: Tunnel, { path }: TunnelSide): string {
  return macOf(`${path} tunnel ${name}`);
}

/** Through a VXLAN device, the next hop is the peer: its device address, or its outer address with `onlink`. */
function routesOf({ tunnel, self, peer }: Half): readonly Route[] {
  if (tunnel.kind === "ipsec") return [];
  return peer.prefixes.flatMap(({ prefix, source }): Route[] => {
    const family = familyOf(prefix.ip);
    if (tunnel.kind === "ipip" && family === 6) return [];
    const via = tunnel.kind === "vxlan" ? nextHop(peer) : undefined;
    if (via !== undefined && familyOf(via) !== family) return [];
    const onlink = via !== undefined && self.address === undefined ? { onlink: true } : {};
    return [
      {
        dst: prefix,
        type: "unicast",
        nexthops: [{ dev: tunnel.name, ...(via === undefined ? {} : { via, ...onlink }) }],
        ...(family === 4 && via === undefined ? { scope: "link" as const } : {}),
        ...withMetric(family),
        why: t`tunnel ${tunnel.name} carries ${formatPrefix(prefix)} to ${peer.path}`,
        origin: source,
      },
    ];
  });
}

function nextHop({ address, endpoint }: TunnelSide): Ip {
  return address?.ip ?? endpoint;
}

/** The peer's MAC address is configured, as is the FDB entry: no ARP through the tunnel. */
function neighboursOf({ tunnel, peer }: Half): readonly Neighbour[] {
  if (tunnel.kind !== "vxlan") return [];
  return [{ ip: nextHop(peer), mac: macAt(tunnel, peer), device: tunnel.name, origin: tunnel.source }];
}

function socketsOf({ tunnel }: Half): readonly Socket[] {
  const { kind, port, name, source: origin } = tunnel;
  switch (kind) {
    case "wireguard":
      return [{ proto: "udp", port, process: `${name} (kernel)`, origin }];
    case "ipsec":
      return IKE_PORTS.map((ike) => ({ proto: "udp", port: ike, process: "charon", origin }));
    case "ipip":
    case "vxlan":
      return [];
  }
}

function xfrmOf(halves: readonly Half[]): Xfrm {
  const policies = halves.flatMap(policiesOf);
  const states = halves.flatMap(statesOf);
  return {
    policy: (direction, src, dst) =>
      policies.find(
        (one) => one.direction === direction && prefixContains(one.src, src) && prefixContains(one.dst, dst),
      ),
    state: (src, dst) => states.find((one) => one.src === src && one.dst === dst),
    policies: () => policies,
    states: () => states,
  };
}

function policiesOf({ tunnel, self, peer }: Half): readonly XfrmPolicy[] {
  const policy = (direction: XfrmDirection, from: TunnelSide, to: TunnelSide): readonly XfrmPolicy[] =>
    from.prefixes.flatMap(({ prefix: src, source: origin }) =>
      to.prefixes
        .filter(({ prefix }) => familyOf(prefix.ip) === familyOf(src.ip))
        .map(({ prefix: dst }) => ({
          direction,
          src,
          dst,
          template: { src: from.endpoint, dst: to.endpoint, reqid: tunnel.index + 1 },
          origin,
        })),
    );
  return [...policy("out", self, peer), ...policy("in", peer, self), ...policy("fwd", peer, self)];
}

function statesOf({ tunnel, self, peer }: Half): readonly XfrmState[] {
  const state = (from: TunnelSide, to: TunnelSide): XfrmState => ({
    src: from.endpoint,
    dst: to.endpoint,
    spi: (hash32(`spi ${formatIp(from.endpoint)} ${formatIp(to.endpoint)}`) & 0x0fffffff) + 0xc0000000,
    reqid: tunnel.index + 1,
    cipher: CIPHER,
    origin: tunnel.source,
  });
  return [state(self, peer), state(peer, self)];
}

/** The policies of several programs on one machine. */
export function bothXfrm(a: Xfrm | undefined, b: Xfrm | undefined): Xfrm | undefined {
  if (!a || !b) return a ?? b;
  return {
    policy: (...of) => a.policy(...of) ?? b.policy(...of),
    state: (...of) => a.state(...of) ?? b.state(...of),
    policies: () => [...a.policies(), ...b.policies()],
    states: () => [...a.states(), ...b.states()],
  };
}
