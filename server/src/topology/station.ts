/** One router, host, node, or pool of nodes as written, before names are bound and addresses allocated. */

import { formatIp, formatPrefix, type InterfaceAddress, type Ip, type Prefix } from "../addressing/ip.ts";
import {
  all,
  child,
  childrenOf,
  has,
  isBroken,
  nameOf,
  numberOf,
  one,
  oneOf,
  sourceOfRead,
} from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import type { NamedKind, Place } from "../declared/problem-data.ts";
import type { Read } from "../declared/values.ts";
import { t } from "../text/l10n.ts";
import { isProblem, readFirewall, readRoutingRule, readRule } from "./access-list.ts";
import { readBgp } from "./bgp.ts";
import { readEdge } from "./edge.ts";
import type {
  AclRule,
  BgpSpec,
  CniSettings,
  Edge,
  Firewall,
  GivenIp,
  Listener,
  NamedPlace,
  NodeCidr,
  Overrides,
  PolicyRouting,
  ProcessSpec,
  RouteOptions,
  RouteTableSpec,
  RoutingRule,
  StaticRoute,
  Station,
  TableRoute,
} from "./model.ts";
import { withDefaultStatements } from "./node-defaults.ts";
import { readOverrides } from "./overrides.ts";
import { addressesIn, placesIn } from "./places.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";

export interface StationParts {
  readonly file: string;
  readonly kind: Station["kind"];
  readonly name: string;
  readonly source: Origin;
  /** Source of the name. */
  readonly nameSource: Origin;
  readonly attaches: readonly Attach[];
  readonly routes: readonly StaticRoute[];
  readonly acl: readonly AclRule[];
  readonly sysctls: Station["sysctls"];
  readonly processes: readonly ProcessSpec[];
  readonly edge: Edge | undefined;
  readonly firewall: Firewall | undefined;
  readonly policyRouting: PolicyRouting | undefined;
  readonly overrides: Overrides | undefined;
  readonly problems: readonly TopologyProblem[];
  /** Nodes only. */
  readonly labels: ReadonlyMap<string, string>;
  /** `pod-cidr`, one per family. */
  readonly podCidrs: readonly NodeCidr[];
  readonly externalIps: readonly GivenIp[];
  readonly dockerBridge: DockerBridge | undefined;
  readonly cni: CniSettings | undefined;
  /** Security groups of all interfaces. */
  readonly groups: readonly NamedPlace[];
  /** Routers only. */
  readonly routeTables: readonly RouteTableSpec[];
  readonly bgp: BgpSpec | undefined;
  /** Pools only. */
  readonly range: { readonly first: number; readonly last: number; readonly width: number } | undefined;
}

export interface DockerBridge {
  readonly address: InterfaceAddress;
  readonly source: Origin;
}

export interface Attach {
  readonly device: string;
  readonly segment: string;
  readonly segmentSource: Origin;
  readonly addresses: readonly GivenAddress[];
  readonly mtu: number | undefined;
  readonly sourceCheck: boolean | undefined;
  /** `gateway none`: no default route through this interface. */
  readonly noGateway: boolean;
  readonly groups: readonly NamedPlace[];
  readonly source: Origin;
}

export interface GivenAddress {
  readonly ip: Ip;
  /** Undefined: the length of the segment's prefix. */
  readonly len: number | undefined;
  readonly source: Origin;
}

export const nothing: readonly never[] = [];

/**
 * A list that has grown has room for 17 entries. Short lists, of which each of thousands of nodes has ten, release the
 * extra room.
 */
export function trimmed<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? nothing : list.length <= 8 ? list.slice() : list;
}

export const noLabels: ReadonlyMap<string, string> = new Map();
const noSysctls: Station["sysctls"] = new Map();

/** Number of machines that a statement declares. */
export function countOf({ range }: StationParts): number {
  return range === undefined ? 1 : range.last - range.first + 1;
}

