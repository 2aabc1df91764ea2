/** Segments: their gateways, and the addresses of machines on them. */

import { kthFree, type SortedReserved, sortReserved } from "../addressing/allocation.ts";
import {
  addIp,
  bits,
  formatIp,
  formatPrefix,
  type InterfaceAddress,
  type Ip,
  type IpRange,
  type Prefix,
  prefixContains,
} from "../addressing/ip.ts";
import {
  all,
  booleanOf,
  child,
  childrenOf,
  has,
  nameOf,
  numberOf,
  one,
  sourceOfRead,
  wordOf,
} from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import { isProblem, readFilter } from "./access-list.ts";
import { hostRange } from "./addressing.ts";
import { CLOUDS, reservedIn } from "./clouds.ts";
import type { AclMatch, CloudName, Interface, Segment, StaticRoute } from "./model.ts";
import type { NameProblems } from "./nearby.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import type { Attach, StationParts } from "./station.ts";

/** A segment as written. */
export interface SegmentParts {
  readonly name: string;
  readonly source: Origin;
  readonly nameSource: Origin;
  readonly cidrs: readonly Prefix[];
  readonly cidrSources: readonly Origin[];
  readonly mtu: number;
  readonly vlan: number | undefined;
  readonly cloud: CloudName | undefined;
  readonly sourceCheck: boolean;
  /** Routers by name, or addresses, as set with `gateway`. */
  /** `gateway none`. */
  readonly noGateway: boolean;
  /** What the network itself drops. */
  readonly denies: readonly AclMatch[];
  readonly problems: readonly TopologyProblem[];
  readonly gatewayNames: readonly { readonly name: string; readonly ip: Ip | undefined; readonly source: Origin }[];
}

/** A segment while its addresses are being allocated. */
export interface SegmentDraft extends SegmentParts {
  /** Addresses configured anywhere on the segment. */
  readonly stated: IpRange[];
  readonly routers: { readonly parts: StationParts; readonly attach: Attach }[];
  readonly gateways: Gateway[];
  /** Per prefix, the lowest pod address, and the highest allocated machine address. */
  readonly podsFrom: Map<Prefix, Ip>;
  readonly highest: Map<Prefix, Ip>;
  allocator: Allocator | undefined;
  /** Interfaces that could not get an address, by family. */
  readonly exhausted: { readonly family: 4 | 6; count: number; readonly station: string; readonly source: Origin }[];
}

export interface Gateway {
  readonly ip: Ip;
  /** The statement that makes it the gateway: the segment's, or the router's. */
  readonly source: Origin;
}

/** Undefined if the name is unreadable. */
export const segmentIn = memo((decl: Decl, file: string): SegmentParts | undefined => {
  const name = nameOf(decl);
  const nameRead = one(decl, "name");
  if (name === undefined || nameRead === undefined) return undefined;
  const cidrs: Prefix[] = [];
  const cidrSources: Origin[] = [];
  for (const statement of childrenOf(decl, "cidr")) {
    for (const read of all(statement, "prefixes")) {
      if (read.value.kind !== "prefix") continue;
      cidrs.push(read.value.prefix);
      cidrSources.push(sourceOfRead(file, statement, read));
    }
  }
  const provider = wordOf(decl, "cloud");
  const cloud = provider === "aws" || provider === "azure" || provider === "gcp" ? provider : undefined;
  const gateway = child(decl, "gateway");
  const gatewayNames = all(gateway, "routers").flatMap((read) =>
    gateway === undefined || read.value.kind !== "ref"
      ? []
      : [{ name: read.value.text, ip: read.value.address, source: sourceOfRead(file, gateway, read) }],
  );
  const filters = childrenOf(decl, "deny").flatMap((statement) => readFilter(file, statement) ?? []);
  return {
    name,
    source: sourceOf(file, decl),
    noGateway: has(gateway, "none"),
    denies: filters.flatMap((one) => (isProblem(one) ? [] : [one])),
    problems: filters.filter(isProblem),
    nameSource: sourceOfRead(file, decl, nameRead),
    cidrs,
    cidrSources,
    mtu: numberOf(decl, "mtu") ?? (cloud === undefined ? 1500 : CLOUDS[cloud].mtu),
    vlan: numberOf(decl, "vlan"),
    cloud,
    sourceCheck: booleanOf(decl, "source-check", cloud !== undefined),
    gatewayNames,
  };
});

export function draftOf(parts: SegmentParts): SegmentDraft {
  return {
    ...parts,
    stated: [],
    routers: [],
    gateways: [],
    podsFrom: new Map(),
    highest: new Map(),
    allocator: undefined,
    exhausted: [],
  };
}

export const finishedSegment = memo((parts: SegmentParts, gateways: readonly Gateway[]): Segment => {
  const { name, cidrs, mtu, vlan, cloud, sourceCheck, denies, source, cidrSources } = parts;
  const own = {
    name,
    cidrs,
    mtu,
    vlan,
    cloud,
    sourceCheck,
    gateways: gateways.map(({ ip }) => ip),
    source,
    cidrSources,
  };
  return denies.length === 0 ? own : { ...own, denies };
});

