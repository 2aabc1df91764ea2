/**
 * A topology's data plane: every host's state is compiled when somebody asks for its namespace, and kept. Nothing here is
 * done for all nodes at once but one map of names.
 */
import { type Ip, isLinkLocal, isMulticast } from "../addressing/ip.ts";
import { buildPrefixTable } from "../addressing/prefix-table.ts";
import type {
  Device,
  Ipvs,
  L2Segment,
  LinkEnd,
  Neighbour,
  NeighbourTable,
  Netns,
  NetnsId,
  Network,
  Route,
  RouteLayer,
  Socket,
  Sysctls,
  Xfrm,
} from "../dataplane/model.ts";
import type {
  Cluster,
  Interface,
  Node,
  Pod,
  ProcessSpec,
  Router,
  Segment,
  Station,
  Topology,
  TopologyProblem,
} from "../topology/model.ts";
import { usesOfNodes } from "../topology/workload.ts";
import { aclChains } from "./acl.ts";
import { BGP_PORT } from "./bgp/acl.ts";
import { routerLayers } from "./bgp/routes.ts";
import { netfilterOf } from "./chains.ts";
import { clusterStates, pluginsOf } from "./clusters.ts";
import { anyAddressChains, loopbackOf, natChains } from "./edge.ts";
import { linkLocalOf } from "./hash.ts";
import { connectedRoutes, type HostState, hostState, interfaceMac, LOOPBACK, routeProblems } from "./host.ts";
import { IPV6_MIN_MTU, layersOver, withoutShortIpv6 } from "./minimum-mtu.ts";
import type { ChainRules, ChainSource, CompiledMode, FabricDomain, NodeParts } from "./mode.ts";
import { modeOf } from "./modes.ts";
import { type PortmapChains, portmapChains } from "./portmap.ts";
import { pluginOf } from "./settings.ts";

/** What other floors add to a node besides its mode: kube-proxy's rules, policies. Rules of `before` come first in each chain. */
export interface Contributor {
  before?(node: Node, cluster: Cluster, parts: NodeParts): readonly ChainRules[];
  after?(node: Node, cluster: Cluster, parts: NodeParts): readonly ChainRules[];
  /** Chains to which those rules jump, made when a packet comes to them. */
  chains?(node: Node, cluster: Cluster, parts: NodeParts): ChainSource;
  devices?(node: Node, cluster: Cluster): readonly Device[];
  ipvs?(node: Node, cluster: Cluster): Ipvs | undefined;
  /** Nodes on the segment that answer ARP for an address which no interface has, the first one first. */
  answers?(topology: Topology, cluster: Cluster, segment: string, ip: Ip): readonly Interface[];
  router?(router: Router, cluster: Cluster): RouterParts | undefined;
}

/** What a router holds because of a cluster. */
export interface RouterParts {
  readonly routes: readonly Route[];
  readonly chains: () => readonly ChainRules[];
  readonly devices: readonly Device[];
}

