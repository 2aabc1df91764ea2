/**
 * Destinations that are not an ordinary address: 0.0.0.0 and :: (the sender itself), IPv4-mapped, broadcast, and multicast
 * (ip_route_output_key_hash_rcu and __mkroute_output, net/ipv4/route.c). The errors depend on the socket: TCP does not connect
 * to such addresses (tcp_v4_connect, tcp_v6_connect), a broadcast requires SO_BROADCAST (udp_sendmsg, raw_sendmsg).
 */
import { formatIp, hostPrefix, type Ip, isLinkLocal, isLoopback, isMulticast, unmapped } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { type Found, localAddressesOf } from "../fib.ts";
import type { Question, StepRule } from "../journey.ts";
import type { Device, Netns, Nexthop } from "../model.ts";
import type { Packet } from "../packet.ts";
import { type End, fail, type Host, machine, type Routed, routeRule, step } from "./run.ts";

const LIMITED_BROADCAST = 0xffffffff;
/** ff01::/16 and ff02::/16: valid only on one link, so the socket must name an interface (__ipv6_addr_needs_scope_id). */
const LINK_SCOPES: ReadonlySet<bigint> = new Set([0xff01n, 0xff02n]);
/** IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS. */
const MULTICAST_TTL = 1;
/** A default route does not determine the next hop of a multicast packet (`prefixlen < 4` in __mkroute_output). */
const SHORTEST_MULTICAST_ROUTE = 4;

/**
 * The address that a packet is sent to: 0.0.0.0 and :: are the sender's own address, or loopback if it has not chosen one. To an
 * IPv4-mapped address, an IPv6 socket sends IPv4 packets (tcp_v6_connect, udpv6_sendmsg, sctp_v6_addr_valid); a ping socket does not.
 */
export function destinationOf(asked: Ip, src: Ip | undefined, proto: Question["proto"]): Ip {
  const dst = proto === "icmp" ? asked : unmapped(asked);
  if (dst === 0) return typeof src === "number" ? src : 0x7f000001;
  return dst === 0n ? 1n : dst;
}

/** 0.0.0.0 or ::, the source of a packet without a source address. */
export function unspecified(dst: Ip): Ip {
  return typeof dst === "number" ? 0 : 0n;
}

export function ttlTo(dst: Ip, proto: Packet["body"]["kind"]): number {
  return isMulticast(dst) && proto !== "tcp" ? MULTICAST_TTL : 64;
}

/** The route of a multicast packet of a socket with a source address: through the device that has the address. */
export function multicastBySource(netns: Netns, dst: Ip, src: Ip | undefined): Found | undefined {
  if (typeof dst !== "number" || src === undefined || !isMulticast(dst)) return undefined;
  const own = localAddressesOf(netns).route(src);
  const dev = own?.type === "local" ? own.nexthops[0]?.dev : undefined;
  if (dev === undefined || dev === "lo") return undefined;
  const nexthops = [{ dev }];
  const why = t`the device of the source address ${formatIp(src)}`;
  return {
    route: { dst: hostPrefix(dst), type: "multicast", nexthops, why, origin: undefined },
    table: "local",
    nexthops,
  };
}

/** Without a gateway if a default route applies. */
export function multicastHop({ route }: Found, nexthop: Nexthop | undefined, dst: Ip): Nexthop | undefined {
  if (!nexthop || !isMulticast(dst) || route.dst.len >= SHORTEST_MULTICAST_ROUTE) return nexthop;
  return { dev: nexthop.dev };
}

/**
 * Errors of an IPv6 socket that do not depend on routes. A socket must name the interface of a link-local address, including an address
 * of the sender (tcp_v6_connect, __ip6_datagram_connect, ping_v6_sendmsg), and a ping socket rejects IPv4-mapped addresses
 * (ping_v6_sendmsg).
 */
export function refusedBySocket(host: Host, packet: Packet): End | undefined {
  const { netns } = host;
  const { dst } = packet;
  const refuse = (code: "link-local" | "ipv4-mapped", message: string): End =>
    fail(host, packet, { verdict: "dropped", code, message, device: "lo", errno: { name: "EINVAL" } });
  if (typeof dst === "number") return undefined;
  if (isLinkLocal(dst)) return refuse("link-local", withoutInterface(netns, dst));
  const ip = formatIp(dst);
  return unmapped(dst) === dst
    ? undefined
    : refuse("ipv4-mapped", t`${machine(netns)} does not ping ${ip}: ICMPv6 does not support IPv4-mapped addresses`);
}

