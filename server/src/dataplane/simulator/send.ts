/** Send path: locally generated packets, failed route lookups, POSTROUTING, neighbor resolution. */

import { formatIp, type Ip, isMulticast } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { type Tracking, track } from "../conntrack.ts";
import { type Found, hasRules, isDelivered, localAddressesOf, lookup, selectSource, sourceOn } from "../fib.ts";
import type { Device, Netns, Nexthop } from "../model.ts";
import { familyOf, fragmented, isSyn, type Packet, pieceLength, tcpHeaders, withMss } from "../packet.ts";
import {
  multicastBySource,
  multicastHop,
  refusedDestination,
  refusedSource,
  sendMulticast,
  unspecified,
} from "./destinations.ts";
import { hook } from "./hook.ts";
import { resolve, unanswered } from "./neighbours.ts";
import { tcEgress, tcIngress } from "./programs.ts";
import {
  connectionsOf,
  type End,
  fail,
  type Host,
  limitMtu,
  machine,
  pickNexthop,
  type Routed,
  type Run,
  routeRule,
  sendErrno,
  step,
} from "./run.ts";
import { transmit } from "./transmit.ts";
import { encapsulateEsp, isEnd, type Outbound, outbound, roomBehind } from "./xfrm.ts";

/** IPVS in NF_INET_LOCAL_OUT: NF_IP_PRI_NAT_DST + 2 (ip_vs_ops4): after nat/OUTPUT, before filter/OUTPUT. */
const LOCAL_OUT = -98;

/** ip_route_output and __ip_local_out: a locally generated packet. */
export function originate(host: Host, made: Omit<Packet, "src">, bound: Ip | undefined, oif?: string): End {
  const { run, netns } = host;
  const src = bound ?? connectedSource(netns, made);
  const unsent: Packet = { ...made, src: src ?? unspecified(made.dst) };
  const found =
    multicastBySource(netns, made.dst, src) ??
    lookup(netns, localAddressesOf(netns), { dst: made.dst, src, oif, mark: made.mark });
  const refused = refusedDestination(host, unsent, found) ?? refusedByRoute(host, unsent, found, undefined);
  // An SCTP association waits for a route (sctp_packet_transmit); observed on Linux 6.1.
  if (refused?.reason?.code === "no-route" && unsent.body.kind === "sctp") return { ...refused, errno: undefined };
  if (refused) return refused;
  if (!found) throw new Error("unreachable");
  const nexthop = multicastHop(found, pickNexthop(host, found, src, made.dst), made.dst);
  const route: Routed = { found, nexthop };
  const source = src ?? selectSource(netns, found, nexthop, made.dst);
  if (source === undefined) {
    return fail(host, unsent, {
      verdict: "unreachable",
      code: "no-source-address",
      message: t`${machine(netns)} has no ${typeof made.dst === "number" ? "IPv4" : "IPv6"} source address`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route),
      errno: { name: "EADDRNOTAVAIL" },
    });
  }
  const packet = withOwnMss(netns, { ...made, src: source }, route);
  const martian = refusedSource(host, packet, route);
  if (martian) return martian;
  const ipsec = outbound(host, packet, nexthop?.dev ?? "lo");
  if (isEnd(ipsec)) return ipsec;
  const tooBig = tooBigFor(host, packet, route, ipsec);
  if (tooBig !== undefined && !maySplit(run, packet)) {
    limitMtu(run, tooBig);
    return fail(host, packet, {
      verdict: "dropped",
      code: "too-big",
      message: tooBigText(netns, packet, tooBig, nexthop),
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route),
      origin: nexthop && netns.devices.get(nexthop.dev)?.origin,
      errno: { name: "EMSGSIZE", mtu: tooBig },
    });
  }
  if (isUnsent(run))
    step(host, { device: nexthop?.dev ?? "lo", action: "send", text: t`sent to ${formatIp(packet.dst)}`, packet });
  return emit(host, packet, route);
}