export function buildNetwork(topology: Topology, contributors: readonly Contributor[] = []): Network {
  const compiled = new Map<NetnsId, Netns | undefined>();
  const stations = once(() => stationsByPath(topology));
  const clusters = clusterStates(topology);
  const clusterState = clusters.of;
  const clusterOf = (node: Node): Cluster | undefined =>
    topology.clusters.find((cluster) => cluster.name === node.cluster);

  /** The modes that a cluster's nodes run. */
  const modesOf = (cluster: Cluster): readonly CompiledMode[] => {
    const state = clusterState(cluster);
    const byPlugin = new Map<string, CompiledMode>();
    for (const node of cluster.nodes) {
      const plugin = pluginOf(cluster, node);
      if (!byPlugin.has(plugin)) byPlugin.set(plugin, state.mode(node));
    }
    return [...byPlugin.values()];
  };
  const modes = once(() => topology.clusters.flatMap(modesOf));
  const fabricLayers = (router: Router, host: HostState): readonly RouteLayer[] => {
    const given = modes().flatMap((mode) => mode.fabricRoutes?.(router) ?? []);
    const learned = router.bgp ? routerLayers(host, clusters.bgp()) : [];
    return given.length === 0 ? learned : [ownLayer(given), ...learned];
  };
  const contributed = (router: Router): readonly RouterParts[] =>
    contributors.flatMap((one) => topology.clusters.flatMap((cluster) => one.router?.(router, cluster) ?? []));
  const fabricDomains = (router: Router): readonly FabricDomain[] =>
    modes().flatMap((mode) => mode.fabricDomain?.(router) ?? []);
  const fabricEnd = (segment: string, ip: Ip): LinkEnd | undefined => {
    for (const mode of modes()) {
      const end = mode.fabricEnd?.(ip);
      if (end?.segment === segment) {
        return { netns: end.node.path, device: end.device, mac: interfaceMac(end.node.path, end.device) };
      }
    }
    return undefined;
  };

  const stackedEnd = (segment: string, ip: Ip): LinkEnd | undefined => {
    for (const mode of modes()) {
      const end = mode.stackedEnd?.(ip);
      if (end?.segment === segment) {
        return {
          netns: end.node.path,
          device: end.device,
          mac: end.mac,
          upper: { netns: end.pod.path, device: "eth0" },
        };
      }
    }
    return undefined;
  };

  const compileStation = (station: Station): Netns => {
    const cluster = station.kind === "node" ? clusterOf(station) : undefined;
    if (station.kind !== "node" || !cluster) {
      const host = hostState(station);
      return station.kind === "router"
        ? plainNetns(host, fabricLayers(station, host), fabricDomains(station), contributed(station))
        : plainNetns(host, [], [], []);
    }
    const state = clusterState(cluster);
    const mode = state.mode(station);
    const hostPorts = (): PortmapChains =>
      modeOf(pluginOf(cluster, station)).portmap === false
        ? { before: [], after: [] }
        : portmapChains(cluster, station, (pod) => mode.pod(pod, station));
    return nodeNetns(cluster, station, state.context.host(station), mode.node(station), contributors, hostPorts);
  };
  const compilePod = (id: NetnsId): Netns | undefined => {
    const pod = podAt(topology, id);
    if (!pod?.node) return undefined;
    // A pod of the host's network has no namespace of its own.
    if (pod.workload.hostNetwork) return netns(pod.node.path);
    const cluster = clusterOf(pod.node);
    return cluster && podNetns(pod, pod.node, clusterState(cluster).mode(pod.node));
  };
  const netns = (id: NetnsId): Netns | undefined => {
    if (compiled.has(id)) return compiled.get(id);
    const station = stations().get(id);
    const made = station ? compileStation(station) : compilePod(id);
    compiled.set(id, made);
    return made;
  };

  const indirect = new Map<string, ReadonlyMap<Ip, readonly LinkEnd[]>>();
  const resolve = (segment: string, ip: Ip, asker: NetnsId): LinkEnd | undefined => {
    for (const iface of topology.interfacesWith(segment, ip)) {
      if (iface.station.path !== asker && (typeof ip === "number" || iface.mtu >= IPV6_MIN_MTU)) return linkEnd(iface);
    }
    const stacked = stackedEnd(segment, ip);
    if (stacked && stacked.netns !== asker) return stacked;
    const held = fabricEnd(segment, ip);
    if (held && held.netns !== asker) return held;
    for (const contributor of contributors) {
      for (const cluster of topology.clusters) {
        const answers = contributor.answers?.(topology, cluster, segment, ip) ?? [];
        const answer = answers.find((iface) => iface.station.path !== asker);
        if (answer) return linkEnd(answer);
      }
    }
    // Neighbour discovery answers for the interface's own addresses only, ARP for any address of the host (arp_ignore = 0).
    if (typeof ip === "bigint") return isLinkLocal(ip) ? linkLocalEnd(topology, segment, ip, asker) : undefined;
    let others = indirect.get(segment);
    if (!others) {
      others = otherAddresses(topology, segment, stations(), (node) => {
        const cluster = clusterOf(node);
        return cluster ? clusterState(cluster).mode(node).localAddresses(node) : [];
      });
      indirect.set(segment, others);
    }
    return others.get(ip)?.find((end) => end.netns !== asker);
  };

  const checked = new Map<string, ReadonlyMap<string, Interface>>();
  /** Does the fabric let this interface send from, or have packets for, the address? */
  const admits = (segment: Segment, id: NetnsId, device: string, ip: Ip): boolean => {
    let interfaces = checked.get(segment.name);
    if (!interfaces) {
      const all = topology.attachedTo(segment.name);
      interfaces = new Map(all.map((iface) => [`${iface.station.path} ${iface.device}`, iface]));
      checked.set(segment.name, interfaces);
    }
    if (!(interfaces.get(`${id} ${device}`)?.sourceCheck ?? segment.sourceCheck)) return true;
    if (isLinkLocal(ip) || isMulticast(ip)) return true;
    if (
      netns(id)
        ?.devices.get(device)
        ?.addresses.some((own) => own.ip === ip)
    )
      return true;
    const end = fabricEnd(segment.name, ip);
    return end?.netns === id && end.device === device;
  };

  return { netns, resolve, segment: (name) => segmentOf(topology, name, admits) };
}

