/** Network namespaces, assembled from the machine's own state, the mode's additions, and other contributions. */

import type {
  Device,
  Ipvs,
  Neighbour,
  NeighbourTable,
  Netns,
  Route,
  RouteLayer,
  Socket,
  Xfrm,
} from "../dataplane/model.ts";
import type { Cluster, Node, Pod, ProcessSpec, Station } from "../topology/model.ts";
import { usesOfNodes } from "../topology/workload.ts";
import { aclChains, policyChains } from "./acl.ts";
import { BGP_PORT } from "./bgp/acl.ts";
import { netfilterOf } from "./chains.ts";
import type { Contributor, RouterParts } from "./contributor.ts";
import type { DomainParts } from "./domains.ts";
import { anyAddressChains, natChains } from "./edge.ts";
import { withoutInvalidGateways } from "./gateways.ts";
import { connectedRoutes, type HostState, LOOPBACK, loopbackOf } from "./host.ts";
import { ownLayer } from "./layer.ts";
import { layersOver, neighboursOver, withoutShortIpv6 } from "./minimum-mtu.ts";
import type { ChainRules, ChainSource, CompiledMode, NodeParts } from "./mode.ts";
import { overriddenDevices, overriddenNeighbours } from "./overrides.ts";
import { rulesOver, tablesOver } from "./policy-routing.ts";
import { type PortmapChains, portmapSysctl } from "./portmap.ts";
import { podSysctls, stationSysctls } from "./sysctls.ts";
import { bothXfrm, type TunnelParts } from "./tunnels.ts";

/** Routers and hosts. A router's static routes come before the routes that a cluster adds. */
export function plainNetns(
  host: HostState,
  learned: readonly RouteLayer[],
  domains: Partial<DomainParts>,
  contributed: readonly RouterParts[],
  { groups, tunnels }: { readonly groups: GroupChains; readonly tunnels?: TunnelParts | undefined },
): Netns {
  const { station } = host;
  const made = tunnels?.devices ?? [];
  const routes = [
    ...contributed.flatMap((one) => one.routes),
    ...made.flatMap((device) => connectedRoutes(device)),
    ...(tunnels?.routes ?? []),
  ];
  return assemble({
    station,
    ownTables: host.ownTables,
    devices: [...host.devices, ...(domains.devices ?? []), ...contributed.flatMap(({ devices }) => devices), ...made],
    layers: [ownLayer(host.routes), ...learned, ...(routes.length > 0 ? [ownLayer(routes)] : [])],
    neighbours: tunnels ? neighbourTable(tunnels.neighbours) : NO_NEIGHBOURS,
    xfrm: tunnels?.xfrm,
    rules: domains.rules,
    tables: domains.tables,
    groups,
    chains: () => [
      ...aclChains(station),
      ...contributed.flatMap(({ chains }) => chains()),
      ...natChains(station),
      ...anyAddressChains(station),
      ...policyChains(station),
    ],
    sockets: [...(tunnels?.sockets ?? []), ...socketsOf(station.processes), ...bgpSockets(station)],
  });
}

function bgpSockets(station: Station): readonly Socket[] {
  const bgp = station.kind === "router" ? station.bgp : undefined;
  return bgp ? [{ proto: "tcp", port: BGP_PORT, process: "bgpd", origin: bgp.source }] : [];
}

/** A node's own state, and the additions of its mode and of the portmap plugin. */
export interface NodeState {
  readonly cluster: Cluster;
  readonly node: Node;
  readonly host: HostState;
  readonly parts: NodeParts;
  readonly hostPorts: () => PortmapChains;
  readonly groups: GroupChains;
}

/** The rules of the machine's security groups; `devices`: all of its devices. */
export type GroupChains = (devices: readonly Device[]) => readonly ChainRules[];