/**
 * The source address of a connecting socket: connect() looks the route up again with the address that the first lookup selected
 * (ip_route_connect, include/net/route.h), so rules for this source apply. IPv6 has a single lookup.
 */
function connectedSource(netns: Netns, { dst, mark, body }: Omit<Packet, "src">): Ip | undefined {
  const connects = body.kind === "tcp" || (body.kind === "udp" && !body.carries);
  if (!connects || typeof dst !== "number" || isMulticast(dst) || !hasRules(netns)) return undefined;
  const found = lookup(netns, localAddressesOf(netns), { dst, mark });
  return found?.route.type === "unicast" ? selectSource(netns, found, found.nexthops[0], dst) : undefined;
}

/** A SYN contains the largest segment that fits the route (ipv4_default_advmss: at least 256 bytes; ip6_default_advmss). */
function withOwnMss(netns: Netns, packet: Packet, { found, nexthop }: Routed): Packet {
  if (!isSyn(packet)) return packet;
  const mtu = found.route.mtu ?? netns.devices.get(nexthop?.dev ?? "lo")?.mtu;
  if (mtu === undefined) return packet;
  const [headers, least] = [tcpHeaders(familyOf(packet)), familyOf(packet) === 4 ? 256 : 1220];
  return withMss(packet, { value: Math.max(mtu - headers, least) });
}

/** Whether the packet is the first one of its journey; a program on connect() can precede it. */
function isUnsent({ steps }: Run): boolean {
  return steps.every(({ action, direction }) => direction === null && action === "dnat");
}

/** __ip_local_out: OUTPUT, IPVS, and a second route lookup if they change the destination or the mark. */
function emit(host: Host, made: Packet, route: Routed): End {
  const { run, netns } = host;
  const { nexthop } = route;
  let tracking = track(connectionsOf(host), made);
  if (made.attached && tracking.connection) tracking = { ...tracking, state: "RELATED" };
  let packet = made;
  const isBalanced = route.found.route.type === "local" && netns.ipvs !== undefined;
  const passed = hook(host, "OUTPUT", packet, tracking, {
    out: nexthop?.dev,
    ...(isBalanced ? { before: LOCAL_OUT } : {}),
  });
  if (passed.end) return passed.end;
  packet = passed.packet;
  tracking = passed.tracking;
  if (isBalanced) {
    const balanced = run.stack.balance(host, packet, tracking, undefined);
    if (balanced?.kind === "sent") return balanced.end;
    const late = hook(host, "OUTPUT", balanced?.packet ?? packet, tracking, {
      out: nexthop?.dev,
      from: LOCAL_OUT,
    });
    if (late.end) return late.end;
    packet = late.packet;
  }
  if (packet.dst !== made.dst || packet.mark !== made.mark) {
    // ip_route_me_harder: a packet with a changed destination or mark is routed again.
    const again = lookup(netns, localAddressesOf(netns), { dst: packet.dst, src: packet.src, mark: packet.mark });
    const rerouted = again && { found: again, nexthop: pickNexthop(host, again, packet.src, packet.dst) };
    const no = refusedByRoute(host, packet, again, undefined) ?? (rerouted && refusedSource(host, packet, rerouted));
    if (no) return { ...no, errno: no.errno && sendErrno(packet, no.errno.name) };
    if (!rerouted) throw new Error("unreachable");
    return output(host, packet, rerouted, tracking, undefined);
  }
  return output(host, packet, route, tracking, undefined);
}

/**
 * Whether the sender can fragment its packet. Outer tunnel packets can be fragmented locally regardless of the DF bit
 * (ignore_df); over IPv6 only WireGuard packets (ip6_fragment, fail_toobig).
 */
function maySplit(run: Run, packet: Packet): boolean {
  if (run.overhead === 0) return !packet.df;
  return familyOf(packet) === 4 || (packet.body.kind === "udp" && packet.body.carries?.kind === "wireguard");
}

