/**
 * A machine with its own configuration only, before any pod network: interfaces, connected routes, the default route,
 * static routes. Routes are accepted and rejected by the kernel's rules (fib_check_nh, net/ipv4/fib_semantics.c).
 */

import {
  formatIp,
  formatPrefix,
  hostPrefix,
  type InterfaceAddress,
  type Ip,
  isNear,
  prefixContains,
  prefixOf,
} from "../addressing/ip.ts";
import type { Device, Nexthop, Route } from "../dataplane/model.ts";
import type { Origin } from "../declared/origin.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import type { Interface, RouteTableSpec, StaticRoute, Station, StationRef, Topology } from "../topology/model.ts";
import { nodesWhere } from "../topology/node-queries.ts";
import { type GatewayRule, gatewayRule } from "./gateways.ts";
import { linkLocalOf, macOf } from "./hash.ts";
import { withoutShortIpv6 } from "./minimum-mtu.ts";
import { CODES, type NetworkProblem, problem } from "./problems.ts";

export interface HostState {
  readonly station: Station;
  readonly devices: readonly Device[];
  /** Connected, default, and static routes, in the order in which they were added to the kernel. */
  readonly routes: readonly Route[];
  /** Routing tables other than main. */
  readonly ownTables: ReadonlyMap<string, readonly Route[]>;
  /** The static routes of route tables (routers). */
  readonly tables: readonly { readonly spec: RouteTableSpec; readonly routes: readonly Route[] }[];
  readonly problems: readonly NetworkProblem[];
  /** Equal for machines whose routes use the same devices and gateways for every destination. */
  readonly routing: string;
  /** The longest match among `routes`; with `dev`, only among routes through that device. */
  lookup(ip: Ip, dev?: string): Route | undefined;
}

export const LOOPBACK: Device = {
  kind: "loopback",
  name: "lo",
  mtu: 65536,
  mac: "00:00:00:00:00:00",
  addresses: [
    { ip: 0x7f000001, len: 8 },
    { ip: 1n, len: 128 },
  ],
  origin: undefined,
};

/** `lo` with the machine's additional addresses. */
export function loopbackOf({ edge }: Station): Device {
  if (!edge || edge.loopbacks.length === 0) return LOOPBACK;
  const own = edge.loopbacks.map(({ ip }) => hostPrefix(ip));
  return { ...LOOPBACK, addresses: [...LOOPBACK.addresses, ...own], origin: edge.loopbacks[0]?.source };
}

/** The same object for the same machine. */
export const hostState = memo(makeHost);

function makeHost(station: Station): HostState {
  const devices = station.interfaces.map((iface) => physicalDevice(station, iface));
  if (station.kind === "node" && station.dockerBridge) devices.push(dockerBridge(station.path, station.dockerBridge));
  const routes: Route[] = devices.flatMap((device) => connectedRoutes(device));
  const problems: NetworkProblem[] = [];
  for (const written of station.routes) {
    const made = staticRoute(station, devices, { same: routes, links: routes }, written);
    if ("route" in made) routes.push(made.route);
    else problems.push(made.problem);
  }
  const ownTables = tablesOf(station, devices, routes, problems);
  const tables = (station.kind === "router" ? station.routeTables : []).map((spec) => {
    const own: Route[] = [];
    for (const written of spec.routes) {
      const made = staticRoute(station, devices, { same: own, links: routes }, written);
      if ("route" in made) own.push(made.route);
      else problems.push(made.problem);
    }
    return { spec, routes: own };
  });
  const byLength = [...routes].sort((a, b) => b.dst.len - a.dst.len || (a.metric ?? 0) - (b.metric ?? 0));
  return {
    station,
    devices,
    routes,
    ownTables,
    tables,
    problems,
    routing: routes.map(routingKey).join("|"),
    lookup: (ip, dev) => longest(byLength, ip, dev),
  };
}

const NO_TABLES: HostState["ownTables"] = new Map();

/** fib_check_nh looks a next hop up in the same table, then like any packet: connected routes are in table main. */
function tablesOf(
  station: Station,
  devices: readonly Device[],
  main: readonly Route[],
  problems: NetworkProblem[],
): HostState["ownTables"] {
  const written = station.policyRouting?.routes ?? [];
  if (written.length === 0) return NO_TABLES;
  const tables = new Map<string, Route[]>();
  for (const one of written) {
    const own = valueAt(tables, one.table, (): Route[] => []);
    const made = staticRoute(station, devices, { same: own, links: [...own, ...main] }, one);
    if ("route" in made) own.push(made.route);
    else problems.push(made.problem);
  }
  return tables;
}

function routingKey(route: Route): string {
  return `${formatPrefix(route.dst)} ${route.type} ${route.metric ?? 0} ${route.nexthops.map((hop) => `${hop.via ?? ""}%${hop.dev}`).join()}`;
}

function longest(byLength: readonly Route[], ip: Ip, dev: string | undefined): Route | undefined {
  return byLength.find(
    (route) => prefixContains(route.dst, ip) && (dev === undefined || route.nexthops.some((hop) => hop.dev === dev)),
  );
}