/** Undefined if the statement has no readable name. `defaults`: statements for all nodes of a cluster. */
export function readStation(
  file: string,
  decl: Decl,
  kind: Station["kind"],
  defaults?: Decl,
): StationParts | undefined {
  const name = nameOf(decl);
  const nameRead = one(decl, "name");
  const rangeRead = oneOf(decl, "range", "index-range");
  if (name === undefined || nameRead === undefined) return undefined;
  if (decl.spec?.keyword === "nodes" && rangeRead === undefined) return undefined;
  const source = sourceOf(file, decl);
  const statements = withDefaultStatements(decl, defaults);
  const found = readStatements(file, statements, kind, name);
  const { processes, problems, edge } = found;
  return {
    file,
    kind,
    name,
    source,
    nameSource: sourceOfRead(file, decl, nameRead),
    attaches: trimmed(found.attaches),
    routes: found.routes ?? nothing,
    acl: found.acl ?? nothing,
    sysctls: found.sysctls ?? noSysctls,
    processes: processesOf(processes, name, source),
    edge: edge && readEdge(file, edge),
    firewall: found.hasFirewall ? readFirewall(file, statements) : undefined,
    policyRouting:
      found.rules || found.tableRoutes
        ? { rules: found.rules ?? nothing, routes: found.tableRoutes ?? nothing }
        : undefined,
    overrides: found.overrides && readOverrides(file, found.overrides),
    problems: trimmed([...(problems ?? nothing), ...(processes?.problems ?? nothing)]),
    labels: found.labels ?? noLabels,
    podCidrs: found.podCidrs ?? nothing,
    externalIps: found.externalIps ?? nothing,
    dockerBridge: found.dockerBridge,
    cni: found.cni,
    groups: found.groups ?? nothing,
    routeTables: found.routeTables ?? nothing,
    bgp: found.bgp,
    range: rangeRead,
  };
}

/** The statements of a machine; most machines have few kinds of them. */
interface Statements {
  readonly attaches: Attach[];
  /** Also counts those that are unreadable. */
  devices: number;
  routes?: StaticRoute[];
  tableRoutes?: TableRoute[];
  rules?: RoutingRule[];
  hasFirewall?: true;
  acl?: AclRule[];
  sysctls?: Map<string, { value: string; source: Origin }> | undefined;
  processes?: ProcessesRead | undefined;
  problems?: TopologyProblem[];
  podCidrs?: readonly NodeCidr[];
  labels?: Map<string, string>;
  externalIps?: readonly GivenIp[];
  dockerBridge?: DockerBridge | undefined;
  cni?: CniSettings | undefined;
  bgp?: BgpSpec | undefined;
  edge?: Decl[];
  overrides?: Decl[];
  groups?: readonly NamedPlace[];
  routeTables?: readonly RouteTableSpec[];
}

function readStatements(file: string, statements: readonly Decl[], kind: Station["kind"], name: string): Statements {
  const found: Statements = { attaches: [], devices: 0 };
  for (const statement of statements) {
    switch (statement.spec?.keyword) {
      case "attach": {
        const attach = readAttach(file, statement, `eth${found.devices++}`);
        if (attach !== undefined) found.attaches.push(attach);
        break;
      }
      case "route":
      case "rule":
        readRouting(file, statement, found);
        break;
      case "forward-policy":
      case "input-policy":
      case "stateful":
      case "clamp-mss":
        found.hasFirewall = true;
        break;
      case "allow":
      case "deny":
      case "reject":
        found.acl ??= [];
        found.problems ??= [];
        readRule(file, statement, kind, found.acl, found.problems);
        break;
      case "sysctl":
        found.sysctls = readSysctl(file, statement, found.sysctls);
        break;
      case "daemon":
      case "listen":
        found.processes = readProcesses(file, statement, statement.spec.keyword, found.processes, { kind, name });
        break;
      case "labels":
        found.labels = readLabels(statement, found.labels);
        break;
      case "pod-cidr":
        found.podCidrs ??= readPodCidrs(file, statement);
        break;
      case "external-ip":
        found.externalIps = [...(found.externalIps ?? nothing), ...addressesIn(file, statement)];
        break;
      case "docker-bridge":
        found.dockerBridge ??= readDockerBridge(file, statement);
        break;
      case "cni":
        found.cni ??= readCni(file, statement);
        break;
      case "bgp":
        found.bgp ??= readBgp(file, statement);
        break;
      case "security-group":
        found.groups = [...(found.groups ?? nothing), ...placesIn(file, statement, "groups")];
        break;
      case "route-table": {
        found.problems ??= [];
        const table = readRouteTable(file, statement, found.problems);
        if (table !== undefined) found.routeTables = [...(found.routeTables ?? nothing), table];
        break;
      }
      case "device":
      case "neighbor":
      case "fdb":
        found.overrides ??= [];
        found.overrides.push(statement);
        break;
      case "loopback":
      case "masquerade":
      case "port-forward":
      case "answers":
        found.edge ??= [];
        found.edge.push(statement);
        break;
      default:
        break;
    }
  }
  return found;
}

/** A `route` or a `rule`. */
function readRouting(file: string, statement: Decl, found: Statements): void {
  found.problems ??= [];
  if (statement.spec?.keyword === "route") {
    noteRoutes(found, statement, readRoute(file, statement, found.problems));
    return;
  }
  const rule = readRoutingRule(file, statement);
  if (rule === undefined) return;
  if (isProblem(rule)) found.problems.push(rule);
  else found.rules = [...(found.rules ?? nothing), rule];
}

