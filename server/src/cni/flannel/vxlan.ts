/**
 * pkg/backend/vxlan: a VXLAN device whose neighbor and FDB entries are written by flanneld: one route, one neighbor
 * entry, and one FDB entry per peer; with DirectRouting, a plain route to a peer on the same link.
 */

import { formatIp, formatPrefix, type Ip } from "../../addressing/ip.ts";
import { mapPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Device, Fdb, FdbEntry, Mac, Neighbour, Route, RouteLayer } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import { macOf } from "../hash.ts";
import { withLinkLocal, withMetric } from "../host.ts";
import type { NeighbourLayer } from "../mode.ts";
import {
  type Backend,
  type BackendParts,
  type FlannelCluster,
  familyPart,
  isOwnLease,
  NO_BACKEND_PARTS,
  type Participant,
  type ParticipantFamily,
  type Peers,
} from "./cluster.ts";
import { directRoutes, isDirect } from "./direct.ts";
import type { BackendSettings } from "./settings.ts";

type Vxlan = Extract<BackendSettings, { type: "vxlan" }>;
type Family = 4 | 6;

/** IPv4 20 + UDP 8 + VXLAN 8 + inner Ethernet 14; flannel also uses this value for IPv6 underlays, which need 70. */
const OVERHEAD = 50;
/** Overhead that the kernel subtracts from the lower device's MTU (drivers/net/vxlan, vxlan_headroom). */
const KERNEL_OVERHEAD = { 4: 50, 6: 70 } as const;

export function vxlanDeviceName(vni: number, family: Family): string {
  return family === 4 ? `flannel.${vni}` : `flannel-v6.${vni}`;
}

function vtepMac(node: { readonly path: string }, family: Family): Mac {
  return macOf(`${node.path} vtep${family}`, "0e");
}

/** The kernel silently limits a device's MTU to what its lower device can carry. */
export function vxlanMtu(
  settings: Vxlan,
  interfaceMtu: number,
  family: Family,
): { readonly asked: number; readonly given: number } {
  const asked = (settings.mtu ?? interfaceMtu) - OVERHEAD;
  return { asked, given: Math.min(asked, interfaceMtu - KERNEL_OVERHEAD[family]) };
}

export const vxlan: Backend = {
  podMtu: (backend, interfaceMtu) => ((backend.type === "vxlan" ? backend.mtu : undefined) ?? interfaceMtu) - OVERHEAD,
  compile: (cluster) => {
    const direct = directRoutes(cluster, {
      type: "vxlan",
      device: () => undefined,
      named: () => undefined,
      onlinkFlag: false,
    });
    const tunnelTables = new Map<string, PrefixTable<Route>>();
    const vteps: VtepsOf = { 4: vtepsOf(cluster, 4), 6: vtepsOf(cluster, 6) };

    const tunnelTable = (vni: number, family: Family): PrefixTable<Route> => {
      const key = vxlanDeviceName(vni, family);
      let table = tunnelTables.get(key);
      if (!table) {
        table = tunnelRoutes(cluster.peers("vxlan"), key, family);
        tunnelTables.set(key, table);
      }
      return table;
    };
    return (self) => {
      const backend = self.settings.backend;
      if (backend.type !== "vxlan") return NO_BACKEND_PARTS;
      const near = backend.directRouting ? direct(self) : undefined;
      const tunnel: Tunnel = {
        peers: () => cluster.peers("vxlan"),
        self,
        backend,
        carries: (peer, family) => peer !== self && !isDirect(near, peer, family),
        vteps,
      };
      const layers: RouteLayer[] = [];
      const devices: Device[] = [];
      for (const family of [4, 6] as const) {
        const part = familyPart(self, family);
        if (!part) continue;
        devices.push(device(tunnel, part, family));
        layers.push({
          table: tunnelTable(backend.vni, family),
          except: (route) =>
            isOwnLease(self, route.dst) || (near !== undefined && near.table.get(route.dst).length > 0),
        });
      }
      if (near)
        layers.unshift({
          table: near.table,
          except: (route) => isOwnLease(self, route.dst) || !hasFamily(self, route),
        });
      return parts(tunnel, devices, layers);
    };
  },
};

function hasFamily(self: Participant, route: Route): boolean {
  return familyPart(self, typeof route.dst.ip === "number" ? 4 : 6) !== undefined;
}

/** A node's VXLAN devices and their common settings. */
interface Tunnel {
  readonly self: Participant;
  readonly backend: Vxlan;
  readonly vteps: VtepsOf;
  peers(): Peers;
  /** Whether packets to the peer use the tunnel, in contrast to a direct route. */
  carries(peer: Participant, family: Family): boolean;
}

