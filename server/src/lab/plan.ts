/**
 * The kernel configuration for a data plane: network namespaces, devices, routes, and rules as lines for `ip -batch`,
 * `bridge -batch`, and `iptables-restore`. Derived from the same structures that the simulator uses. Segments are bridges in
 * a dedicated network namespace, the wire.
 */
import { formatIp, type Ip } from "../addressing/ip.ts";
import type { Device, Netns, NetnsId, Network } from "../dataplane/model.ts";
import { configureLines, connectedIn, makingOf, type Place } from "./devices.ts";
import { type WireguardPlan, wireguardPlan, xfrmLines } from "./encryption.ts";
import { fabricLines } from "./fabric.ts";
import { IPSEC, type Lacks, lacksDevice, lacksRules, type Trial, trialsOf } from "./features.ts";
import { type Listener, listenersOf } from "./listeners.ts";
import { netfilterTexts, type RulesText } from "./netfilter.ts";
import { forwardingLines, neighbourLines, routeLines, ruleLines } from "./routes.ts";
import { deviceSettings, hostSettings, type Setting } from "./settings.ts";

export interface LabPlan {
  /** Prefix that makes names unique on a machine. */
  readonly lab: string;
  readonly wire: { readonly name: string; readonly links: readonly string[] };
  readonly namespaces: readonly NamespacePlan[];
  readonly trials: readonly Trial[];
}

export interface NamespacePlan {
  readonly id: NetnsId;
  /** Name of the network namespace in the kernel. */
  readonly name: string;
  /** Applied before devices are created, because devices inherit the defaults. */
  readonly settings: readonly Setting[];
  /** `ip -batch`: bridges and veth pairs; a peer can be in another network namespace. */
  readonly links: readonly string[];
  /** Fallback devices of tunnel modules: created only if the kernel has not created them. */
  readonly fallbacks: readonly { readonly device: string; readonly type: string }[];
  /** `ip -batch`: addresses, MTUs, and upper devices. */
  readonly devices: readonly string[];
  readonly deviceSettings: readonly Setting[];
  /** `ip -batch`: routes, policy rules, neighbor entries. */
  readonly routes: readonly string[];
  /** `ip -6 -batch`: the address family of a policy rule is not always part of its arguments. */
  readonly rules6: readonly string[];
  /** `bridge -batch`. */
  readonly forwarding: readonly string[];
  readonly rules: readonly RulesText[];
  readonly listeners: readonly Listener[];
  readonly tuns: readonly Tun[];
  readonly wireguard: readonly WireguardPlan[];
  /** UDP ports that receive ESP (RFC 3948). */
  readonly espPorts: readonly number[];
  /** Whether packets without a security association wait for a key exchange, as with an IKE daemon. */
  readonly ipsec: boolean;
}

/** A TUN device and the configuration of its daemon. */
export interface Tun {
  readonly device: string;
  readonly address: string;
  readonly local: string;
  readonly port: number;
  readonly decrementsTtl: boolean;
  /** Destination and peer. */
  readonly peers: readonly (readonly [string, string])[];
}

const VLAN_TAG = 4;