/**
 * Records the addresses that a machine configures on the segment. `count`: number of machines with the same statement
 * (a pool).
 */
export function noteAttach(segment: SegmentDraft, parts: StationParts, attach: Attach, count: number): void {
  if (parts.kind === "router") segment.routers.push({ parts, attach });
  for (const { ip } of attach.addresses) segment.stated.push({ first: ip, last: lastOf(ip, count) });
}

function lastOf(ip: Ip, count: number): Ip {
  return count === 1 ? ip : (addIp(ip, count - 1) ?? ip);
}

/** Whether all addresses, counted up for the nodes of a pool, are in the segment. */
export function isInside(segment: SegmentParts, attach: Attach, count: number): boolean {
  return (
    segment.cidrs.length === 0 ||
    attach.addresses.every(
      ({ ip }) =>
        cidrOf(segment, ip) !== undefined && (count === 1 || cidrOf(segment, lastOf(ip, count)) !== undefined),
    )
  );
}

/** Configured addresses outside the segment. */
export function outsideProblems(segment: SegmentParts, attach: Attach, count: number): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  for (const { ip, source } of attach.addresses) {
    const last = lastOf(ip, count);
    if (segment.cidrs.length === 0) continue;
    const outside = cidrOf(segment, ip) === undefined ? ip : last;
    if (outside === last && cidrOf(segment, last) !== undefined) continue;
    const data = {
      address: formatIp(outside),
      segment: segment.name,
      cidrs: segment.cidrs.map(formatPrefix).join(", "),
    };
    const related = segment.cidrSources.map((place) => ({ source: place, message: t`segment \`${segment.name}\`` }));
    problems.push(problem(CODES.addressOutsideSegment, source, data, related));
  }
  return problems;
}

export function cidrOf(segment: Pick<SegmentParts, "cidrs">, ip: Ip): Prefix | undefined {
  for (const cidr of segment.cidrs) if (prefixContains(cidr, ip)) return cidr;
  return undefined;
}

/** The address with the prefix length of the segment's prefix that contains it, unless a length is given. */
export function onSegment(segment: Pick<SegmentParts, "cidrs">, ip: Ip, len: number | undefined): InterfaceAddress {
  return { ip, len: len ?? cidrOf(segment, ip)?.len ?? bits(ip) };
}

/* ---------------------------------------------------------------- allocation */

/** The next free address of each family, in order. */
export interface Allocator {
  next(family: 4 | 6): InterfaceAddress | undefined;
}

function makeAllocator(segment: SegmentDraft): Allocator {
  const gateways = segment.gateways.map(({ ip }) => ({ first: ip, last: ip }));
  const reserved = sortReserved([...segment.stated, ...gateways, ...cloudReserved(segment)]);
  const of = (family: 4 | 6) =>
    makeCursor(
      segment,
      segment.cidrs.filter((cidr) => bits(cidr.ip) === (family === 4 ? 32 : 128)),
      reserved,
    );
  const cursor4 = of(4);
  const cursor6 = of(6);
  return { next: (family) => (family === 4 ? cursor4() : cursor6()) };
}

/** Addresses reserved by the cloud. */
export function cloudReserved({ cloud, cidrs }: SegmentParts): readonly IpRange[] {
  return cloud === undefined ? [] : cidrs.flatMap((cidr) => reservedIn(cloud, cidr));
}

function makeCursor(
  { podsFrom, highest }: SegmentDraft,
  cidrs: readonly Prefix[],
  reserved: SortedReserved,
): () => InterfaceAddress | undefined {
  let at = 0;
  let k = 0;
  return () => {
    for (; at < cidrs.length; at++, k = 0) {
      const cidr = cidrs[at]!;
      const { first, last } = hostRange(cidr);
      const ip = kthFree(first, last, reserved, k);
      const pods = podsFrom.get(cidr);
      if (ip === undefined || (pods !== undefined && ip >= pods)) continue;
      k++;
      highest.set(cidr, ip);
      return { ip, len: cidr.len };
    }
    return undefined;
  };
}

/** One address of each family that the segment has; an exhausted family is recorded and omitted. */
export function allocate(segment: SegmentDraft, station: string, source: Origin): readonly InterfaceAddress[] {
  segment.allocator ??= makeAllocator(segment);
  const addresses: InterfaceAddress[] = [];
  for (const family of familiesOf(segment)) {
    const address = segment.allocator.next(family);
    if (address !== undefined) {
      addresses.push(address);
      continue;
    }
    const before = segment.exhausted.find((noted) => noted.family === family);
    if (before === undefined) segment.exhausted.push({ family, count: 1, station, source });
    else before.count++;
  }
  return addresses;
}

const only4: readonly (4 | 6)[] = [4];
const only6: readonly (4 | 6)[] = [6];
const both: readonly (4 | 6)[] = [4, 6];