/** The routes of a statement, in table main or another one. */
function noteRoutes(found: Statements, decl: Decl, routes: readonly StaticRoute[]): void {
  const table = oneOf(decl, "table", "word")?.text ?? "main";
  if (table === "main") found.routes = [...(found.routes ?? nothing), ...routes];
  else found.tableRoutes = [...(found.tableRoutes ?? nothing), ...routes.map((route) => ({ ...route, table }))];
}

/** Adds to the settings read before, in the order of the last write. */
function readSysctl(
  file: string,
  decl: Decl,
  before: Map<string, { value: string; source: Origin }> | undefined,
): Map<string, { value: string; source: Origin }> | undefined {
  const key = oneOf(decl, "name", "word")?.text;
  const value = oneOf(decl, "value", "number")?.value;
  if (key === undefined || value === undefined) return before;
  const sysctls = before ?? new Map<string, { value: string; source: Origin }>();
  sysctls.delete(key);
  return sysctls.set(key, { value: String(value), source: sourceOf(file, decl) });
}

function readAttach(file: string, decl: Decl, device: string): Attach | undefined {
  const segment = one(decl, "segment");
  if (segment?.value.kind !== "ref") return undefined;
  const addresses: GivenAddress[] = [];
  for (const read of all(decl, "addresses")) {
    if (read.value.kind !== "interface-address") continue;
    addresses.push({ ip: read.value.ip, len: read.value.len, source: sourceOfRead(file, decl, read) });
  }
  return {
    device,
    segment: segment.value.text,
    segmentSource: sourceOfRead(file, decl, segment),
    addresses: trimmed(addresses),
    mtu: numberOf(decl, "mtu"),
    sourceCheck: oneOf(child(decl, "source-check"), "value", "boolean")?.value,
    noGateway: oneOf(child(decl, "gateway"), "gateway", "word") !== undefined,
    groups: trimmed(childrenOf(decl, "security-group").flatMap((one) => placesIn(file, one, "groups"))),
    source: sourceOf(file, decl),
  };
}

/** The first range of each family. */
function readPodCidrs(file: string, decl: Decl): readonly NodeCidr[] {
  const cidrs: NodeCidr[] = [];
  for (const read of all(decl, "prefixes")) {
    if (read.value.kind !== "prefix") continue;
    const { prefix } = read.value;
    if (cidrs.some((other) => typeof other.prefix.ip === typeof prefix.ip)) continue;
    cidrs.push({ prefix, allocated: false, source: sourceOfRead(file, decl, read) });
  }
  return trimmed(cidrs);
}

/** Undefined if the name is unreadable. */
function readRouteTable(file: string, decl: Decl, problems: TopologyProblem[]): RouteTableSpec | undefined {
  const name = nameOf(decl);
  if (name === undefined) return undefined;
  const routes: StaticRoute[] = [];
  const segments: NamedPlace[] = [];
  for (const statement of decl.children) {
    if (statement.spec?.keyword === "route") routes.push(...readRoute(file, statement, problems));
    if (statement.spec?.keyword === "for") segments.push(...placesIn(file, statement, "segments"));
  }
  return { name, segments, routes, source: sourceOf(file, decl) };
}

const anywhere4: Prefix = { ip: 0, len: 0 };
const anywhere6: Prefix = { ip: 0n, len: 0 };

/** One route; for `default`, one route for each family of its next hops, or without next hops one for each family. */
function readRoute(file: string, decl: Decl, problems: TopologyProblem[]): readonly StaticRoute[] {
  const destination = one(decl, "destination")?.value;
  const hops: { ip: Ip; read: Read }[] = [];
  for (const read of all(decl, "via")) if (read.value.kind === "address") hops.push({ ip: read.value.ip, read });
  const type = has(decl, "blackhole")
    ? "blackhole"
    : has(decl, "unreachable")
      ? "unreachable"
      : has(decl, "prohibit")
        ? "prohibit"
        : "unicast";
  const dev = oneOf(decl, "dev", "name")?.text;
  // A route with an unreadable part is ignored: without the part, it would have a different destination.
  if (isBroken(decl) || (type === "unicast" && hops.length === 0 && dev === undefined)) return nothing;
  const metric = oneOf(decl, "metric", "number")?.value;
  const source = sourceOf(file, decl);
  const options = routeOptions(file, decl);
  const routes: StaticRoute[] = [];
  const add = (dst: Prefix, via: readonly Ip[]): void => {
    const route: StaticRoute = { dst, type, via, dev, metric, implied: false, source };
    // A `default` without next hops is a route of both families; the source address has one.
    if (options?.src && typeof options.src.ip !== typeof dst.ip && destination?.kind === "default-route") return;
    routes.push(options ? { ...route, options } : route);
  };
  if (destination?.kind === "default-route") {
    for (const dst of [anywhere4, anywhere6]) {
      const via = hops.filter(({ ip }) => typeof ip === typeof dst.ip).map(({ ip }) => ip);
      if (via.length > 0 || hops.length === 0) add(dst, via);
    }
    return routes;
  }
  if (destination?.kind !== "prefix") return nothing;
  const dst = destination.prefix;
  const via: Ip[] = [];
  for (const { ip, read } of hops) {
    if (typeof ip === typeof dst.ip) {
      via.push(ip);
      continue;
    }
    const data = { destination: formatPrefix(dst), address: formatIp(ip) };
    problems.push(problem(CODES.nextHopFamily, sourceOfRead(file, decl, read), data));
  }
  if (via.length > 0 || hops.length === 0) add(dst, via);
  return routes;
}