/** Kind, size, and limit of a packet that cannot be fragmented; IPv6 has no DF bit. */
export function tooBigText(netns: Netns, packet: Packet, mtu: number, nexthop: Nexthop | undefined): string {
  const { length } = packet;
  const dev = nexthop?.dev ?? t`the route`;
  return familyOf(packet) === 4
    ? t`${machine(netns)} cannot send ${length} bytes through ${dev} (MTU ${mtu}) because DF is set`
    : t`${machine(netns)} cannot send ${length} bytes through ${dev} (MTU ${mtu}) because the packet cannot be fragmented`;
}

/** Route lookups that end the walk, for locally generated (`ingress` undefined) and forwarded packets. */
export function refusedByRoute(
  host: Host,
  packet: Packet,
  found: Found | undefined,
  ingress: Device | undefined,
): End | undefined {
  const { netns } = host;
  const device = ingress?.name ?? "lo";
  const dst = formatIp(packet.dst);
  if (!found) {
    return fail(host, packet, {
      verdict: "unreachable",
      code: "no-route",
      message: t`${machine(netns)} has no route to ${dst}`,
      device,
      origin: netns.origin,
      ...(ingress ? { icmp: { kind: "net-unreachable" } } : { errno: { name: "ENETUNREACH" } }),
    });
  }
  const rule = routeRule({ found, nexthop: undefined });
  switch (found.route.type) {
    case "unicast":
    case "local":
    case "anycast":
    case "multicast":
      return undefined;
    case "unreachable":
      return fail(host, packet, {
        verdict: "unreachable",
        code: "unreachable-route",
        message: t`${machine(netns)} rejects packets to ${dst} (unreachable route)`,
        device,
        rule,
        // ip6_pkt_discard also sends "no route" for `unreachable` routes (net/ipv6/route.c).
        ...(ingress
          ? { icmp: { kind: familyOf(packet) === 4 ? "host-unreachable" : "net-unreachable" } }
          : { errno: { name: "EHOSTUNREACH" } }),
      });
    case "prohibit":
      return fail(host, packet, {
        verdict: "unreachable",
        code: "prohibit-route",
        message: t`${machine(netns)} rejects packets to ${dst} (prohibit route)`,
        device,
        rule,
        ...(ingress ? { icmp: { kind: "admin-prohibited" } } : { errno: { name: "EACCES" } }),
      });
    case "blackhole":
      return fail(host, packet, {
        verdict: "dropped",
        code: "blackhole-route",
        message: t`${machine(netns)} silently drops packets to ${dst} (blackhole route)`,
        device,
        rule,
        ...(ingress ? {} : { errno: { name: "EINVAL" } }),
      });
    case "broadcast":
      return fail(host, packet, {
        verdict: "dropped",
        code: "broadcast",
        message: t`${dst} is a broadcast address on ${machine(netns)}`,
        device,
        rule,
        // A packet rewritten to a broadcast address (DNAT in OUTPUT).
        ...(ingress ? {} : { errno: { name: "EACCES" } }),
      });
  }
}

/** The MTU that the packet exceeds; undefined if it fits. */
export function tooBigFor(
  host: Host,
  packet: Packet,
  { found, nexthop }: Routed,
  ipsec: Outbound | undefined,
): number | undefined {
  const { run, netns } = host;
  const device = nexthop && netns.devices.get(nexthop.dev);
  if (!device || isDelivered(found.route)) return undefined;
  const mtu = roomBehind(found.route.mtu ?? device.mtu, ipsec);
  if (run.overhead === 0 || packet.df) limitMtu(run, mtu);
  return pieceLength(packet) > mtu ? mtu : undefined;
}