/** `ids`: the network namespaces to build; links to other namespaces are omitted. `lacks`: features missing in the kernel, which are also omitted. `targets`: see `fabricLines`. */
export function planLab(
  network: Network,
  ids: readonly NetnsId[],
  lab: string,
  lacks: Lacks,
  targets: readonly Ip[] = [],
): LabPlan {
  const names = kernelNames(lab, ids);
  const wire = `${lab}.wire`;
  const spaces = ids.flatMap((id) => network.netns(id) ?? []);
  const segments = segmentBridges(spaces);
  const place: Place = { network, names, segments };
  const wireLines = [...segments].flatMap(([segment, bridge]) => [
    `link add ${bridge} type bridge mcast_snooping 0`,
    `link set ${bridge} mtu ${mtuOf(network, segment)} up`,
  ]);
  /** Veth peers that are created together with the first device. */
  const paired = new Set<string>();
  const stacked: { readonly netns: NetnsId; readonly line: string }[] = [];
  const fabric = fabricLines(network, spaces, targets);
  let port = 0;
  const build = (space: Netns): NamespacePlan => {
    const name = names.get(space.id) ?? "";
    const links: string[] = [];
    const lines: string[] = [];
    const fallbacks: { readonly device: string; readonly type: string }[] = [];
    const made = new Set<string>();
    const devices = [...space.devices.values()].filter((device) => !lacksDevice(lacks, device));
    const isMade = (device: string): boolean => made.has(device);
    const around = { has: isMade, connected: connectedIn(space) };
    for (const device of inOrder(devices)) {
      const making = makingOf(place, space.id, device);
      if (making.by === "none") continue;
      made.add(device.name);
      if (making.by === "wire") {
        port += 1;
        wireLines.push(
          `link add p${port} type veth peer name ${device.name} netns ${name}`,
          // A veth device accepts frames that exceed the MTU by a VLAN tag (is_skb_forwardable).
          `link set p${port} mtu ${mtuOf(network, making.segment) - VLAN_TAG} master ${segments.get(making.segment)} up`,
        );
      }
      if (making.by === "link") links.push(making.line);
      if (making.by === "pair" && !paired.has(`${space.id} ${device.name}`)) {
        paired.add(`${making.peer.netns} ${making.peer.device}`);
        links.push(making.line);
      }
      if (making.by === "upper") lines.push(making.line);
      if (making.by === "fallback") fallbacks.push({ device: device.name, type: making.type });
      if (making.by === "parent") {
        // Older kernels look the name up in the network namespace of the parent (rtnl_newlink), so the device is renamed afterward.
        const temporary = `knet-new${stacked.length}`;
        const line = `link add link ${making.parent} name ${temporary} netns ${name} ${making.type}`;
        stacked.push({ netns: making.netns, line });
        lines.push(`link set dev ${temporary} name ${device.name}`);
      }
      lines.push(...configureLines(device, around));
    }
    return {
      id: space.id,
      name,
      settings: hostSettings(space),
      links,
      fallbacks,
      devices: lines,
      deviceSettings: deviceSettings(space, [...made]),
      routes: [
        ...routeLines(space, isMade),
        ...ruleLines(space, 4),
        ...neighbourLines(space, isMade),
        ...(fabric.get(space.id) ?? []),
        ...(lacks.has(IPSEC) ? [] : xfrmLines(network, space)),
      ],
      rules6: ruleLines(space, 6),
      forwarding: forwardingLines(devices),
      rules: netfilterTexts(space).filter((text) => !lacksRules(lacks, text)),
      listeners: listenersOf(space),
      tuns: devices.flatMap((device) => (device.kind === "tun" ? [tunOf(device)] : [])),
      wireguard: devices.flatMap((device) => (device.kind === "wireguard" ? [wireguardPlan(device)] : [])),
      espPorts: [...new Set([...(space.xfrm?.states() ?? [])].flatMap(({ udpPort }) => udpPort ?? []))],
      ipsec: space.xfrm !== undefined,
    };
  };
  const namespaces = spaces.map(build).map((plan) => ({
    ...plan,
    links: [...plan.links, ...stacked.filter(({ netns }) => netns === plan.id).map(({ line }) => line)],
  }));
  return { lab, wire: { name: wire, links: wireLines }, namespaces, trials: trialsOf(spaces) };
}

/** In list order (the creation order of the programs), but bridges before their ports. */
function inOrder(devices: readonly Device[]): readonly Device[] {
  return [...devices].sort((a, b) => Number(a.master !== undefined) - Number(b.master !== undefined));
}

function mtuOf(network: Network, segment: string): number {
  return network.segment(segment)?.mtu ?? 1500;
}

/** "lab.prod.shop.web": names of network namespaces are file names. */
function kernelNames(lab: string, ids: readonly NetnsId[]): ReadonlyMap<NetnsId, string> {
  const names = new Map<NetnsId, string>();
  const taken = new Set([`${lab}.wire`]);
  for (const id of ids) {
    const plain = `${lab}.${id.replaceAll("/", ".")}`.slice(0, 200);
    let name = plain;
    for (let i = 2; taken.has(name); i += 1) name = `${plain}~${i}`;
    taken.add(name);
    names.set(id, name);
  }
  return names;
}

function segmentBridges(spaces: readonly Netns[]): ReadonlyMap<string, string> {
  const segments = new Map<string, string>();
  for (const space of spaces) {
    for (const device of space.devices.values()) {
      if (device.kind === "physical" && !segments.has(device.segment))
        segments.set(device.segment, `seg${segments.size}`);
    }
  }
  return segments;
}

function tunOf(device: Device & { kind: "tun" }): Tun {
  const { daemon } = device;
  return {
    device: device.name,
    address: formatIp(device.addresses[0]?.ip ?? 0),
    local: formatIp(daemon.local),
    port: daemon.port,
    decrementsTtl: daemon.decrementsTtl,
    peers: [...daemon.entries()].map(({ dst, peer }) => [`${formatIp(dst.ip)}/${dst.len}`, formatIp(peer)]),
  };
}