function parts(tunnel: Tunnel, devices: readonly Device[], layers: readonly RouteLayer[]): BackendParts {
  const { self, backend } = tunnel;
  const peers = tunnel.peers();
  return {
    devices,
    routes: [],
    layers,
    replaces: (dst) => !isOwnLease(self, dst) && peers.leases.get(dst).length > 0,
    neighbours: neighbours(tunnel, peers),
    sockets: [
      {
        proto: "udp",
        port: backend.port,
        process: `${devices.map(({ name }) => name).join(", ")} (kernel)`,
        origin: backend.source,
      },
    ],
  };
}

/** If two peers have the same lease, the later one has the route. */
function tunnelRoutes(peers: Peers, device: string, family: Family): PrefixTable<Route> {
  return mapPrefixTable(peers.leases, family, ({ prefix: lease, values }): Route => {
    const peer = values.at(-1);
    return {
      dst: lease,
      type: "unicast",
      nexthops: [{ via: lease.ip, dev: device, onlink: true }],
      ...withMetric(family),
      // A function: there are thousands of routes, and few of their texts are shown.
      why: () => {
        const there = peer && familyPart(peer, family);
        const name = peer?.node.name ?? "";
        return there
          ? t`flanneld (vxlan): node ${name} has ${formatPrefix(lease)}; tunnel to ${formatIp(there.publicIp)}`
          : t`flanneld (vxlan): node ${name} has ${formatPrefix(lease)}`;
      },
      origin: peer?.node.source,
    };
  });
}

/** The MAC addresses of the peers' VXLAN devices in one family, and the peers by MAC address. */
interface Vteps {
  macOf(peer: Participant): Mac;
  withMac(mac: Mac): Participant | undefined;
}
type VtepsOf = Readonly<Record<Family, Vteps>>;

function vtepsOf(cluster: FlannelCluster, family: Family): Vteps {
  const known = new Map<Mac, Participant>();
  let isComplete = false;
  const macOfPeer = (peer: Participant): Mac => {
    const mac = vtepMac(peer.node, family);
    known.set(mac, peer);
    return mac;
  };
  return {
    macOf: macOfPeer,
    withMac: (mac) => {
      // Most callers have the MAC address from `macOf`; all peers are searched only if it is still unknown.
      if (!isComplete && !known.has(mac)) {
        for (const peer of cluster.peers("vxlan").list) macOfPeer(peer);
        isComplete = true;
      }
      return known.get(mac);
    },
  };
}

function device(tunnel: Tunnel, part: ParticipantFamily, family: Family): Device {
  const { self, backend, vteps } = tunnel;
  const name = vxlanDeviceName(backend.vni, family);
  const mac = vteps[family].macOf(self);
  const entry = (peer: Participant): FdbEntry | undefined => {
    const there = familyPart(peer, family);
    if (!there || !tunnel.carries(peer, family)) return undefined;
    return { mac: vteps[family].macOf(peer), dst: there.publicIp, device: name, origin: peer.node.source };
  };
  const fdb: Fdb = {
    lookup: (wanted) => {
      const peer = vteps[family].withMac(wanted);
      return peer && entry(peer);
    },
    entries: function* () {
      for (const peer of tunnel.peers().list) {
        const one = entry(peer);
        if (one) yield one;
      }
    },
  };
  return {
    kind: "vxlan",
    name,
    mtu: vxlanMtu(backend, self.iface.mtu, family).given,
    mac,
    // A host address, to avoid a broadcast route: the source of packets from the node itself to pods.
    addresses: withLinkLocal([{ ip: part.lease.ip, len: family === 4 ? 32 : 128 }], mac),
    vni: backend.vni,
    port: backend.port,
    // ExtAddr, not IfaceAddr (flannel-io/flannel#2247): if it is not an address of the host, the kernel sends nothing.
    local: part.publicIp,
    lower: self.iface.device,
    learning: backend.learning,
    fdb,
    origin: backend.source,
  };
}

function neighbours(tunnel: Tunnel, peers: Peers): NeighbourLayer {
  const { self, backend, vteps } = tunnel;
  const entry = (peer: Participant, family: Family): Neighbour | undefined => {
    const there = familyPart(peer, family);
    if (!there || !familyPart(self, family) || !tunnel.carries(peer, family)) return undefined;
    return {
      ip: there.lease.ip,
      mac: vteps[family].macOf(peer),
      device: vxlanDeviceName(backend.vni, family),
      origin: peer.node.source,
    };
  };
  return {
    lookup: (name: string, ip: Ip) => {
      const family = typeof ip === "number" ? 4 : 6;
      if (name !== vxlanDeviceName(backend.vni, family)) return undefined;
      const peer = peers.byLeaseAddress(ip);
      return peer && entry(peer, family);
    },
    entries: function* () {
      for (const family of [4, 6] as const) {
        for (const peer of peers.list) {
          const one = entry(peer, family);
          if (one) yield one;
        }
      }
    },
  };
}
