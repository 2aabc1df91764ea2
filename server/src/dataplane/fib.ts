/**
 * Route lookup as in net/ipv4/fib_rules.c and fib_trie.c: rules in order of priority; in each table the longest prefix,
 * then the lowest metric; table `local` first. Also source address selection (inet_select_addr).
 */

import { hostPrefix, type Ip, ipEquals, isLoopback, isMulticast, network, prefixContains } from "../addressing/ip.ts";
import { memo } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import type { Device, Netns, Nexthop, PolicyRule, Route, RouteTable } from "./model.ts";
import { maskedMark } from "./packet.ts";
import { sourceFor } from "./source6.ts";

export interface Lookup {
  readonly dst: Ip;
  readonly src?: Ip | undefined;
  readonly iif?: string | undefined;
  /** Only routes through this device (a tunnel's lower device). */
  readonly oif?: string | undefined;
  readonly mark?: number | undefined;
}

export interface Found {
  readonly route: Route;
  readonly table: string;
  /** Equal-cost next hops: usually one; none for `unreachable`, `prohibit`, and `blackhole` routes. */
  readonly nexthops: readonly Nexthop[];
}

/** The local addresses of a network namespace. */
export interface LocalAddresses {
  /** The route in table `local`; undefined if the address is not local. */
  route(ip: Ip): Route | undefined;
}

const LOCAL_RULE: PolicyRule = { priority: 0, table: "local" };
const MAIN_RULE: PolicyRule = { priority: 32766, table: "main" };

/** Table `local` of a network namespace, computed once. */
export const localAddressesOf = memo((netns: Netns) => localAddresses(netns));

/** Table `local` of a network namespace: device addresses, 127.0.0.0/8 and ::1 on lo, anycast and broadcast addresses, ff00::/8. */
function localAddresses(netns: Netns): LocalAddresses {
  const own = new Map<Ip, Route>();
  /** Broadcast addresses of IPv4, anycast addresses of IPv6. */
  const shared = new Map<Ip, Route>();
  for (const device of netns.devices.values()) {
    for (const { ip, len } of device.addresses) {
      if (!own.has(ip)) {
        own.set(ip, {
          dst: hostPrefix(ip),
          type: "local",
          nexthops: [{ dev: device.name }],
          src: ip,
          proto: "kernel",
          scope: "host",
          why: t`local address of ${device.name}`,
          origin: device.origin,
        });
      }
      if (typeof ip === "number" && len < 31) {
        const last = (network(ip, len) as number) + 2 ** (32 - len) - 1;
        shared.set(last, {
          dst: { ip: last, len: 32 },
          type: "broadcast",
          nexthops: [{ dev: device.name }],
          src: ip,
          proto: "kernel",
          scope: "link",
          why: t`broadcast address of ${device.name}`,
          origin: device.origin,
        });
      }
      const router = anycastOf(netns, ip, len);
      if (router !== undefined && !shared.has(router)) {
        shared.set(router, {
          dst: hostPrefix(router),
          type: "anycast",
          nexthops: [{ dev: device.name }],
          src: ip,
          proto: "kernel",
          why: t`subnet-router anycast address of ${device.name}`,
          origin: device.origin,
        });
      }
    }
  }
  return {
    route(ip) {
      const found = own.get(ip) ?? shared.get(ip);
      if (found) return found;
      if (isLoopback(ip) && netns.devices.has("lo")) return loopbackRoute(ip);
      return typeof ip === "bigint" && isMulticast(ip) ? multicastRoute(netns) : undefined;
    },
  };
}

/** Each device with IPv6 has a route to ff00::/8 in table local (addrconf_add_mroute); the first device's route applies. */
function multicastRoute({ devices }: Netns): Route | undefined {
  for (const { name, kind, addresses, origin } of devices.values()) {
    if (kind === "loopback" || !addresses.some(({ ip }) => typeof ip === "bigint")) continue;
    return {
      dst: { ip: 0xffn << 120n, len: 8 },
      type: "multicast",
      nexthops: [{ dev: name }],
      proto: "kernel",
      metric: 256,
      why: t`multicast route of ${name}`,
      origin,
    };
  }
  return undefined;
}

function loopbackRoute(ip: Ip): Route {
  const dst = typeof ip === "number" ? { ip: 0x7f000000, len: 8 } : hostPrefix(ip);
  const src = typeof ip === "number" ? 0x7f000001 : ip;
  return {
    dst,
    type: "local",
    nexthops: [{ dev: "lo" }],
    src,
    proto: "kernel",
    scope: "host",
    why: t`loopback`,
    origin: undefined,
  };
}

/**
 * The subnet-router anycast address that a machine joins with an address of a device (RFC 4291 §2.6.1): the machine forwards,
 * and the prefix is shorter than /127 (addrconf_join_anycast, net/ipv6/addrconf.c).
 */
function anycastOf(netns: Netns, ip: Ip, len: number): Ip | undefined {
  return typeof ip === "bigint" && netns.sysctls.ip6Forward && len < 127 ? network(ip, len) : undefined;
}

/** Whether the device has the anycast address: only this device replies to neighbor discovery for it (ipv6_chk_acast_addr). */
export function isAnycastOn(netns: Netns, ip: Ip, device: string): boolean {
  return netns.devices.get(device)?.addresses.some((own) => anycastOf(netns, own.ip, own.len) === ip) === true;
}