/** The device on which `ip` is on-link: its route has no gateway (flannel's DirectRouting, pkg/ip/iface.go). */
export function onLinkDevice(host: HostState, ip: Ip, dev?: string): string | undefined {
  const route = host.lookup(ip, dev);
  const hop = route?.type === "unicast" && route.nexthops.length === 1 ? route.nexthops[0] : undefined;
  return hop && hop.via === undefined ? hop.dev : undefined;
}

function physicalDevice(station: Station, iface: Interface): Device {
  const mac = interfaceMac(station.path, iface.device);
  return withoutShortIpv6({
    kind: "physical",
    name: iface.device,
    segment: iface.segment,
    mtu: iface.mtu,
    mac,
    addresses: withLinkLocal(iface.addresses, mac),
    origin: iface.source,
  });
}

export function interfaceMac(path: string, device: string): string {
  return macOf(`${path} ${device}`);
}

/** The kernel also assigns a link-local address to each device; it is shown only if the device has an IPv6 address. */
export function withLinkLocal(addresses: readonly InterfaceAddress[], mac: string): readonly InterfaceAddress[] {
  if (!addresses.some(({ ip }) => typeof ip === "bigint")) return addresses;
  return [...addresses, { ip: linkLocalOf(mac), len: 64 }];
}

/** The bridge that the Docker daemon creates at startup. Its netfilter rules exist only with `cni docker`. */
function dockerBridge(path: string, bridge: { readonly address: InterfaceAddress; readonly source: Origin }): Device {
  return {
    kind: "bridge",
    name: "docker0",
    mtu: 1500,
    mac: interfaceMac(path, "docker0"),
    addresses: [bridge.address],
    portFor: () => undefined,
    origin: bridge.source,
  };
}

/**
 * Routes that the kernel adds when an address is set: inet_addr_onlink, fib_add_ifaddr; IPv6 with metric 256
 * (addrconf.c).
 */
export function connectedRoutes(device: Device): Route[] {
  if (device.kind === "loopback") return [];
  const routes: Route[] = [];
  for (const { ip, len } of device.addresses) {
    const why = t`${formatIp(ip)}/${len} is an address of ${device.name}`;
    const base = {
      dst: prefixOf(ip, len),
      type: "unicast",
      nexthops: [{ dev: device.name }],
      proto: "kernel",
    } as const;
    if (typeof ip === "bigint") routes.push({ ...base, metric: 256, why, origin: device.origin });
    else if (len < 32) routes.push({ ...base, scope: "link", src: ip, why, origin: device.origin });
  }
  return routes;
}

/** Metric of an IPv6 route that is added without a metric (IP6_RT_PRIO_USER). */
const METRIC6 = 1024;

export function withMetric(family: 4 | 6): { readonly metric?: number } {
  return family === 6 ? { metric: METRIC6 } : {};
}

export function familyOf(ip: Ip): 4 | 6 {
  return typeof ip === "number" ? 4 : 6;
}

/**
 * The interface of the default route. Does not compute the host's state, because it is called for every node of a
 * cluster.
 */
export function defaultInterface(station: Station, family: 4 | 6): Interface | undefined {
  for (const route of station.routes) {
    if (route.dst.len !== 0 || familyOf(route.dst.ip) !== family || route.type !== "unicast") continue;
    const via = route.via[0];
    for (const iface of station.interfaces) {
      if (route.dev === iface.device) return iface;
      if (route.dev === undefined && via !== undefined && iface.addresses.some((own) => isNear(own, via))) return iface;
    }
  }
  return undefined;
}

type Refusal = "exists" | "off-link" | "own" | "broadcast" | "source";

/** The routes that exist: in the same table, and all that are looked up for a next hop. */
interface Existing {
  readonly same: readonly Route[];
  readonly links: readonly Route[];
}

/** Why the kernel rejects a route, or undefined. */
function refusal(
  existing: Existing,
  route: Route,
  gateways: GatewayRule,
  devices: readonly Device[],
): Refusal | undefined {
  const metric = route.metric ?? 0;
  if (
    existing.same.some(
      (other) => other.dst.len === route.dst.len && other.dst.ip === route.dst.ip && (other.metric ?? 0) === metric,
    )
  ) {
    return "exists";
  }
  for (const hop of route.nexthops) {
    if (hop.via === undefined) continue;
    if (!hop.onlink && gatewayDevice(existing.links, hop.via, hop.dev) === undefined) return "off-link";
    const refused = gateways.refusal(hop);
    if (refused !== undefined) return refused;
  }
  // fib_valid_prefsrc, ip6_route_info_create: "Invalid prefsrc address".
  const { src } = route;
  if (src !== undefined && !devices.some(({ addresses }) => addresses.some(({ ip }) => ip === src))) return "source";
  return undefined;
}

/** The device on which a gateway is on-link; an empty `dev` matches every device. */
function gatewayDevice(existing: readonly Route[], via: Ip, dev: string): string | undefined {
  let best: Route | undefined;
  for (const route of existing) {
    if (!prefixContains(route.dst, via)) continue;
    if (dev !== "" && !route.nexthops.some((hop) => hop.dev === dev)) continue;
    if (!best || route.dst.len > best.dst.len) best = route;
  }
  if (best?.type !== "unicast") return undefined;
  const hop = best.nexthops.find((one) => dev === "" || one.dev === dev);
  return hop && hop.via === undefined ? hop.dev : undefined;
}

