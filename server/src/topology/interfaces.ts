/** The interfaces of a machine, and the default routes that follow from their segments. */
import { addIp, bits, type InterfaceAddress } from "../addressing/ip.ts";
import type { Interface, StaticRoute, Station, StationRef } from "./model.ts";
import { type Attached, defaultRoutes, onSegment, type SegmentParts } from "./segments.ts";
import { type Attach, nothing, type StationParts, trimmed } from "./station.ts";

/**
 * `position`: index of the node in a pool; configured addresses count up. `around` and `allocated`: by `attach`; the
 * allocated addresses of those without configured ones.
 */
export function buildInterfaces(
  parts: StationParts,
  station: StationRef,
  position: number,
  around: readonly (Attached | undefined)[],
  allocated: readonly (readonly InterfaceAddress[] | undefined)[],
): readonly Interface[] {
  if (parts.attaches.length === 0) return nothing;
  const interfaces: Interface[] = [];
  for (const [i, attach] of parts.attaches.entries()) {
    const segment = around[i]?.segment;
    if (segment === undefined) continue;
    const addresses =
      attach.addresses.length > 0 ? givenAddresses(attach, segment, position) : (allocated[i] ?? nothing);
    interfaces.push(interfaceOf(attach, segment, station, addresses, parts.groups));
  }
  return trimmed(interfaces);
}

/** The addresses set in `attach`, counted up for the nodes of a pool. */
function givenAddresses(attach: Attach, segment: SegmentParts, position: number): readonly InterfaceAddress[] {
  const own: InterfaceAddress[] = [];
  for (const { ip, len } of attach.addresses) {
    const counted = position === 0 ? ip : addIp(ip, position);
    if (counted !== undefined) own.push(onSegment(segment, counted, len));
  }
  return trimmed(own);
}

function interfaceOf(
  attach: Attach,
  segment: SegmentParts,
  station: StationRef,
  addresses: readonly InterfaceAddress[],
  groups: StationParts["groups"],
): Interface {
  return {
    device: attach.device,
    segment: segment.name,
    addresses,
    allocated: attach.addresses.length === 0,
    mtu: attach.mtu ?? segment.mtu,
    sourceCheck: attach.sourceCheck ?? (station.kind === "router" ? false : segment.sourceCheck),
    groups: groupNames(attach, groups),
    source: attach.source,
    station,
  };
}

function groupNames({ groups }: Attach, ofMachine: StationParts["groups"]): readonly string[] {
  if (groups.length === 0 && ofMachine.length === 0) return nothing;
  return [...new Set([...groups, ...ofMachine].map(({ name }) => name))];
}

type Base = Pick<
  Station,
  | "path"
  | "name"
  | "interfaces"
  | "acl"
  | "sysctls"
  | "processes"
  | "edge"
  | "overrides"
  | "firewall"
  | "policyRouting"
  | "source"
>;

export function stationBase(parts: StationParts, path: string, name: string, interfaces: readonly Interface[]): Base {
  const { acl, sysctls, processes, edge, overrides, firewall, policyRouting, source } = parts;
  return { path, name, interfaces, acl, sysctls, processes, edge, overrides, firewall, policyRouting, source };
}

/**
 * The routes of a node or host, with a default route via the gateway of its first segment, without those with `gateway none`, for each
 * family without a configured default route.
 */
export function withDefaults(
  { attaches, routes, edge }: StationParts,
  interfaces: readonly Interface[],
  around: readonly (Attached | undefined)[],
): readonly StaticRoute[] {
  const position = around.findIndex((one, i) => one !== undefined && attaches[i]?.noGateway !== true);
  const attached = around[position];
  const first = interfaces.find(({ device }) => device === attaches[position]?.device);
  // A host with `answers any` needs no default gateway.
  if (first === undefined || attached === undefined || edge?.answersAny) return routes;
  const implied = defaultRoutes(attached, first);
  if (routes.length === 0) return implied;
  const wanted = implied.filter(
    ({ dst }) => !routes.some((route) => route.dst.len === 0 && bits(route.dst.ip) === bits(dst.ip)),
  );
  return wanted.length === 0 ? routes : [...wanted, ...routes];
}
