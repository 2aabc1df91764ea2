/**
 * Whether access lists allow a connection between two machines. Only the access lists of the two machines and of the
 * routers on the shortest path between their segments are checked: this layer does not simulate packets, and traces
 * show the effect of routing on a session.
 */
import { type Ip, type Prefix, prefixContains } from "../../addressing/ip.ts";
import type { Origin } from "../../declared/origin.ts";
import type { AclRule, Router, Station, Topology } from "../../topology/model.ts";
import { refusingGroup } from "../group-rules.ts";

/** RFC 4271 section 8.2.1. */
export const BGP_PORT = 179;

export interface AccessLists {
  /** The rule that drops TCP connections from `a` to this port of `b`, or undefined. */
  blocking(a: Station, from: Ip, b: Station, to: Ip, port: number): Origin | undefined;
  /** All rules along the path that drop these connections, at most one per machine. */
  blockers(a: Station, from: Ip, b: Station, to: Ip, port: number): readonly Origin[];
}

export function accessLists(topology: Topology): AccessLists {
  const ways = new Map<string, readonly Router[]>();
  const between = (a: Station, from: Ip, b: Station, to: Ip): readonly Router[] => {
    const start = segmentOf(a, from);
    const end = segmentOf(b, to);
    if (start === undefined || end === undefined || start === end) return [];
    const key = `${start} ${end}`;
    let way = ways.get(key);
    if (!way) {
      way = routersBetween(topology, start, end);
      ways.set(key, way);
    }
    return way;
  };
  const blockers: AccessLists["blockers"] = (a, from, b, to, port) =>
    [
      deciding(a, "out", from, to, port),
      ...between(a, from, b, to)
        .filter((router) => router !== a && router !== b)
        .map((router) => deciding(router, "forward", from, to, port)),
      deciding(b, "in", from, to, port),
      refusingGroup(topology, a, "out", { from, to, port })?.source,
      refusingGroup(topology, b, "in", { from, to, port })?.source,
    ].flatMap((source) => source ?? []);
  return { blockers, blocking: (a, from, b, to, port) => blockers(a, from, b, to, port)[0] };
}

/** The rule that drops the connection, or the chain's policy; the first match decides. Interfaces are not checked. */
function deciding(
  { acl, firewall }: Station,
  direction: AclRule["direction"],
  from: Ip,
  to: Ip,
  port: number,
): Origin | undefined {
  const rule = acl.find(
    (one) =>
      one.direction === direction &&
      !one.in &&
      !one.out &&
      concerns(one, port) &&
      isAmong(one.from, from) &&
      isAmong(one.to, to),
  );
  if (rule) return rule.action === "allow" ? undefined : rule.source;
  const policy =
    direction === "in" ? firewall?.inputPolicy : direction === "forward" ? firewall?.forwardPolicy : undefined;
  return policy?.policy === "drop" ? policy.source : undefined;
}

function concerns({ proto, ports }: AclRule, port: number): boolean {
  if (proto !== undefined && proto !== "tcp") return false;
  return ports.length === 0 || ports.some(({ first, last }) => first <= port && port <= last);
}

function isAmong(prefixes: readonly Prefix[], ip: Ip): boolean {
  return prefixes.length === 0 || prefixes.some((prefix) => prefixContains(prefix, ip));
}

/** The segment of the address; for an address on `lo`, the segment of the first interface. */
function segmentOf({ interfaces, edge }: Station, ip: Ip): string | undefined {
  const iface = interfaces.find(({ addresses }) => addresses.some((own) => own.ip === ip));
  const isOnLoopback = iface === undefined && edge?.loopbacks.some((own) => own.ip === ip);
  return (isOnLoopback ? interfaces[0] : iface)?.segment;
}

function routersBetween(topology: Topology, start: string, end: string): readonly Router[] {
  const ways = new Map<string, readonly Router[]>([[start, []]]);
  for (const [segment, way] of ways) {
    if (segment === end) return way;
    for (const router of topology.routers) {
      if (!router.interfaces.some((iface) => iface.segment === segment)) continue;
      for (const next of router.interfaces) if (!ways.has(next.segment)) ways.set(next.segment, [...way, router]);
    }
  }
  return [];
}

/** Prefixes in access lists that apply to the port: machines inside and outside of a prefix are treated differently. */
export function prefixesOfRules(topology: Topology, port: number): readonly Prefix[] {
  const stations: readonly Station[] = [...topology.routers, ...topology.clusters.flatMap(({ nodes }) => nodes)];
  const rules = [...stations.map(({ acl }) => acl), ...[...topology.securityGroups.values()].map((one) => one.rules)];
  return rules.flatMap((list) =>
    list.filter((rule) => concerns(rule, port)).flatMap((rule) => [...rule.from, ...rule.to]),
  );
}