function routeOptions(file: string, decl: Decl): RouteOptions | undefined {
  const src = one(decl, "src");
  const mtu = oneOf(decl, "mtu", "number")?.value;
  const onlink = has(decl, "onlink");
  if (src === undefined && mtu === undefined && !onlink) return undefined;
  return {
    src: src?.value.kind === "address" ? { ip: src.value.ip, source: sourceOfRead(file, decl, src) } : undefined,
    mtu,
    onlink,
  };
}

export function readDockerBridge(file: string, decl: Decl): DockerBridge | undefined {
  const read = one(decl, "address");
  if (read?.value.kind !== "interface-address" || read.value.len === undefined) return undefined;
  return { address: { ip: read.value.ip, len: read.value.len }, source: sourceOf(file, decl) };
}

export function readCni(file: string, decl: Decl): CniSettings | undefined {
  const plugin = oneOf(decl, "plugin", "word")?.text;
  return plugin === undefined ? undefined : { plugin, decl, file, source: sourceOf(file, decl) };
}

/** Adds to the labels read before. */
export function readLabels(decl: Decl, before: Map<string, string> | undefined): Map<string, string> {
  const labels = before ?? new Map<string, string>();
  for (const { value } of all(decl, "labels")) if (value.kind === "label") labels.set(value.key, value.value);
  return labels;
}

/** Processes with their own names, and listeners outside of them. */
export interface ProcessesRead {
  readonly named: ProcessSpec[];
  readonly listeners: Listener[];
  readonly problems: TopologyProblem[];
}

/** Adds to the processes read before; `owner` is the machine or workload. */
export function readProcesses(
  file: string,
  decl: Decl,
  keyword: "daemon" | "container" | "listen",
  before: ProcessesRead | undefined,
  owner: Place,
): ProcessesRead {
  const read: ProcessesRead = before ?? { named: [], listeners: [], problems: [] };
  if (keyword === "listen") {
    readListeners(file, decl, read.listeners);
    return read;
  }
  const added = readProcess(file, decl);
  if (added === undefined) return read;
  const first = read.named.find(({ name }) => name === added.name);
  if (first === undefined) read.named.push(added);
  else read.problems.push(nameTwice(keyword, added.name, owner, { ...added.source, part: 0 }, first.source));
  return read;
}

/** A `listen` outside of all processes belongs to a process with the name of the machine or workload. */
export function processesOf(read: ProcessesRead | undefined, name: string, source: Origin): readonly ProcessSpec[] {
  if (read === undefined) return nothing;
  const { named, listeners } = read;
  return trimmed(listeners.length > 0 ? [{ name, listeners, source }, ...named] : named);
}

function readProcess(file: string, decl: Decl): ProcessSpec | undefined {
  const name = nameOf(decl);
  if (name === undefined) return undefined;
  const listeners: Listener[] = [];
  for (const listen of decl.children) if (listen.spec?.keyword === "listen") readListeners(file, listen, listeners);
  return { name, listeners: trimmed(listeners), source: sourceOf(file, decl) };
}

/** Adds to the listeners read before. */
function readListeners(file: string, decl: Decl, listeners: Listener[]): void {
  const name = oneOf(decl, "as", "name")?.text;
  const hostPort = oneOf(decl, "host-port", "number")?.value;
  for (const read of all(decl, "ports")) {
    if (read.value.kind !== "ports") continue;
    const { first, last, proto = "tcp" } = read.value;
    const source = sourceOfRead(file, decl, read);
    const plain = { proto, first, last, source };
    if (name === undefined && hostPort === undefined) listeners.push(plain);
    else {
      const named = name === undefined ? plain : { ...plain, name };
      listeners.push(hostPort === undefined ? named : { ...named, hostPort });
    }
  }
}

export function nameTwice(
  kind: NamedKind,
  name: string,
  context: Place,
  source: Origin,
  first: Origin,
): TopologyProblem {
  const related = [{ source: first, message: t`first declaration of \`${name}\`, which is used` }];
  return problem(CODES.nameTwice, source, { name, kind, context }, related);
}