export function nodeNetns(state: NodeState, contributors: readonly Contributor[]): Netns {
  const { cluster, node, host, parts, hostPorts, groups } = state;
  const devices = parts.devices.map(withoutShortIpv6);
  const made = new Set(devices.map(({ name }) => name));
  // A mode's bridge replaces a device of the same name, including its address.
  const routes = host.routes.filter(
    (route) =>
      !parts.replaces(route.dst) && !(route.proto === "kernel" && route.nexthops.some((hop) => made.has(hop.dev))),
  );
  return assemble({
    station: node,
    ownTables: host.ownTables,
    devices: [
      ...host.devices.filter(({ name }) => !made.has(name)).map((one) => withChildren(one, parts)),
      ...devices,
      ...contributors.flatMap((one) => one.devices?.(node, cluster) ?? []),
    ],
    ipvs: contributors.map((one) => one.ipvs?.(node, cluster, parts)).find((one) => one !== undefined),
    layers: [ownLayer([...routes, ...connectedOf({ ...parts, devices }), ...parts.routes]), ...parts.layers],
    rules: parts.rules,
    tables: parts.tables,
    sysctl: (name) =>
      parts.sysctl?.(name) ??
      contributors.map((one) => one.sysctl?.(node, cluster, name)).find((one) => one !== undefined) ??
      portmapSysctl(devices, name, hostPorts),
    neighbours: parts.neighbours ?? NO_NEIGHBOURS,
    xfrm: parts.xfrm,
    groups,
    chains: () => {
      const { before, after } = hostPorts();
      return [
        ...aclChains(node),
        ...natChains(node),
        ...contributors.flatMap((one) => one.before?.(node, cluster, parts) ?? []),
        ...before,
        ...parts.chains(),
        ...after,
        ...contributors.flatMap((one) => one.after?.(node, cluster, parts) ?? []),
        ...policyChains(node),
      ];
    },
    sources: () => contributors.flatMap((one) => one.chains?.(node, cluster, parts) ?? []),
    sockets: [
      ...parts.sockets,
      ...socketsOf(node.processes),
      ...hostNetworkSockets(cluster, node),
      ...contributors.flatMap((one) => one.sockets?.(node, cluster, parts) ?? []),
    ],
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
  /** Of the file, by table. */
  readonly ownTables: HostState["ownTables"];
  readonly sysctl?: NodeParts["sysctl"];
  readonly neighbours: NeighbourTable;
  readonly xfrm?: Xfrm | undefined;
  readonly groups: GroupChains;
  readonly chains: () => readonly ChainRules[];
  readonly sources?: () => readonly ChainSource[];
  readonly ipvs?: Ipvs | undefined;
  readonly sockets: readonly Socket[];
}

function assemble({
  station,
  ipvs,
  devices: created,
  layers,
  rules,
  tables,
  ownTables,
  sysctl,
  neighbours,
  xfrm,
  groups,
  chains,
  sources,
  sockets,
}: StationNetns): Netns {
  const devices = overriddenDevices(station, created);
  const all = [loopbackOf(station), ...devices];
  return {
    id: station.path,
    kind: station.kind,
    devices: byName(all),
    rules: rulesOver(
      rules ? [...DEFAULT_RULES, ...rules].sort((a, b) => a.priority - b.priority) : DEFAULT_RULES,
      station,
    ),
    tables: tablesOver(
      new Map([["main", { layers: withoutInvalidGateways(all, layersOver(devices, layers)) }], ...(tables ?? [])]),
      ownTables,
    ),
    neighbours: neighboursOver(devices, overriddenNeighbours(station, neighbours)),
    xfrm,
    netfilter: netfilterOf(() => [...groups(all), ...chains()], sources),
    ...(ipvs ? { ipvs } : {}),
    sysctls: stationSysctls(station, sysctl),
    sockets,
    origin: station.source,
  };
}

/** A node's parts with its tunnels. */
export function withTunnels(parts: NodeParts, tunnels: TunnelParts | undefined): NodeParts {
  if (!tunnels) return parts;
  const own = neighbourTable(tunnels.neighbours);
  const { neighbours } = parts;
  return {
    ...parts,
    devices: [...parts.devices, ...tunnels.devices],
    routes: [...parts.routes, ...tunnels.routes],
    sockets: [...parts.sockets, ...tunnels.sockets],
    xfrm: bothXfrm(tunnels.xfrm, parts.xfrm),
    neighbours: neighbours
      ? {
          lookup: (device, ip) => own.lookup(device, ip) ?? neighbours.lookup(device, ip),
          entries: () => [...own.entries(), ...neighbours.entries()],
        }
      : own,
  };
}

export function podNetns(pod: Pod, node: Node, mode: CompiledMode): Netns {
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

/** One socket per port of a listener's range. */
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