function familiesOf(segment: SegmentParts): readonly (4 | 6)[] {
  const has4 = segment.cidrs.some(({ ip }) => typeof ip === "number");
  const has6 = segment.cidrs.some(({ ip }) => typeof ip === "bigint");
  return has4 ? (has6 ? both : only4) : has6 ? only6 : [];
}

export function exhaustionProblems(segment: SegmentDraft): readonly TopologyProblem[] {
  return segment.exhausted.map(({ family, count, station, source }) => {
    const cidrs = segment.cidrs.filter(({ ip }) => bits(ip) === (family === 4 ? 32 : 128));
    const data = { segment: segment.name, cidrs: cidrs.map(formatPrefix).join(", "), count, station };
    const related = segment.cidrSources.map((place) => ({ source: place, message: t`segment \`${segment.name}\`` }));
    return problem(CODES.segmentExhausted, source, data, related);
  });
}

/* ---------------------------------------------------------------- gateways */

/** Addresses of an `attach` without addresses, assigned because its router is the segment's gateway. */
export type Assigned = Map<Attach, readonly InterfaceAddress[]>;

/**
 * The configured gateways, or the only attached router. A gateway router without a configured address is the first to
 * get one: the address in `gateway`, or the first free address.
 */
export function chooseGateways(
  segment: SegmentDraft,
  assigned: Assigned,
  names: NameProblems,
  problems: TopologyProblem[],
): void {
  const { routers, gatewayNames } = segment;
  const only = routers.length === 1 ? routers[0] : undefined;
  const stated = gatewayNames.filter(({ ip }) => ip !== undefined);
  for (const { ip, source } of stated) if (ip !== undefined) segment.gateways.push({ ip, source });
  if (stated.length > 0 && only !== undefined && only.attach.addresses.length === 0) {
    assigned.set(
      only.attach,
      segment.gateways.map(({ ip }) => onSegment(segment, ip, undefined)),
    );
  }
  for (const { name, ip, source } of gatewayNames) {
    if (ip !== undefined) continue;
    const attached = routers.filter(({ parts }) => parts.name === name);
    for (const { parts, attach } of attached) addGateway(segment, parts, attach, source, assigned);
    if (attached.length > 0) continue;
    if (names.isRouter(name)) {
      problems.push(problem(CODES.gatewayNotAttached, source, { router: name, segment: segment.name }));
    } else problems.push(names.unknown(name, "router", source));
  }
  if (gatewayNames.length === 0 && only !== undefined && !segment.noGateway) {
    addGateway(segment, only.parts, only.attach, only.attach.source, assigned);
  }
}

function addGateway(
  segment: SegmentDraft,
  parts: StationParts,
  attach: Attach,
  source: Origin,
  assigned: Assigned,
): void {
  let addresses: readonly { readonly ip: Ip }[] = attach.addresses;
  if (addresses.length === 0) {
    const own = assigned.get(attach) ?? allocate(segment, parts.name, attach.source);
    assigned.set(attach, own);
    addresses = own;
  }
  for (const { ip } of addresses) segment.gateways.push({ ip, source });
}

const anywhere4 = { ip: 0, len: 0 };
const anywhere6 = { ip: 0n, len: 0 };

/** What a machine sees of a segment that it is attached to. */
export interface Attached {
  readonly segment: SegmentParts;
  readonly gateways: readonly Gateway[];
}

/**
 * The default routes of a machine whose first interface is this one: per family via a gateway within the prefix of its
 * address, else via any gateway of the family.
 */
export function defaultRoutes(attached: Attached, iface: Interface): readonly StaticRoute[] {
  if (attached.gateways.length === 0) return [];
  let found: readonly StaticRoute[] = [];
  for (const like of [0, 0n]) {
    const gateway = gatewayFor(attached, iface, like);
    if (gateway === undefined) continue;
    const routes = valueAt(routesBy(gateway), iface.device, () => [defaultRoute(gateway, iface.device)]);
    found = found.length === 0 ? routes : [...found, ...routes];
  }
  return found;
}

/** Undefined if the machine has no address of the family, or is the gateway itself. */
function gatewayFor({ segment, gateways }: Attached, iface: Interface, like: Ip): Gateway | undefined {
  let found: Gateway | undefined;
  for (const address of iface.addresses) {
    if (typeof address.ip !== typeof like) continue;
    const near = cidrOf(segment, address.ip);
    for (const gateway of gateways) {
      if (typeof gateway.ip !== typeof like) continue;
      if (gateway.ip === address.ip) return undefined;
      if (near !== undefined && prefixContains(near, gateway.ip)) return gateway;
      found ??= gateway;
    }
  }
  return found;
}

/** By device: the same list for all machines with the same gateway. */
const routesBy = memo((_: Gateway): Map<string, readonly StaticRoute[]> => new Map());

function defaultRoute({ ip, source }: Gateway, device: string): StaticRoute {
  const dst = typeof ip === "number" ? anywhere4 : anywhere6;
  return { dst, type: "unicast", via: [ip], dev: device, metric: undefined, implied: true, source };
}