/** ip_output: POSTROUTING, neighbor resolution, device. */
export function output(
  host: Host,
  packet: Packet,
  route: Routed,
  tracking: Tracking,
  ingress: Device | undefined,
): End {
  const { netns } = host;
  const { found, nexthop } = route;
  if (isDelivered(found.route)) return loopback(host, packet, found, tracking);
  const device = nexthop && netns.devices.get(nexthop.dev);
  if (!nexthop || !device) {
    return fail(host, packet, {
      verdict: "unreachable",
      code: "no-device",
      message: t`the route to ${formatIp(packet.dst)} uses a device that does not exist on ${machine(netns)}`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route),
    });
  }
  const target = nexthop.via ?? packet.dst;
  const own = ingress === undefined;
  const post = hook(host, "POSTROUTING", packet, tracking, {
    out: device.name,
    own,
    // nf_nat_masquerade_ipv4: inet_select_addr(out, nexthop); IPv6 uses the destination.
    masqueradeAs: () => sourceOn(netns, device, nexthop.via, packet.dst),
  });
  if (post.end) return post.end;
  // nf_xfrm_me_harder: after SNAT, the IPsec policy is looked up again.
  const ipsec = outbound(host, post.packet, device.name);
  if (isEnd(ipsec)) return ipsec;
  if (ipsec) return encapsulateEsp(host, device, post.packet, ipsec);
  const mtu = found.route.mtu ?? device.mtu;
  const sent = pieceLength(post.packet) > mtu ? fragmented(post.packet, mtu) : post.packet;
  if (sent !== post.packet)
    step(host, {
      device: device.name,
      action: "fragment",
      text: t`fragmented: ${sent.length} bytes, at most ${mtu} bytes per fragment`,
      packet: sent,
    });
  const rule = routeRule(route);
  if (isMulticast(packet.dst)) return sendMulticast(host, device, sent, rule);
  const neighbour = resolve(host, device, target);
  if (neighbour.kind === "none") return unanswered(host, sent, device, neighbour, { rule, own });
  return transmit(host, device, sent, neighbour, { rule, text: describeRoute(packet, found, nexthop) });
}

function describeRoute(packet: Packet, found: Found, nexthop: Nexthop): string {
  const dst = formatIp(packet.dst);
  const { via, dev } = nexthop;
  const isDefault = found.route.dst.len === 0;
  if (via === undefined)
    return isDefault ? t`routed to ${dst} dev ${dev} (default route)` : t`routed to ${dst} dev ${dev}`;
  return isDefault
    ? t`routed to ${dst} via ${formatIp(via)} dev ${dev} (default route)`
    : t`routed to ${dst} via ${formatIp(via)} dev ${dev}`;
}

function loopback(host: Host, packet: Packet, found: Found, tracking: Tracking): End {
  const { run, netns } = host;
  const lo = netns.devices.get("lo");
  const name = lo?.name ?? "lo";
  const post = hook(host, "POSTROUTING", packet, tracking, {
    out: name,
    masqueradeAs: () => sourceOn(netns, undefined, undefined, packet.dst),
  });
  if (post.end) return post.end;
  if (lo) limitMtu(run, lo.mtu);
  step(host, {
    device: name,
    direction: "out",
    action: "route",
    text: t`routed to ${formatIp(packet.dst)} dev ${name} (local address)`,
    packet: post.packet,
    rule: routeRule({ found, nexthop: undefined }),
  });
  const left = lo ? tcEgress(host, lo, post.packet) : post;
  if (left.end) return left.end;
  step(host, {
    device: name,
    direction: "in",
    action: "receive",
    text: t`looped back on ${name}`,
    packet: left.packet,
  });
  const arrived = lo ? tcIngress(host, lo, left.packet) : left;
  if (arrived.end) return arrived.end;
  // The packet keeps its conntrack entry over lo (nf_conntrack_in: "previously seen"); NAT was already applied in OUTPUT and POSTROUTING.
  const pre = hook(host, "PREROUTING", arrived.packet, { ...tracking, connection: undefined }, { in: name });
  if (pre.end) return pre.end;
  return run.stack.deliver(
    host,
    pre.packet,
    lo ?? found.route.nexthops.map((hop) => netns.devices.get(hop.dev))[0],
    tracking,
  );
}
