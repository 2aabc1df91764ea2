/**
 * tunl0, vxlan.calico, and vxlan-v6.calico, each with an address from the node's blocks, and the neighbor and FDB
 * entries that Felix writes for the tunnel endpoints of other nodes (felix/dataplane/linux/vxlan_mgr.go, ipip_mgr.go).
 */
import { bits, type Ip } from "../../addressing/ip.ts";
import type { Device, FdbEntry, Mac, Neighbour, Socket } from "../../dataplane/model.ts";
import type { Origin } from "../../declared/origin.ts";
import { macOf } from "../hash.ts";
import { withLinkLocal } from "../host.ts";
import type { NeighbourLayer } from "../mode.ts";
import { type CalicoCluster, familyPart, type Member } from "./cluster.ts";
import { mtusOf } from "./mtu.ts";
import { isUsable } from "./settings.ts";

export const TUNL0 = "tunl0";
export const VXLAN_DEVICE: Readonly<Record<4 | 6, string>> = { 4: "vxlan.calico", 6: "vxlan-v6.calico" };

/** A node's VXLAN tunnel endpoint. */
interface Vtep {
  readonly member: Member;
  readonly ip: Ip;
  readonly mac: Mac;
  /** The node's address. */
  readonly dst: Ip;
}

export interface Tunnels {
  devices(member: Member): readonly Device[];
  neighbours(member: Member): NeighbourLayer | undefined;
  sockets(member: Member): readonly Socket[];
}

export function usesVxlan({ settings }: CalicoCluster, family: 4 | 6): boolean {
  return settings.pools.some(
    (pool) => isUsable(pool) && pool.vxlan !== "never" && (typeof pool.cidr.ip === "number") === (family === 4),
  );
}

export function usesIpip({ settings }: CalicoCluster): boolean {
  return settings.pools.some((pool) => isUsable(pool) && pool.ipip !== "never" && typeof pool.cidr.ip === "number");
}

export function tunnelsOf(calico: CalicoCluster): Tunnels {
  const vteps = vtepTables(calico);
  const families = ([4, 6] as const).filter((family) => usesVxlan(calico, family));
  const ipip = usesIpip(calico);
  return {
    devices: (member) => [
      ...(ipip ? [ipipDevice(calico, member)] : []),
      ...families.flatMap((family) => vxlanDevice(calico, member, family, vteps) ?? []),
    ],
    neighbours: (member) => (families.length === 0 ? undefined : neighboursOf(member, families, vteps)),
    sockets: () =>
      families.length === 0
        ? []
        : [
            {
              proto: "udp",
              port: calico.settings.vxlanPort,
              process: `${families.map((family) => VXLAN_DEVICE[family]).join(", ")} (kernel)`,
              origin: originOf(calico, "vxlan"),
            },
          ],
  };
}

function originOf({ settings }: CalicoCluster, kind: "ipip" | "vxlan"): Origin {
  const pool = settings.pools.find((one) => one[kind] !== "never");
  return pool?.sources.get(kind) ?? pool?.source ?? settings.source;
}

function ipipDevice(calico: CalicoCluster, { node }: Member): Device {
  const ip = calico.tunnelAddress(node, "ipip", 4);
  return {
    kind: "ipip",
    name: TUNL0,
    mtu: mtusOf(calico, node).ipip,
    mac: undefined,
    addresses: ip === undefined ? [] : [{ ip, len: 32 }],
    // The fallback tunnel of net/ipv4/ipip.c: no local or remote address.
    local: undefined,
    remote: undefined,
    lower: undefined,
    origin: originOf(calico, "ipip"),
  };
}

function vxlanDevice(calico: CalicoCluster, member: Member, family: 4 | 6, vteps: VtepTables): Device | undefined {
  const part = familyPart(member, family);
  if (!part) return undefined;
  const ip = calico.tunnelAddress(member.node, "vxlan", family);
  const mac = vtepMac(member, family);
  const mtus = mtusOf(calico, member.node);
  return {
    kind: "vxlan",
    name: VXLAN_DEVICE[family],
    mtu: family === 4 ? mtus.vxlan : mtus.vxlan6,
    mac,
    addresses: ip === undefined ? [] : withLinkLocal([{ ip, len: bits(ip) }], mac),
    vni: calico.settings.vxlanVni,
    port: calico.settings.vxlanPort,
    local: part.address,
    lower: part.iface.device,
    learning: false,
    fdb: {
      lookup: (wanted) => {
        const found = vteps(family).byMac.get(wanted);
        return found && found.member !== member ? fdbEntry(found, family) : undefined;
      },
      entries: function* () {
        for (const vtep of vteps(family).byMac.values()) if (vtep.member !== member) yield fdbEntry(vtep, family);
      },
    },
    origin: originOf(calico, "vxlan"),
  };
}

function neighboursOf(member: Member, families: readonly (4 | 6)[], vteps: VtepTables): NeighbourLayer {
  return {
    lookup: (device, ip) => {
      const family = typeof ip === "number" ? 4 : 6;
      const found = device === VXLAN_DEVICE[family] ? vteps(family).byAddress.get(ip) : undefined;
      return found && found.member !== member ? neighbour(found, family) : undefined;
    },
    entries: function* () {
      for (const family of families) {
        for (const vtep of vteps(family).byMac.values()) if (vtep.member !== member) yield neighbour(vtep, family);
      }
    },
  };
}

interface VtepTable {
  readonly byMac: ReadonlyMap<Mac, Vtep>;
  readonly byAddress: ReadonlyMap<Ip, Vtep>;
}

/** One table for all nodes, created on first request. */
type VtepTables = (family: 4 | 6) => VtepTable;

function vtepTables(calico: CalicoCluster): VtepTables {
  const tables = new Map<4 | 6, VtepTable>();
  return (family) => {
    let table = tables.get(family);
    if (!table) {
      const byMac = new Map<Mac, Vtep>();
      const byAddress = new Map<Ip, Vtep>();
      for (const member of calico.members) {
        const part = familyPart(member, family);
        const ip = calico.tunnelAddress(member.node, "vxlan", family);
        if (!part || ip === undefined) continue;
        const vtep: Vtep = { member, ip, mac: vtepMac(member, family), dst: part.address };
        byMac.set(vtep.mac, vtep);
        byAddress.set(ip, vtep);
      }
      table = { byMac, byAddress };
      tables.set(family, table);
    }
    return table;
  };
}

function vtepMac({ node }: Member, family: 4 | 6): Mac {
  return macOf(`${node.path} ${VXLAN_DEVICE[family]}`, "66");
}

function fdbEntry({ member, mac, dst }: Vtep, family: 4 | 6): FdbEntry {
  return { mac, dst, device: VXLAN_DEVICE[family], origin: member.node.source };
}

function neighbour({ member, ip, mac }: Vtep, family: 4 | 6): Neighbour {
  return { ip, mac, device: VXLAN_DEVICE[family], origin: member.node.source };
}
