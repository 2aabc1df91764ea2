/** Devices as lines for `ip -batch` in their network namespace. */
import { bits, formatIp, type InterfaceAddress, isLinkLocal, isLoopback, network } from "../addressing/ip.ts";
import type { Device, Netns, NetnsId, Network } from "../dataplane/model.ts";

export interface Place {
  readonly network: Network;
  /** Names of network namespaces in the kernel, by id in the topology. */
  readonly names: ReadonlyMap<NetnsId, string>;
  /** Bridges in the wire namespace, by segment. */
  readonly segments: ReadonlyMap<string, string>;
}

/**
 * How a device is created. `wire`: as one end of a veth pair to the wire namespace. `there`: exists in every network
 * namespace. `link`, `pair`: with `line`; a pair includes its peer. `upper`: with `line`, after the lower devices have their
 * addresses.
 */
export type Making =
  | { readonly by: "there" }
  | { readonly by: "wire"; readonly segment: string }
  | { readonly by: "link"; readonly line: string }
  | { readonly by: "pair"; readonly line: string; readonly peer: { readonly netns: NetnsId; readonly device: string } }
  | { readonly by: "upper"; readonly line: string }
  /** Already present: the module creates it in every network namespace, unless net.core.fb_tunnels_only_for_init_net is set. */
  | { readonly by: "fallback"; readonly type: string }
  /** On `parent` in its network namespace `netns`; `type` has the arguments after the names. */
  | { readonly by: "parent"; readonly parent: string; readonly netns: NetnsId; readonly type: string }
  /** Not created: its peer is not part of the lab, or labs do not support the device kind. */
  | { readonly by: "none" };

export function makingOf(place: Place, owner: NetnsId, device: Device): Making {
  switch (device.kind) {
    case "loopback":
      return { by: "there" };
    case "physical":
      return { by: "wire", segment: device.segment };
    case "bridge":
      return { by: "link", line: `link add name ${device.name} type bridge mcast_snooping 0` };
    case "dummy":
      return { by: "link", line: `link add name ${device.name} type dummy` };
    case "veth": {
      const netns = place.names.get(device.peer.netns);
      const other = place.network.netns(device.peer.netns)?.devices.get(device.peer.device);
      if (netns === undefined || !other) return { by: "none" };
      const line = `link add name ${device.name} type veth peer name ${other.name} netns ${netns}`;
      return { by: "pair", line, peer: device.peer };
    }
    case "macvlan":
    case "ipvlan": {
      const { parent, kind, mode } = device;
      if (!place.names.has(owner) || !place.names.has(parent.netns)) return { by: "none" };
      return { by: "parent", parent: parent.device, netns: parent.netns, type: `type ${kind} mode ${mode}` };
    }
    case "vxlan": {
      const lower = device.lower === undefined ? "" : ` dev ${device.lower}`;
      const learning = device.learning ? "learning" : "nolearning";
      const line = `link add name ${device.name} type vxlan id ${device.vni}${lower} local ${formatIp(device.local)} dstport ${device.port} ${learning}`;
      return { by: "upper", line };
    }
    case "ipip": {
      // ipip_init_net: the fallback tunnel without endpoints, which Calico uses. It cannot be added a second time.
      if (device.name === "tunl0") return { by: "fallback", type: "ipip" };
      const endpoints = `${device.local === undefined ? "" : ` local ${formatIp(device.local)}`}${device.remote === undefined ? "" : ` remote ${formatIp(device.remote)}`}`;
      const lower = device.lower === undefined ? "" : ` dev ${device.lower}`;
      // flanneld creates its tunnel with PMtuDisc 0, so only the DF bit of the inner packet is copied (backend/ipip/ipip.go).
      return { by: "upper", line: `link add name ${device.name} type ipip${endpoints}${lower} nopmtudisc` };
    }
    case "wireguard":
      return { by: "upper", line: `link add name ${device.name} type wireguard` };
    case "tun":
      return { by: "upper", line: `tuntap add dev ${device.name} mode tun` };
  }
}

export interface Surroundings {
  /** Whether the device was created. */
  has(device: string): boolean;
  /** Whether the network namespace has the connected route that the kernel adds for an address by default. */
  connected(device: string, address: InterfaceAddress): boolean;
}

/** Kinds without a MAC address, or with the MAC address of the parent device. */
const KEEPS_MAC: ReadonlySet<Device["kind"]> = new Set(["loopback", "ipip", "tun", "wireguard", "ipvlan"]);

/** Configuration after creation: MAC address, bridge port, MTU, addresses. */
export function configureLines(device: Device, around: Surroundings): readonly string[] {
  const { name } = device;
  const lines: string[] = [];
  if (device.mac !== undefined && !KEEPS_MAC.has(device.kind)) lines.push(`link set dev ${name} address ${device.mac}`);
  if (device.master !== undefined && around.has(device.master)) {
    lines.push(`link set dev ${name} master ${device.master}`);
    if (device.hairpin) lines.push(`link set dev ${name} type bridge_slave hairpin on`);
  }
  lines.push(device.kind === "loopback" ? "link set lo up" : `link set dev ${name} mtu ${device.mtu} up`);
  for (const address of device.addresses) {
    const { ip, len } = address;
    // The kernel generates link-local addresses from the MAC address.
    if (typeof ip === "bigint" && isLinkLocal(ip)) continue;
    if (device.kind === "loopback" && isLoopback(ip)) continue;
    const words = ["addr add", `${formatIp(ip)}/${len}`, "dev", name];
    if (typeof ip === "bigint") words.push("nodad");
    if (!around.connected(name, address)) words.push("noprefixroute");
    lines.push(words.join(" "));
  }
  return lines;
}

/** The connected routes in the main table of a network namespace. */
export function connectedIn(netns: Netns): Surroundings["connected"] {
  const found = new Set<string>();
  for (const layer of netns.tables.get("main")?.layers ?? []) {
    for (const [{ ip, len }, route] of layer.table.entries()) {
      if (route.proto !== "kernel" || layer.except?.(route)) continue;
      for (const { dev } of route.nexthops) found.add(`${dev} ${ip}/${len}`);
    }
  }
  return (device, { ip, len }) =>
    // The kernel adds no connected route for a single IPv4 address.
    (typeof ip === "number" && len === bits(ip)) || found.has(`${device} ${network(ip, len)}/${len}`);
}
