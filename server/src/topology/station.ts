/** One router, host, node, or pool of nodes as written, before names are bound and addresses allocated. */

import { family, formatIp, formatPrefix, type InterfaceAddress, type Ip, type Prefix } from "../addressing/ip.ts";
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
import { either } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { readBgp } from "./bgp.ts";
import { readEdge } from "./edge.ts";
import type {
  AclRule,
  BgpSpec,
  CniSettings,
  Edge,
  GivenIp,
  Listener,
  NamedPlace,
  NodeCidr,
  Overrides,
  ProcessSpec,
  RouteTableSpec,
  StaticRoute,
  Station,
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
  const found = readStatements(file, withDefaultStatements(decl, defaults), kind, name);
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
        found.routes ??= [];
        found.problems ??= [];
        readRoute(file, statement, found.routes, found.problems);
        break;
      case "allow":
      case "deny":
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
    if (statement.spec?.keyword === "route") readRoute(file, statement, routes, problems);
    if (statement.spec?.keyword === "for") segments.push(...placesIn(file, statement, "segments"));
  }
  return { name, segments, routes, source: sourceOf(file, decl) };
}

const anywhere4: Prefix = { ip: 0, len: 0 };
const anywhere6: Prefix = { ip: 0n, len: 0 };

/** One route; for `default`, one route for each family of its next hops, or without next hops one for each family. */
function readRoute(file: string, decl: Decl, routes: StaticRoute[], problems: TopologyProblem[]): void {
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
  if (isBroken(decl) || (type === "unicast" && hops.length === 0 && dev === undefined)) return;
  const metric = oneOf(decl, "metric", "number")?.value;
  const source = sourceOf(file, decl);
  const add = (dst: Prefix, via: readonly Ip[]): void => {
    routes.push({ dst, type, via, dev, metric, implied: false, source });
  };
  if (destination?.kind === "default-route") {
    for (const dst of [anywhere4, anywhere6]) {
      const via = hops.filter(({ ip }) => typeof ip === typeof dst.ip).map(({ ip }) => ip);
      if (via.length > 0 || hops.length === 0) add(dst, via);
    }
    return;
  }
  if (destination?.kind !== "prefix") return;
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
}

type Protocol = NonNullable<AclRule["proto"]>;
const protocols: ReadonlySet<string> = new Set<Protocol>(["tcp", "udp", "sctp", "icmp", "ipip", "esp"]);
const isProtocol = (text: string): text is Protocol => protocols.has(text);
const withPorts: readonly (Protocol | undefined)[] = ["tcp", "udp", "sctp", undefined];

/** An `allow` or `deny`. A rule that cannot match any packet is a problem. */
export function readRule(
  file: string,
  decl: Decl,
  kind: Station["kind"],
  rules: AclRule[],
  problems: TopologyProblem[],
): void {
  // A rule with an unreadable part is ignored: without the part, it would match more packets than intended.
  if (isBroken(decl)) return;
  const proto = oneOf(decl, "protocol", "word")?.text;
  const stated = oneOf(decl, "direction", "word")?.text;
  const direction =
    stated === "in" || stated === "out" || stated === "forward" ? stated : kind === "router" ? "forward" : "in";
  const ports: { first: number; last: number }[] = [];
  for (const { value } of all(decl, "ports")) {
    if (value.kind === "ports") ports.push({ first: value.first, last: value.last });
  }
  const rule: AclRule = {
    action: decl.spec?.keyword === "allow" ? "allow" : "deny",
    direction,
    proto: proto !== undefined && isProtocol(proto) ? proto : undefined,
    ports,
    from: prefixes(decl, "from"),
    to: prefixes(decl, "to"),
    source: sourceOf(file, decl),
  };
  const wrong = unmatchable(file, decl, rule);
  if (wrong) problems.push(wrong);
  else rules.push(rule);
}

/** Why no packet can match: a protocol without ports, or prefixes of different address families. */
function unmatchable(file: string, decl: Decl, { proto, ports, from, to }: AclRule): TopologyProblem | undefined {
  const wrong = (argument: string, expected: string, reason: string): TopologyProblem | undefined => {
    const read = one(decl, argument);
    const keyword = decl.spec?.keyword ?? "";
    const data = { keyword, argument, text: read?.text ?? "", expected, reason };
    return read && problem(CODES.wrongType, sourceOfRead(file, decl, read), data);
  };
  if (ports.length > 0 && !withPorts.includes(proto))
    return wrong("protocol", either(["`tcp`", "`udp`", "`sctp`"]), t`\`${proto ?? ""}\` packets have no ports`);
  const families = new Set(from.map(({ ip }) => family(ip)));
  if (from.length === 0 || to.length === 0 || to.some(({ ip }) => families.has(family(ip)))) return undefined;
  const [version = 4] = families;
  return wrong("to", t`an IPv${version} prefix`, t`source and destination have one address family`);
}

function prefixes(decl: Decl, argument: string): readonly Prefix[] {
  const found: Prefix[] = [];
  for (const { value } of all(decl, argument)) if (value.kind === "prefix") found.push(value.prefix);
  return found;
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
