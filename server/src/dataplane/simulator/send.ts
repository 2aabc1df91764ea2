/** Send path: locally generated packets, failed route lookups, POSTROUTING, neighbor resolution. */

import type { Ip } from "../../addressing/ip.ts";
import { formatIp, isMulticast } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { type Found, localAddressesOf, lookup, selectSource, sourceOn } from "../fib.ts";
import type { StepRule } from "../journey.ts";
import type { Device, Netns, Nexthop } from "../model.ts";
import { type Tracking, track } from "../netfilter.ts";
import { familyOf, fragmented, type Packet, pieceLength } from "../packet.ts";
import { multicastBySource, multicastHop, refusedDestination, refusedSource, sendMulticast } from "./destinations.ts";
import type { Neighbour } from "./neighbour.ts";
import { resolve } from "./neighbours.ts";
import {
  connectionsOf,
  type End,
  fail,
  hook,
  limitMtu,
  machine,
  pickNexthop,
  type Run,
  routeRule,
  sendErrno,
  step,
} from "./run.ts";
import { withoutSession } from "./session.ts";
import { transmit } from "./transmit.ts";
import { encapsulateEsp, isEnd, type Outbound, outbound, roomBehind } from "./xfrm.ts";

/** IPVS in NF_INET_LOCAL_OUT: NF_IP_PRI_NAT_DST + 2 (ip_vs_ops4): after nat/OUTPUT, before filter/OUTPUT. */
const LOCAL_OUT = -98;