type Made = { readonly route: Route } | { readonly problem: NetworkProblem };

function staticRoute(station: Station, devices: readonly Device[], existing: Existing, written: StaticRoute): Made {
  const { dst, dev, source, options } = written;
  const onlink = options?.onlink === true && dev !== undefined;
  if (dev !== undefined && dev !== "lo" && !devices.some((device) => device.name === dev)) {
    return {
      problem: problem(CODES.routeDeviceUnknown, source, { station: refOf(station), dst: formatPrefix(dst), dev }),
    };
  }
  const nexthops: Nexthop[] = [];
  for (const via of written.type === "unicast" ? written.via : []) {
    const found = onlink ? dev : gatewayDevice(existing.links, via, dev ?? "");
    nexthops.push({ via, dev: found ?? dev ?? "", ...(onlink ? { onlink } : {}) });
  }
  if (written.type === "unicast" && nexthops.length === 0 && dev !== undefined) nexthops.push({ dev });
  const metric = written.metric ?? (typeof dst.ip === "bigint" ? METRIC6 : undefined);
  const route: Route = {
    dst,
    type: written.type,
    nexthops,
    ...(metric === undefined ? {} : { metric }),
    ...(options?.src ? { src: options.src.ip } : {}),
    ...(options?.mtu === undefined ? {} : { mtu: options.mtu }),
    // `ip route add … dev eth0` uses scope link if there is no gateway (iproute.c).
    ...(typeof dst.ip === "number" && nexthops.length === 1 && nexthops[0]?.via === undefined
      ? { scope: "link" as const }
      : {}),
    why: written.implied
      ? t`${nexthops.map(({ via }) => (via === undefined ? "" : formatIp(via))).join(", ")}: gateway of the segment`
      : t`static route of ${station.kind} ${station.name}`,
    origin: source,
  };
  const all = [loopbackOf(station), ...devices];
  const refused = refusal(existing, route, gatewayRule(all), all);
  if (refused !== undefined) return { problem: refusedProblem(station, written, route, refused) };
  return { route };
}

function refusedProblem(
  station: Station,
  { source, implied, options }: StaticRoute,
  route: Route,
  refused: Refusal,
): NetworkProblem {
  const rejected = { station: refOf(station), dst: formatPrefix(route.dst) };
  if (refused === "exists") return problem(CODES.routeExists, source, rejected);
  if (refused === "source")
    return problem(CODES.routeSource, options?.src?.source ?? source, {
      ...rejected,
      src: formatIp(route.src ?? 0),
      own: station.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => formatIp(ip))),
    });
  const via = route.nexthops.flatMap((hop) => hop.via ?? []);
  const data = { ...rejected, via, cause: refused };
  const [first] = station.interfaces;
  if (!implied || !first) return problem(CODES.routeGatewayOffLink, source, data);
  // The segment determines the gateway; the cause is the prefix length of this address.
  const related = [{ source, message: t`${via.map(formatIp).join(", ")}: gateway of segment \`${first.segment}\`` }];
  return problem(CODES.routeGatewayOffLink, first.source, data, related);
}

function refOf({ kind, path }: Station): StationRef {
  return { kind, path };
}

/** Whether the file sets routes on the machine, in addition to the default route via its segment's gateway. */
export function hasOwnRoutes({ routes, policyRouting }: Station): boolean {
  return policyRouting !== undefined || routes.some(({ implied }) => !implied);
}

function hasTables(station: Station): boolean {
  return station.kind === "router" && station.routeTables.length > 0;
}

/**
 * Whether none of the machine's prefixes contains the segment's gateway, although the segment contains both the gateway
 * and the machine's address.
 */
function isGatewayApart(segments: Topology["segments"], { interfaces, routes }: Station): boolean {
  return routes.some(
    ({ implied, via: [gateway] }) =>
      implied &&
      gateway !== undefined &&
      interfaces.every(({ addresses }) => !addresses.some((own) => isNear(own, gateway))) &&
      interfaces.some(({ segment, addresses }) =>
        segments
          .get(segment)
          ?.cidrs.some((cidr) => prefixContains(cidr, gateway) && addresses.some(({ ip }) => prefixContains(cidr, ip))),
      ),
  );
}

/** Route problems, for the checks: covers only machines with static routes or an unusual prefix length. */
export function routeProblems(topology: Topology): readonly NetworkProblem[] {
  const outside = [...topology.routers, ...topology.hosts].filter((station) => isOdd(station, topology.segments));
  const nodes = topology.clusters.flatMap((cluster) => oddNodes(cluster, topology.segments));
  return [...outside, ...nodes].flatMap((station) => hostState(station).problems);
}

const oddNodes = nodesWhere<[Topology["segments"]]>(isOdd);

function isOdd(station: Station, segments: Topology["segments"]): boolean {
  return hasOwnRoutes(station) || hasTables(station) || isGatewayApart(segments, station);
}