/**
 * Whether the address is an anycast address of the machine. If it is also a unicast address of the machine, the entry of the
 * ingress device applies (rt6_score_route).
 */
export function isAnycast(netns: Netns, ip: Ip, ingress: string): boolean {
  return localAddressesOf(netns).route(ip)?.type === "anycast" || isAnycastOn(netns, ip, ingress);
}

/** Whether a packet with this route is delivered on the machine. */
export function isDelivered({ type }: Route): boolean {
  return type === "local" || type === "anycast";
}

/** The route that the kernel selects; undefined means network unreachable. */
export function lookup(netns: Netns, locals: LocalAddresses, query: Lookup): Found | undefined {
  for (const rule of rulesOf(netns)) {
    if (!ruleMatches(rule, query)) continue;
    if (rule.table === "local") {
      // A local route contains the device that has the address.
      const route = locals.route(query.dst);
      if (route && leavesBy(route, query.oif)) return { route, table: "local", nexthops: route.nexthops };
      continue;
    }
    const table = netns.tables.get(rule.table);
    const found = table && lookupTable(table, query);
    if (found) return { ...found, table: rule.table };
  }
  return undefined;
}

function leavesBy(route: Route, oif: string | undefined): boolean {
  return oif === undefined || oif === "lo" || route.nexthops.some(({ dev }) => dev === oif);
}

/** Whether there are policy rules besides local, main, and default. */
export function hasRules({ rules }: Netns): boolean {
  return rules.some(({ priority }) => priority !== 0 && priority !== 32766 && priority !== 32767);
}

function rulesOf(netns: Netns): readonly PolicyRule[] {
  if (netns.rules.length === 0) return [LOCAL_RULE, MAIN_RULE];
  return netns.rules.some((rule) => rule.table === "local") ? netns.rules : [LOCAL_RULE, ...netns.rules];
}

function ruleMatches(rule: PolicyRule, query: Lookup): boolean {
  if (rule.from && !(query.src !== undefined && prefixContains(rule.from, query.src))) return false;
  if (rule.to && !prefixContains(rule.to, query.dst)) return false;
  // A locally generated packet is looked up with LOOPBACK_IFINDEX as its ingress device.
  if (rule.iif !== undefined && rule.iif !== (query.iif ?? "lo")) return false;
  if (rule.fwmark && maskedMark(query.mark ?? 0, rule.fwmark.mask) !== rule.fwmark.value) return false;
  return true;
}

function lookupTable(table: RouteTable, query: Lookup): { route: Route; nexthops: readonly Nexthop[] } | undefined {
  let best: { route: Route; nexthops: readonly Nexthop[] } | undefined;
  for (const layer of table.layers) {
    for (const { prefix, values } of layer.table.matches(query.dst)) {
      if (best && prefix.len < best.route.dst.len) break;
      let found = false;
      for (const route of values) {
        if (layer.except?.(route)) continue;
        const nexthops =
          query.oif === undefined ? route.nexthops : route.nexthops.filter((hop) => hop.dev === query.oif);
        if (query.oif !== undefined && nexthops.length === 0 && route.nexthops.length > 0) continue;
        found = true;
        if (
          !best ||
          route.dst.len > best.route.dst.len ||
          (route.dst.len === best.route.dst.len && metric(route) < metric(best.route))
        ) {
          best = { route, nexthops };
        }
      }
      if (found) break;
    }
  }
  return best;
}

function metric(route: Route): number {
  return route.metric ?? 0;
}

/** Source address of a locally generated packet: the route's `src`, otherwise an address of the egress device, otherwise any. */
export function selectSource(netns: Netns, found: Found, nexthop: Nexthop | undefined, dst: Ip): Ip | undefined {
  return found.route.src ?? sourceOn(netns, nexthop && netns.devices.get(nexthop.dev), nexthop?.via, dst);
}

/**
 * An address of the egress device, preferably in the subnet of the next hop, otherwise any address of the machine
 * (inet_select_addr, net/ipv4/devinet.c). IPv6 has separate rules (`sourceFor`).
 */
export function sourceOn(netns: Netns, device: Device | undefined, via: Ip | undefined, dst: Ip): Ip | undefined {
  if (typeof dst === "bigint") return sourceFor(netns, device, dst);
  const towards = via ?? dst;
  const own = device && addressTowards(device, towards);
  if (own !== undefined) return own;
  // In the order of the devices, `lo` first: 127.0.0.0/8 has scope host and is not used, an address of a router ID is.
  for (const other of netns.devices.values()) {
    const any = addressTowards(other, towards);
    if (any !== undefined) return any;
  }
  return undefined;
}

/** An IPv4 address of the device, preferably one whose subnet contains `towards`. */
function addressTowards(device: Device, towards: Ip): Ip | undefined {
  let first: Ip | undefined;
  for (const { ip, len } of device.addresses) {
    if (typeof ip !== "number" || isLoopback(ip)) continue;
    if (len < 32 && ipEquals(network(ip, len), network(towards, len))) return ip;
    first ??= ip;
  }
  return first;
}