/** ip_route_output and __ip_local_out: a locally generated packet. */
export function originate(run: Run, netns: Netns, made: Omit<Packet, "src">, src: Ip | undefined, oif?: string): End {
  const unsent: Packet = { ...made, src: src ?? (typeof made.dst === "number" ? 0 : 0n) };
  const found =
    multicastBySource(netns, made.dst, src) ??
    lookup(netns, localAddressesOf(netns), { dst: made.dst, src, oif, mark: made.mark });
  const refused = refusedDestination(run, netns, unsent, found) ?? refusedByRoute(run, netns, unsent, found, undefined);
  // An SCTP association waits for a route (sctp_packet_transmit); observed on Linux 6.1.
  if (refused?.reason?.code === "no-route" && unsent.body.kind === "sctp") return { ...refused, errno: undefined };
  if (refused) return refused;
  if (!found) throw new Error("unreachable");
  let route = found;
  let nexthop = multicastHop(route, pickNexthop(run, netns, route, src, made.dst), made.dst);
  const source = src ?? selectSource(netns, route, nexthop, made.dst);
  if (source === undefined) {
    return fail(run, netns, unsent, {
      verdict: "unreachable",
      code: "no-source-address",
      message: t`${machine(netns)} has no ${typeof made.dst === "number" ? "IPv4" : "IPv6"} source address`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route, nexthop),
      errno: { name: "EADDRNOTAVAIL" },
    });
  }
  let packet: Packet = { ...made, src: source };
  const martian = refusedSource(run, netns, packet, route, nexthop);
  if (martian) return martian;
  const ipsec = outbound(run, netns, packet, nexthop?.dev ?? "lo");
  if (isEnd(ipsec)) return ipsec;
  const tooBig = tooBigFor(run, netns, packet, route, nexthop, ipsec);
  if (tooBig !== undefined && !maySplit(run, packet)) {
    limitMtu(run, tooBig);
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "too-big",
      message: tooBigText(netns, packet, tooBig, nexthop),
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route, nexthop),
      origin: nexthop && netns.devices.get(nexthop.dev)?.origin,
      errno: { name: "EMSGSIZE", mtu: tooBig },
    });
  }
  if (run.steps.length === 0)
    step(run, netns, nexthop?.dev ?? "lo", null, "send", t`sent to ${formatIp(packet.dst)}`, packet);
  let tracking = track(connectionsOf(run, netns), packet);
  const before = packet;
  const isBalanced = route.route.type === "local" && netns.ipvs !== undefined;
  const passed = hook(run, netns, "OUTPUT", packet, tracking, {
    out: nexthop?.dev,
    ...(isBalanced ? { before: LOCAL_OUT } : {}),
  });
  if (passed.end) return passed.end;
  packet = passed.packet;
  tracking = passed.tracking;
  if (isBalanced) {
    const balanced = run.stack.balance(run, netns, packet, tracking, undefined);
    if (balanced?.kind === "sent") return balanced.end;
    const late = hook(run, netns, "OUTPUT", balanced?.packet ?? packet, tracking, {
      out: nexthop?.dev,
      from: LOCAL_OUT,
    });
    if (late.end) return late.end;
    packet = late.packet;
  }
  if (packet.dst !== before.dst || packet.mark !== before.mark) {
    // ip_route_me_harder: a packet with a changed destination or mark is routed again.
    const again = lookup(netns, localAddressesOf(netns), { dst: packet.dst, src: packet.src, mark: packet.mark });
    const hop = again && pickNexthop(run, netns, again, packet.src, packet.dst);
    const no =
      refusedByRoute(run, netns, packet, again, undefined) ?? (again && refusedSource(run, netns, packet, again, hop));
    if (no) return { ...no, errno: no.errno && sendErrno(packet, no.errno.name) };
    if (!again) throw new Error("unreachable");
    route = again;
    nexthop = hop;
  }
  return output(run, netns, packet, route, nexthop, tracking, undefined);
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
  run: Run,
  netns: Netns,
  packet: Packet,
  found: Found | undefined,
  ingress: Device | undefined,
): End | undefined {
  const device = ingress?.name ?? "lo";
  const dst = formatIp(packet.dst);
  if (!found) {
    return fail(run, netns, packet, {
      verdict: "unreachable",
      code: "no-route",
      message: t`${machine(netns)} has no route to ${dst}`,
      device,
      origin: netns.origin,
      ...(ingress ? { icmp: { kind: "net-unreachable" } } : { errno: { name: "ENETUNREACH" } }),
    });
  }
  const rule = routeRule(found, undefined);
  switch (found.route.type) {
    case "unicast":
    case "local":
    case "multicast":
      return undefined;
    case "unreachable":
      return fail(run, netns, packet, {
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
      return fail(run, netns, packet, {
        verdict: "unreachable",
        code: "prohibit-route",
        message: t`${machine(netns)} rejects packets to ${dst} (prohibit route)`,
        device,
        rule,
        ...(ingress ? { icmp: { kind: "admin-prohibited" } } : { errno: { name: "EACCES" } }),
      });
    case "blackhole":
      return fail(run, netns, packet, {
        verdict: "dropped",
        code: "blackhole-route",
        message: t`${machine(netns)} silently drops packets to ${dst} (blackhole route)`,
        device,
        rule,
        ...(ingress ? {} : { errno: { name: "EINVAL" } }),
      });
    case "broadcast":
      return fail(run, netns, packet, {
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
  run: Run,
  netns: Netns,
  packet: Packet,
  found: Found,
  nexthop: Nexthop | undefined,
  ipsec: Outbound | undefined,
): number | undefined {
  const device = nexthop && netns.devices.get(nexthop.dev);
  if (!device || found.route.type === "local") return undefined;
  const mtu = roomBehind(found.route.mtu ?? device.mtu, ipsec);
  if (run.overhead === 0 || packet.df) limitMtu(run, mtu);
  return pieceLength(packet) > mtu ? mtu : undefined;
}

/** ip_output: POSTROUTING, neighbor resolution, device. */
export function output(
  run: Run,
  netns: Netns,
  packet: Packet,
  found: Found,
  nexthop: Nexthop | undefined,
  tracking: Tracking,
  ingress: Device | undefined,
): End {
  if (found.route.type === "local") return loopback(run, netns, packet, found, tracking);
  const device = nexthop && netns.devices.get(nexthop.dev);
  if (!nexthop || !device) {
    return fail(run, netns, packet, {
      verdict: "unreachable",
      code: "no-device",
      message: t`the route to ${formatIp(packet.dst)} uses a device that does not exist on ${machine(netns)}`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(found, nexthop),
    });
  }
  const target = nexthop.via ?? packet.dst;
  const dev = { out: device.name, own: ingress === undefined };
  const post = hook(run, netns, "POSTROUTING", packet, tracking, dev, () =>
    // nf_nat_masquerade_ipv4: inet_select_addr(out, nexthop); IPv6 uses the destination.
    sourceOn(netns, device, nexthop.via, packet.dst),
  );
  if (post.end) return post.end;
  // nf_xfrm_me_harder: after SNAT, the IPsec policy is looked up again.
  const ipsec = outbound(run, netns, post.packet, device.name);
  if (isEnd(ipsec)) return ipsec;
  if (ipsec) return encapsulateEsp(run, netns, device, post.packet, ipsec);
  const mtu = found.route.mtu ?? device.mtu;
  const sent = pieceLength(post.packet) > mtu ? fragmented(post.packet, mtu) : post.packet;
  if (sent !== post.packet)
    step(
      run,
      netns,
      device.name,
      null,
      "fragment",
      t`fragmented: ${sent.length} bytes, at most ${mtu} bytes per fragment`,
      sent,
    );
  if (isMulticast(packet.dst)) return sendMulticast(run, netns, device, sent, routeRule(found, nexthop));
  const neighbour = resolve(run, netns, device, target);
  if (neighbour.kind === "none")
    return unanswered(run, netns, sent, device, neighbour, routeRule(found, nexthop), ingress === undefined);
  return transmit(
    run,
    netns,
    device,
    sent,
    neighbour,
    routeRule(found, nexthop),
    describeRoute(packet, found, nexthop),
  );
}

/** arp_error_report, ipv4_link_failure: ICMP error to the source of the packet, through lo if the source is local. */
export function unanswered(
  run: Run,
  netns: Netns,
  packet: Packet,
  { name }: Device,
  { code, message, failure }: Neighbour & { kind: "none" },
  rule: StepRule,
  own: boolean,
): End {
  const end = fail(run, netns, packet, {
    verdict: "unreachable",
    code: code ?? "neighbour-failed",
    message,
    device: name,
    rule,
    icmp: { kind: "host-unreachable", own },
  });
  return withoutSession(end, failure);
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

function loopback(run: Run, netns: Netns, packet: Packet, found: Found, tracking: Tracking): End {
  const lo = netns.devices.get("lo");
  const name = lo?.name ?? "lo";
  const post = hook(run, netns, "POSTROUTING", packet, tracking, { out: name }, () =>
    sourceOn(netns, undefined, undefined, packet.dst),
  );
  if (post.end) return post.end;
  if (lo) limitMtu(run, lo.mtu);
  step(
    run,
    netns,
    name,
    "out",
    "route",
    t`routed to ${formatIp(packet.dst)} dev ${name} (local address)`,
    post.packet,
    routeRule(found, undefined),
  );
  step(run, netns, name, "in", "receive", t`looped back on ${name}`, post.packet);
  // The packet keeps its conntrack entry over lo (nf_conntrack_in: "previously seen"); NAT was already applied in OUTPUT and POSTROUTING.
  const pre = hook(run, netns, "PREROUTING", post.packet, { ...tracking, connection: undefined }, { in: name });
  if (pre.end) return pre.end;
  return run.stack.deliver(
    run,
    netns,
    pre.packet,
    lo ?? found.route.nexthops.map((hop) => netns.devices.get(hop.dev))[0],
    tracking,
  );
}
