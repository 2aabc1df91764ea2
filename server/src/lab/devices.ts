/** Devices as lines for `ip -batch` inside their namespace. */
import { bits, formatIp, type InterfaceAddress, isLinkLocal, isLoopback, network } from "../addressing/ip.ts";
import type { Device, Netns, NetnsId, Network } from "../dataplane/model.ts";

export interface Place {
  readonly network: Network;
  /** Namespaces of the kernel by those of the topology. */
  readonly names: ReadonlyMap<NetnsId, string>;
  /** Bridges in the wire by segment. */
  readonly segments: ReadonlyMap<string, string>;
}

/**
 * How a device comes into being. `wire`: as one end of a pair from the wire. `there`: with its namespace. `link`, `pair`: by `line`, the
 * pair's other end with it. `upper`: by `line`, when the devices below have their addresses.
 */
export type Making =
  | { readonly by: "there" }
  | { readonly by: "wire"; readonly segment: string }
  | { readonly by: "link"; readonly line: string }
  | { readonly by: "pair"; readonly line: string; readonly peer: { readonly netns: NetnsId; readonly device: string } }
  | { readonly by: "upper"; readonly line: string }
  /** By `line` in the namespace of the device on which it is stacked. */
  | { readonly by: "parent"; readonly line: string; readonly netns: NetnsId }
  /** Its other end is not part of the lab, or labs do without such devices. */
  | { readonly by: "nobody" };

export function makingOf(place: Place, owner: NetnsId, device: Device): Making {
  switch (device.kind) {
    case "loopback":
      return { by: "there" };
    case "physical":
      return { by: "wire", segment: device.segment };
    case "bridge":
      return { by: "link", line: `link add ${device.name} type bridge mcast_snooping 0` };
    case "dummy":
      return { by: "link", line: `link add ${device.name} type dummy` };
    case "veth": {
      const netns = place.names.get(device.peer.netns);
      const other = place.network.netns(device.peer.netns)?.devices.get(device.peer.device);
      if (netns === undefined || !other) return { by: "nobody" };
      const line = `link add ${device.name} type veth peer name ${other.name} netns ${netns}`;
      return { by: "pair", line, peer: device.peer };
    }
    case "macvlan":
    case "ipvlan": {
      const { parent, kind, mode, name } = device;
      const here = place.names.get(owner);
      if (here === undefined || !place.names.has(parent.netns)) return { by: "nobody" };
      const line = `link add link ${parent.device} name ${name} netns ${here} type ${kind} mode ${mode}`;
      return { by: "parent", line, netns: parent.netns };
    }
    case "vxlan": {
      const lower = device.lower === undefined ? "" : ` dev ${device.lower}`;
      const learning = device.learning ? "learning" : "nolearning";
      const line = `link add ${device.name} type vxlan id ${device.vni}${lower} local ${formatIp(device.local)} dstport ${device.port} ${learning}`;
      return { by: "upper", line };
    }
    case "ipip": {
      const ends = `${device.local === undefined ? "" : ` local ${formatIp(device.local)}`}${device.remote === undefined ? "" : ` remote ${formatIp(device.remote)}`}`;
      const lower = device.lower === undefined ? "" : ` dev ${device.lower}`;
      // The outer DF bit is the inner one (`pmtudisc`, the default), for a tunnel without a far end as well.
      return { by: "upper", line: `link add ${device.name} type ipip${ends}${lower}` };
    }
    // Between its ends packets are encrypted, and a comparison could not look into them.
    case "wireguard":
      return { by: "nobody" };
    case "tun":
      return { by: "upper", line: `tuntap add ${device.name} mode tun` };
  }
}

export interface Surroundings {
  /** Was this device made? */
  has(device: string): boolean;
  /** Has the namespace the route to an address' own network, which the kernel makes unless told otherwise? */
  connected(device: string, address: InterfaceAddress): boolean;
}

/** Without an Ethernet address, or with that of the device below. */
const KEEPS_MAC: ReadonlySet<Device["kind"]> = new Set(["loopback", "ipip", "tun", "wireguard", "ipvlan"]);

/** Address, MTU, bridge port: what every device is given once it is there. */
export function configureLines(device: Device, around: Surroundings): readonly string[] {
  const { name } = device;
  const lines: string[] = [];
  if (device.mac !== undefined && !KEEPS_MAC.has(device.kind)) lines.push(`link set ${name} address ${device.mac}`);
  if (device.master !== undefined && around.has(device.master)) {
    lines.push(`link set ${name} master ${device.master}`);
    if (device.hairpin) lines.push(`link set ${name} type bridge_slave hairpin on`);
  }
  lines.push(device.kind === "loopback" ? "link set lo up" : `link set ${name} mtu ${device.mtu} up`);
  for (const address of device.addresses) {
    const { ip, len } = address;
    // The kernel makes link-local addresses itself, from the MAC address.
    if (typeof ip === "bigint" && isLinkLocal(ip)) continue;
    if (device.kind === "loopback" && isLoopback(ip)) continue;
    const words = ["addr add", `${formatIp(ip)}/${len}`, "dev", name];
    if (typeof ip === "bigint") words.push("nodad");
    if (!around.connected(name, address)) words.push("noprefixroute");
    lines.push(words.join(" "));
  }
  return lines;
}

/** The connected routes of a namespace, as its main table has them. */
export function connectedIn(netns: Netns): Surroundings["connected"] {
  const found = new Set<string>();
  for (const layer of netns.tables.get("main")?.layers ?? []) {
    for (const [{ ip, len }, route] of layer.table.entries()) {
      if (route.proto !== "kernel" || layer.except?.(route)) continue;
      for (const { dev } of route.nexthops) found.add(`${dev} ${ip}/${len}`);
    }
  }
  return (device, { ip, len }) =>
    // The kernel makes none for a single IPv4 address.
    (typeof ip === "number" && len === bits(ip)) || found.has(`${device} ${network(ip, len)}/${len}`);
}
