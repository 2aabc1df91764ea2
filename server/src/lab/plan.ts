/**
 * The kernel configuration for a data plane: network namespaces, devices, routes, and rules as lines for `ip -batch`,
 * `bridge -batch`, and `iptables-restore`. Derived from the same structures that the simulator uses. Segments are bridges in
 * a dedicated network namespace, the wire.
 */
import { formatIp, type Ip } from "../addressing/ip.ts";
import type { Device, Netns, NetnsId, Network } from "../dataplane/model.ts";
import { ruleText } from "../dataplane/text.ts";
import { configureLines, connectedIn, type Making, makingOf, type Place } from "./devices.ts";
import { type WireguardPlan, wireguardPlan, xfrmLines } from "./encryption.ts";
import { fabricLines } from "./fabric.ts";
import { IPSEC, incomplete, type Lacks, lacksDevice, lacksRules, type Trial, trialsOf } from "./features.ts";
import { type Listener, listenersOf } from "./listeners.ts";
import { netfilterTexts, type RulesText } from "./netfilter.ts";
import { forwardingLines, neighbourLines, routeLines, ruleLines } from "./routes.ts";
import { deviceSettings, hostSettings, type Setting } from "./settings.ts";

export interface LabPlan {
  /** Prefix that makes names unique on a machine. */
  readonly lab: string;
  /** `rules`: what the segments themselves drop. */
  readonly wire: {
    readonly name: string;
    readonly links: readonly string[];
    readonly settings: readonly Setting[];
    readonly rules: readonly RulesText[];
  };
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

/** What a lab contains besides its network namespaces. */
export interface LabNeeds {
  /** Features missing in the kernel, which are omitted. */
  readonly lacks: Lacks;
  /** Destinations of packets, which need not be addresses of a device. */
  readonly targets: readonly Ip[];
}

export const NO_NEEDS: LabNeeds = { lacks: new Set(), targets: [] };

/** `ids`: the network namespaces to build; links to other namespaces are omitted. */
export function planLab(
  network: Network,
  ids: readonly NetnsId[],
  lab: string,
  { lacks, targets }: LabNeeds = NO_NEEDS,
): LabPlan {
  const spaces = ids.flatMap((id) => network.netns(id) ?? []);
  const segments = segmentBridges(spaces);
  const filters = filterTexts(network, segments);
  const wiring: Wiring = {
    place: { network, names: kernelNames(lab, ids), segments },
    wire: [...segments].flatMap(([segment, bridge]) => [
      `link add ${bridge} type bridge mcast_snooping 0`,
      `link set ${bridge} mtu ${mtuOf(network, segment)} up`,
    ]),
    ports: 0,
    isFiltered: filters.length > 0,
    paired: new Set(),
    stacked: [],
  };
  const fabric = fabricLines(network, spaces, targets);
  const plans = spaces.map((space) => namespacePlan(wiring, space, lacks, fabric.get(space.id) ?? []));
  const namespaces = plans.map((plan) => ({
    ...plan,
    links: [...plan.links, ...wiring.stacked.filter(({ netns }) => netns === plan.id).map(({ line }) => line)],
  }));
  const wire = {
    name: `${lab}.wire`,
    links: wiring.wire,
    settings: wireSettings(filters),
    rules: filters.filter((text) => !lacksRules(lacks, text)),
  };
  return { lab, wire, namespaces, trials: trialsOf(spaces, filters) };
}

/** br_netfilter passes the frames of a bridge to iptables, with the bridge as their device. */
function wireSettings(filters: readonly RulesText[]): readonly Setting[] {
  const value = Number(filters.length > 0);
  return [
    { path: "bridge/bridge-nf-call-iptables", value },
    { path: "bridge/bridge-nf-call-ip6tables", value },
    { path: "ipv6/conf/default/disable_ipv6", value: 1 },
  ];
}

function filterTexts(network: Network, segments: ReadonlyMap<string, string>): readonly RulesText[] {
  return ([4, 6] as const).flatMap((family): readonly RulesText[] => {
    const rules = [...segments].flatMap(([segment, bridge]) =>
      (network.segment(segment)?.filters?.[family] ?? []).map(
        (rule) => `-A FORWARD -i ${bridge} ${ruleText(rule, family)}`,
      ),
    );
    if (rules.length === 0) return [];
    const text = ["*filter", ":FORWARD ACCEPT [0:0]", ...rules, "COMMIT"].join("\n");
    return [{ program: family === 4 ? "iptables" : "ip6tables", text }];
  });
}

/** Links between network namespaces, added while the namespaces are planned. */
interface Wiring {
  readonly place: Place;
  /** `ip -batch` in the wire namespace. */
  readonly wire: string[];
  /** Whether the wire passes frames to iptables. */
  readonly isFiltered: boolean;
  /** Number of ports of the wire's bridges. */
  ports: number;
  /** Veth peers that are created together with the first device. */
  readonly paired: Set<string>;
  /** Lines for the network namespaces of the parent devices. */
  readonly stacked: { readonly netns: NetnsId; readonly line: string }[];
}

/** `fabric`: neighbor entries for addresses that the wire does not resolve. */
function namespacePlan(wiring: Wiring, space: Netns, lacks: Lacks, fabric: readonly string[]): NamespacePlan {
  const devices = [...space.devices.values()].filter((device) => !lacksDevice(lacks, device));
  const { made, links, lines, fallbacks } = createDevices(wiring, space, devices);
  const isMade = (device: string): boolean => made.has(device);
  return {
    id: space.id,
    name: nameIn(wiring, space),
    settings: hostSettings(space),
    links,
    fallbacks,
    devices: lines,
    deviceSettings: deviceSettings(space, [...made]),
    routes: [
      ...routeLines(space, isMade),
      ...ruleLines(space, 4),
      ...neighbourLines(space, isMade),
      ...fabric,
      ...(lacks.has(IPSEC) ? [] : xfrmLines(wiring.place.network, space)),
    ],
    rules6: ruleLines(space, 6),
    forwarding: forwardingLines(devices),
    rules: netfilterTexts(space).filter((text) => !lacksRules(lacks, text)),
    listeners: listenersOf(space, incomplete(space, lacks).addresses),
    tuns: devices.flatMap((device) => (device.kind === "tun" ? [tunOf(device)] : [])),
    wireguard: devices.flatMap((device) => (device.kind === "wireguard" ? [wireguardPlan(device)] : [])),
    espPorts: [...new Set([...(space.xfrm?.states() ?? [])].flatMap(({ udpPort }) => udpPort ?? []))],
    ipsec: space.xfrm !== undefined,
  };
}

function nameIn({ place }: Wiring, space: Netns): string {
  return place.names.get(space.id) ?? "";
}

interface Creation {
  /** Names of the devices that exist in the lab. */
  readonly made: Set<string>;
  readonly links: string[];
  readonly lines: string[];
  readonly fallbacks: { readonly device: string; readonly type: string }[];
}

function createDevices(wiring: Wiring, space: Netns, devices: readonly Device[]): Creation {
  const creation: Creation = { made: new Set(), links: [], lines: [], fallbacks: [] };
  const around = { has: (device: string) => creation.made.has(device), connected: connectedIn(space) };
  for (const device of inOrder(devices)) {
    const making = makingOf(wiring.place, space.id, device);
    if (making.by === "none") continue;
    creation.made.add(device.name);
    create(wiring, space, device.name, making, creation);
    creation.lines.push(...configureLines(device, around));
  }
  return creation;
}

function create(
  wiring: Wiring,
  space: Netns,
  device: string,
  making: Making,
  { links, lines, fallbacks }: Creation,
): void {
  switch (making.by) {
    case "none":
    case "there":
      return;
    case "wire":
      plugIn(wiring, space, device, making.segment);
      return;
    case "link":
      links.push(making.line);
      return;
    case "pair":
      if (wiring.paired.has(`${space.id} ${device}`)) return;
      wiring.paired.add(`${making.peer.netns} ${making.peer.device}`);
      links.push(making.line);
      return;
    case "upper":
      lines.push(making.line);
      return;
    case "fallback":
      fallbacks.push({ device, type: making.type });
      return;
    case "parent": {
      // Older kernels look the name up in the network namespace of the parent (rtnl_newlink), so the device is renamed afterward.
      const temporary = `knet-new${wiring.stacked.length}`;
      const line = `link add link ${making.parent} name ${temporary} netns ${nameIn(wiring, space)} ${making.type}`;
      wiring.stacked.push({ netns: making.netns, line });
      lines.push(`link set dev ${temporary} name ${device}`);
    }
  }
}

/** Adds a port to the segment's bridge. */
function plugIn(wiring: Wiring, space: Netns, device: string, segment: string): void {
  const { network, segments } = wiring.place;
  const excess = wiring.isFiltered ? 0 : VLAN_TAG;
  wiring.ports += 1;
  wiring.wire.push(
    `link add p${wiring.ports} type veth peer name ${device} netns ${nameIn(wiring, space)}`,
    // A veth device accepts frames that exceed the MTU by a VLAN tag (is_skb_forwardable); br_netfilter does not (br_nf_dev_queue_xmit).
    `link set p${wiring.ports} mtu ${mtuOf(network, segment) - excess} master ${segments.get(segment)} up`,
  );
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