function withoutInterface(netns: Netns, dst: Ip): string {
  return t`${machine(netns)} does not send to ${formatIp(dst)}: the address is valid only on one link, and the socket names no interface`;
}

/** Errors of a socket that sends to a broadcast or multicast address; undefined if it sends, or if there is no route. */
export function refusedDestination(host: Host, packet: Packet, found: Found | undefined): End | undefined {
  const { netns } = host;
  const { dst, body } = packet;
  const isBroadcast = dst === LIMITED_BROADCAST || found?.route.type === "broadcast";
  const address = formatIp(dst);
  const refuse = (code: "broadcast" | "multicast", errno: string, message: string): End =>
    fail(host, packet, {
      verdict: errno === "ENETUNREACH" ? "unreachable" : "dropped",
      code,
      message,
      device: "lo",
      ...(found ? { rule: routeRule({ found, nexthop: found.nexthops[0] }) } : {}),
      errno: { name: errno },
    });
  // sctp_v4_addr_valid: also 0.0.0.0/8.
  const isUnusable = dst === LIMITED_BROADCAST || isMulticast(dst) || (typeof dst === "number" && dst >>> 24 === 0);
  if (body.kind === "sctp" && isUnusable)
    return refuse(
      isMulticast(dst) ? "multicast" : "broadcast",
      "EINVAL",
      t`${machine(netns)} does not open an SCTP association with ${address}: not a unicast address`,
    );
  if (!found) return undefined;
  if (isBroadcast)
    return body.kind === "tcp"
      ? refuse(
          "broadcast",
          "ENETUNREACH",
          t`${machine(netns)} does not connect to broadcast address ${address} over TCP`,
        )
      : refuse(
          "broadcast",
          "EACCES",
          t`${machine(netns)} does not send to broadcast address ${address}: the socket does not have SO_BROADCAST set`,
        );
  if (!isMulticast(dst)) return undefined;
  if (body.kind === "tcp")
    return refuse(
      "multicast",
      "ENETUNREACH",
      t`${machine(netns)} does not connect to multicast address ${address} over TCP`,
    );
  if (typeof dst === "bigint" && LINK_SCOPES.has(dst >> 112n))
    return refuse("multicast", "EINVAL", withoutInterface(netns, dst));
  return undefined;
}

/** ip_finish_output2 with a multicast MAC address: all machines on the link receive the frame; group members are not simulated. */
export function sendMulticast(host: Host, device: Device, packet: Packet, rule: StepRule): End {
  const { netns } = host;
  step(host, {
    device: device.name,
    direction: "out",
    action: "route",
    text: t`sent to multicast group ${formatIp(packet.dst)} dev ${device.name}`,
    packet,
    rule,
  });
  return fail(host, packet, {
    verdict: "dropped",
    code: "multicast",
    message: t`${machine(netns)} sends one multicast frame to all machines on the link of ${device.name}; members of ${formatIp(packet.dst)} are not simulated`,
    device: device.name,
  });
}

/**
 * __mkroute_output: a packet from 127.0.0.0/8 leaves the machine only through devices with route_localnet; otherwise EINVAL.
 * IPv6 has no such setting.
 */
export function refusedSource(host: Host, packet: Packet, route: Routed): End | undefined {
  const { netns } = host;
  const { found, nexthop } = route;
  if (typeof packet.src !== "number" || !isLoopback(packet.src) || found.route.type === "local") return undefined;
  if (!nexthop || nexthop.dev === "lo" || netns.sysctls.routeLocalnet(nexthop.dev)) return undefined;
  const { dev } = nexthop;
  return fail(host, packet, {
    verdict: "dropped",
    code: "martian-source",
    message: t`${machine(netns)} does not send packets from ${formatIp(packet.src)} on ${dev} (net.ipv4.conf.${dev}.route_localnet is 0)`,
    device: dev,
    rule: routeRule(route),
    origin: netns.origin,
    errno: { name: "EINVAL" },
  });
}