/** Findings of the modes and about routes that the kernel refuses, for the checks. */
export function networkProblems(topology: Topology): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [...routeProblems(topology)];
  const clusters = clusterStates(topology);
  problems.push(...clusters.bgp().problems);
  for (const cluster of topology.clusters) {
    const { context } = clusters.of(cluster);
    for (const plugin of pluginsOf(cluster)) problems.push(...modeOf(plugin).check(context));
  }
  return problems;
}

function stationsByPath(topology: Topology): ReadonlyMap<string, Station> {
  const stations = new Map<string, Station>();
  const add = (station: Station) => {
    if (!stations.has(station.path)) stations.set(station.path, station);
  };
  topology.routers.forEach(add);
  topology.hosts.forEach(add);
  for (const cluster of topology.clusters) cluster.nodes.forEach(add);
  return stations;
}

/** "cluster/namespace/name". */
function podAt(topology: Topology, id: NetnsId): Pod | undefined {
  const [clusterName, namespace, name, more] = id.split("/");
  if (namespace === undefined || name === undefined || more !== undefined) return undefined;
  return topology.clusters.find((cluster) => cluster.name === clusterName)?.pods.podByName(namespace, name);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/* ---------------------------------------------------------------- segments */

function segmentOf(
  topology: Topology,
  name: string,
  admits: (segment: Segment, netns: NetnsId, device: string, ip: Ip) => boolean,
): L2Segment | undefined {
  const segment = topology.segments.get(name);
  return (
    segment && {
      name: segment.name,
      mtu: segment.mtu,
      admits: (netns, device, ip) => admits(segment, netns, device, ip),
      // "IP-in-IP encapsulated packets and GRE packets are blocked within virtual networks" (Azure Virtual Network FAQ).
      refusesIpip: segment.cloud === "azure" ? "Azure" : undefined,
      origin: segment.source,
    }
  );
}

function linkEnd(iface: Interface): LinkEnd {
  return { netns: iface.station.path, device: iface.device, mac: interfaceMac(iface.station.path, iface.device) };
}

/** Who made this link-local address of its hardware address. */
function linkLocalEnd(topology: Topology, segment: string, ip: Ip, asker: NetnsId): LinkEnd | undefined {
  for (const iface of topology.attachedTo(segment)) {
    if (iface.station.path === asker || iface.mtu < IPV6_MIN_MTU) continue;
    if (!iface.addresses.some((own) => typeof own.ip === "bigint")) continue;
    const end = linkEnd(iface);
    if (linkLocalOf(end.mac) === ip) return end;
  }
  return undefined;
}

/** IPv4 addresses that stations on the segment have elsewhere: other interfaces, docker0, cni0, flannel.1. */
function otherAddresses(
  topology: Topology,
  segment: string,
  stations: ReadonlyMap<string, Station>,
  localAddresses: (node: Node) => readonly Ip[],
): ReadonlyMap<Ip, readonly LinkEnd[]> {
  const ends = new Map<Ip, LinkEnd[]>();
  for (const iface of topology.attachedTo(segment)) {
    const station = stations.get(iface.station.path);
    if (!station) continue;
    const addresses: Ip[] = station.interfaces.flatMap((one) => one.addresses.map(({ ip }) => ip));
    addresses.push(...(station.edge?.loopbacks ?? []).map(({ ip }) => ip));
    if (station.kind === "node") {
      if (station.dockerBridge) addresses.push(station.dockerBridge.address.ip);
      addresses.push(...localAddresses(station));
    }
    for (const ip of addresses) {
      if (typeof ip === "bigint") continue;
      const there = ends.get(ip);
      if (there) there.push(linkEnd(iface));
      else ends.set(ip, [linkEnd(iface)]);
    }
  }
  return ends;
}

/* -------------------------------------------------------------- namespaces */

/** Routers and hosts. A router's own static routes come before those that a cluster gives it. */
function plainNetns(
  host: HostState,
  learned: readonly RouteLayer[],
  domains: readonly FabricDomain[],
  contributed: readonly RouterParts[],
): Netns {
  const routes = contributed.flatMap((one) => one.routes);
  const { station } = host;
  const policy = policyOf(domains);
  return assemble({
    station,
    devices: [...host.devices, ...contributed.flatMap(({ devices }) => devices)],
    layers: [ownLayer(host.routes), ...learned, ...(routes.length > 0 ? [ownLayer(routes)] : [])],
    neighbours: NO_NEIGHBOURS,
    ...policy,
    chains: () => [
      ...aclChains(station.acl),
      ...contributed.flatMap(({ chains }) => chains()),
      ...natChains(station),
      ...anyAddressChains(station),
    ],
    sockets: [...socketsOf(station.processes), ...bgpSockets(station)],
  });
}

function bgpSockets(station: Station): readonly Socket[] {
  const bgp = station.kind === "router" ? station.bgp : undefined;
  return bgp ? [{ proto: "tcp", port: BGP_PORT, process: "bgpd", origin: bgp.source }] : [];
}

/** Each domain is a table, asked before `main` for packets from its sources. */
function policyOf(domains: readonly FabricDomain[]): Required<Pick<NodeParts, "rules" | "tables">> {
  return {
    rules: domains.flatMap(({ from }, i) =>
      from.map((one) => ({ priority: 1000 + i, from: one, table: String(1000 + i) })),
    ),
    tables: new Map(domains.map(({ routes }, i) => [String(1000 + i), { layers: [ownLayer(routes)] }])),
  };
}

function nodeNetns(
  cluster: Cluster,
  node: Node,
  host: HostState,
  parts: NodeParts,
  contributors: readonly Contributor[],
  hostPorts: () => PortmapChains,
): Netns {
  const devices = parts.devices.map(withoutShortIpv6);
  const made = new Set(devices.map(({ name }) => name));
  // A mode's bridge takes the place of a device of the same name, with its address.
  const routes = host.routes.filter(
    (route) =>
      !parts.replaces(route.dst) && !(route.proto === "kernel" && route.nexthops.some((hop) => made.has(hop.dev))),
  );
  return assemble({
    station: node,
    devices: [
      ...host.devices.filter(({ name }) => !made.has(name)).map((one) => withChildren(one, parts)),
      ...devices,
      ...contributors.flatMap((one) => one.devices?.(node, cluster) ?? []),
    ],
    ipvs: contributors.map((one) => one.ipvs?.(node, cluster)).find((one) => one !== undefined),
    layers: [ownLayer([...routes, ...connectedOf({ ...parts, devices }), ...parts.routes]), ...parts.layers],
    rules: parts.rules,
    tables: parts.tables,
    sysctl: parts.sysctl,
    neighbours: parts.neighbours ?? NO_NEIGHBOURS,
    xfrm: parts.xfrm,
    chains: () => {
      const { before, after } = hostPorts();
      return [
        ...aclChains(node.acl),
        ...natChains(node),
        ...contributors.flatMap((one) => one.before?.(node, cluster, parts) ?? []),
        ...before,
        ...parts.chains(),
        ...after,
        ...contributors.flatMap((one) => one.after?.(node, cluster, parts) ?? []),
      ];
    },
    sources: () => contributors.flatMap((one) => one.chains?.(node, cluster, parts) ?? []),
    sockets: [...parts.sockets, ...socketsOf(node.processes), ...hostNetworkSockets(cluster, node)],
  });
}

function withChildren(device: Device, { stacks }: NodeParts): Device {
  const children = device.kind === "physical" ? stacks?.get(device.name) : undefined;
  return device.kind === "physical" && children ? { ...device, children } : device;
}

interface StationNetns {
  readonly station: Station;
  readonly devices: readonly Device[];
  readonly layers: readonly RouteLayer[];
  readonly rules?: NodeParts["rules"];
  readonly tables?: NodeParts["tables"];
  readonly sysctl?: NodeParts["sysctl"];
  readonly neighbours: NeighbourTable;
  readonly xfrm?: Xfrm | undefined;
  readonly chains: () => readonly ChainRules[];
  readonly sources?: () => readonly ChainSource[];
  readonly ipvs?: Ipvs | undefined;
  readonly sockets: readonly Socket[];
}

function assemble({
  station,
  ipvs,
  devices,
  layers,
  rules,
  tables,
  sysctl,
  neighbours,
  xfrm,
  chains,
  sources,
  sockets,
}: StationNetns): Netns {
  return {
    id: station.path,
    kind: station.kind,
    devices: byName([loopbackOf(station), ...devices]),
    rules: rules ? [...DEFAULT_RULES, ...rules].sort((a, b) => a.priority - b.priority) : DEFAULT_RULES,
    tables: new Map([["main", { layers: layersOver(devices, layers) }], ...(tables ?? [])]),
    neighbours,
    xfrm,
    netfilter: netfilterOf(chains, sources),
    ...(ipvs ? { ipvs } : {}),
    sysctls: stationSysctls(station, sysctl),
    sockets,
    origin: station.source,
  };
}

function podNetns(pod: Pod, node: Node, mode: CompiledMode): Netns {
  const parts = mode.pod(pod, node);
  const devices = parts.devices.map(withoutShortIpv6);
  const routes = [...connectedOf({ ...parts, devices }), ...parts.routes];
  return {
    id: pod.path,
    kind: "pod",
    devices: byName([LOOPBACK, ...devices]),
    rules: DEFAULT_RULES,
    tables: new Map([["main", { layers: layersOver(devices, [ownLayer(routes)]) }]]),
    neighbours: parts.neighbours ? neighbourTable(parts.neighbours) : NO_NEIGHBOURS,
    netfilter: netfilterOf(() => []),
    sysctls: podSysctls(stationSysctls(node)),
    sockets: socketsOf(pod.workload.containers),
    origin: pod.workload.source,
  };
}

const DEFAULT_RULES: Netns["rules"] = [
  { priority: 0, table: "local" },
  { priority: 32766, table: "main" },
  { priority: 32767, table: "default" },
];

const NO_NEIGHBOURS: NeighbourTable = { lookup: () => undefined, entries: () => [] };

function neighbourTable(entries: readonly Neighbour[]): NeighbourTable {
  return {
    lookup: (device, ip) => entries.find((entry) => entry.device === device && entry.ip === ip),
    entries: () => entries,
  };
}

/** Routes to the networks of the devices' addresses, without those that the mode's program deletes. */
function connectedOf({ devices, deletes }: Pick<NodeParts, "devices" | "deletes">): readonly Route[] {
  const routes = devices.flatMap((device) => connectedRoutes(device));
  return deletes ? routes.filter((route) => !deletes(route)) : routes;
}

function byName(devices: readonly Device[]): ReadonlyMap<string, Device> {
  return new Map(devices.map((device) => [device.name, device]));
}

function ownLayer(routes: readonly Route[]): RouteLayer {
  return { table: buildPrefixTable(routes.map((route) => [route.dst, route] as const)) };
}

/** A listener's range is one socket for each port. */
function socketsOf(processes: readonly ProcessSpec[]): Socket[] {
  const sockets: Socket[] = [];
  for (const process of processes) {
    for (const { proto, first, last, source } of process.listeners) {
      for (let port = first; port <= last; port++) sockets.push({ proto, port, process: process.name, origin: source });
    }
  }
  return sockets;
}

function hostNetworkSockets(cluster: Cluster, node: Node): Socket[] {
  const sockets: Socket[] = [];
  if (!usesOfNodes(cluster.workloads).hostNetwork) return sockets;
  for (const pod of cluster.pods.podsOn(node)) {
    if (pod.workload.hostNetwork) sockets.push(...socketsOf(pod.workload.containers));
  }
  return sockets;
}

/* ----------------------------------------------------------------- sysctls */

/**
 * What the file sets, over the kernel's defaults and what a role needs: routers forward; kubelet and the bridge plugin
 * turn on forwarding on nodes, and kubeadm asks for bridge-nf-call-iptables. rp_filter is 0 in the kernel; systemd's
 * 50-default.conf sets 2, Red Hat's and older Debian's defaults 1: write it down where it matters.
 */
function stationSysctls(station: Station, given: (name: string) => string | undefined = () => undefined): Sysctls {
  const setting = (name: string): string | undefined => station.sysctls.get(name)?.value ?? given(name);
  const flag = (names: readonly string[], otherwise: boolean): boolean => {
    for (const name of names) {
      const found = setting(name);
      if (found !== undefined) return found !== "0";
    }
    return otherwise;
  };
  const forwards = station.kind !== "host";
  const number = (name: string): number | undefined => {
    const found = setting(name);
    return found === undefined ? undefined : Number(found);
  };
  return {
    ipForward: flag(["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"], forwards),
    ip6Forward: flag(["net.ipv6.conf.all.forwarding"], forwards),
    rpFilter: (device) => {
      const own = number(`net.ipv4.conf.${device}.rp_filter`) ?? number("net.ipv4.conf.default.rp_filter") ?? 0;
      const mode = Math.max(own, number("net.ipv4.conf.all.rp_filter") ?? 0);
      return mode === 1 ? 1 : mode >= 2 ? 2 : 0;
    },
    bridgeNfCallIptables: flag(["net.bridge.bridge-nf-call-iptables"], station.kind === "node"),
    bridgeNfCallIp6tables: flag(["net.bridge.bridge-nf-call-ip6tables"], station.kind === "node"),
    // Either counts: IN_DEV_PROXY_ARP is IN_DEV_ORCONF.
    proxyArp: (device) =>
      flag([`net.ipv4.conf.${device}.proxy_arp`], false) || flag(["net.ipv4.conf.all.proxy_arp"], false),
  };
}

/** A new namespace takes the IPv4 settings of the host and the kernel's own for IPv6 (net.core.devconf_inherit_init_net = 0). */
function podSysctls(node: Sysctls): Sysctls {
  return { ...node, ip6Forward: false, rpFilter: () => node.rpFilter("default"), proxyArp: () => false };
}
