/** The way out: packets that a host makes, the end of a look-up, POSTROUTING and the neighbour. */

import type { Ip } from "../../addressing/ip.ts";
import { formatIp } from "../../addressing/ip.ts";
import { type Found, localAddressesOf, lookup, selectSource, sourceOn } from "../fib.ts";
import type { StepRule } from "../journey.ts";
import type { Device, Netns, Nexthop } from "../model.ts";
import { type Tracking, track } from "../netfilter.ts";
import { familyOf, fragmented, type Packet, pieceLength } from "../packet.ts";
import { type Neighbour, resolve } from "./neighbours.ts";
import { connectionsOf, type End, fail, hook, limitMtu, pickNexthop, type Run, routeRule, step } from "./run.ts";
import { withoutSession } from "./session.ts";
import { transmit } from "./transmit.ts";
import { encapsulateEsp, isEnd, type Outbound, outbound, roomBehind } from "./xfrm.ts";

/** ip_route_output + __ip_local_out: a packet made by this host. */
export function originate(run: Run, netns: Netns, made: Omit<Packet, "src">, src: Ip | undefined, oif?: string): End {
  const unsent: Packet = { ...made, src: src ?? (typeof made.dst === "number" ? 0 : 0n) };
  const found = lookup(netns, localAddressesOf(netns), { dst: made.dst, src, oif, mark: made.mark });
  const refused = refusedByRoute(run, netns, unsent, found, undefined);
  if (refused) return refused;
  if (!found) throw new Error("unreachable");
  let route = found;
  let nexthop = pickNexthop(run, netns, route, src, made.dst);
  const source = src ?? selectSource(netns, route, nexthop, made.dst);
  if (source === undefined) {
    return fail(run, netns, unsent, {
      verdict: "unreachable",
      code: "no-source-address",
      message: `${netns.id} has no ${typeof made.dst === "number" ? "IPv4" : "IPv6"} address to send from`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route, nexthop),
      errno: { name: "EADDRNOTAVAIL" },
    });
  }
  let packet: Packet = { ...made, src: source };
  const ipsec = outbound(run, netns, packet, nexthop?.dev ?? "lo");
  if (isEnd(ipsec)) return ipsec;
  const tooBig = tooBigFor(run, netns, packet, route, nexthop, ipsec);
  if (tooBig !== undefined && !maySplit(run, packet)) {
    limitMtu(run, tooBig);
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "too-big",
      message: `the packet of ${packet.length} bytes is larger than the MTU ${tooBig} of ${nexthop?.dev ?? "the route"} and may not be fragmented`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route, nexthop),
      origin: nexthop && netns.devices.get(nexthop.dev)?.origin,
      errno: { name: "EMSGSIZE", mtu: tooBig },
    });
  }
  if (run.steps.length === 0)
    step(run, netns, nexthop?.dev ?? "lo", null, "send", `${netns.id} sends to ${formatIp(packet.dst)}`, packet);
  let tracking = track(connectionsOf(run, netns), packet);
  const before = packet;
  const passed = hook(run, netns, "OUTPUT", packet, tracking, { out: nexthop?.dev });
  if (passed.end) return passed.end;
  packet = passed.packet;
  tracking = passed.tracking;
  if (route.route.type === "local") {
    // ip_vs_local_request4: right after OUTPUT's translation.
    const balanced = run.stack.balance(run, netns, packet, tracking, undefined);
    if (balanced) return balanced;
  }
  if (packet.dst !== before.dst || packet.mark !== before.mark) {
    // ip_route_me_harder: a changed destination or mark is routed again.
    const again = lookup(netns, localAddressesOf(netns), { dst: packet.dst, src: packet.src, mark: packet.mark });
    const no = refusedByRoute(run, netns, packet, again, undefined);
    if (no) return no;
    if (!again) throw new Error("unreachable");
    route = again;
    nexthop = pickNexthop(run, netns, route, packet.src, packet.dst);
  }
  return output(run, netns, packet, route, nexthop, tracking, undefined);
}

/**
 * May the host that makes the packet fragment it? A tunnel's outer packet yes, whatever its DF bit says of the way (ignore_df), but
 * of IPv6 only WireGuard's (ip6_fragment, fail_toobig).
 */
function maySplit(run: Run, packet: Packet): boolean {
  if (run.overhead === 0) return !packet.df;
  return familyOf(packet) === 4 || (packet.body.kind === "udp" && packet.body.carries?.kind === "wireguard");
}

/** The ends that a look-up itself makes, for own (`ingress` undefined) and forwarded packets. */
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
      message: `${netns.id} has no route to ${dst}`,
      device,
      origin: netns.origin,
      ...(ingress ? { icmp: { kind: "net-unreachable" } } : { errno: { name: "ENETUNREACH" } }),
    });
  }
  const rule = routeRule(found, undefined);
  switch (found.route.type) {
    case "unicast":
    case "local":
      return undefined;
    case "unreachable":
      return fail(run, netns, packet, {
        verdict: "unreachable",
        code: "unreachable-route",
        message: `${netns.id} declares ${dst} unreachable`,
        device,
        rule,
        // ip6_pkt_discard says "no route" for `unreachable` too (net/ipv6/route.c).
        ...(ingress
          ? { icmp: { kind: familyOf(packet) === 4 ? "host-unreachable" : "net-unreachable" } }
          : { errno: { name: "EHOSTUNREACH" } }),
      });
    case "prohibit":
      return fail(run, netns, packet, {
        verdict: "unreachable",
        code: "prohibit-route",
        message: `${netns.id} prohibits ${dst}`,
        device,
        rule,
        ...(ingress ? { icmp: { kind: "admin-prohibited" } } : { errno: { name: "EACCES" } }),
      });
    case "blackhole":
      return fail(run, netns, packet, {
        verdict: "dropped",
        code: "blackhole-route",
        message: `${netns.id} discards what goes to ${dst}`,
        device,
        rule,
        ...(ingress ? {} : { errno: { name: "EINVAL" } }),
      });
    case "broadcast":
      return fail(run, netns, packet, {
        verdict: "dropped",
        code: "broadcast",
        message: `${dst} is a broadcast address of ${netns.id}`,
        device,
        rule,
        ...(ingress ? {} : { errno: { name: "EACCES" } }),
      });
  }
}

/** The MTU that the packet exceeds, or undefined. */
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

/** ip_output: POSTROUTING, then the neighbour, then the device. */
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
      message: `the route to ${formatIp(packet.dst)} names no device of ${netns.id}`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(found, nexthop),
    });
  }
  const target = nexthop.via ?? packet.dst;
  const post = hook(run, netns, "POSTROUTING", packet, tracking, { out: device.name }, () =>
    // nf_nat_masquerade_ipv4: inet_select_addr(out, nexthop); IPv6 asks for the destination.
    sourceOn(netns, device, nexthop.via, packet.dst),
  );
  if (post.end) return post.end;
  // nf_xfrm_me_harder: a source that NAT has changed is looked up once more.
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
      `${sent.length} bytes are sent in fragments of at most ${mtu}`,
      sent,
    );
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

/** arp_error_report, ipv4_link_failure: ICMP to the packet's source, which may be this host itself (over lo). */
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
  const to = nexthop.via === undefined ? "directly" : `by way of ${formatIp(nexthop.via)}`;
  const leak = found.route.dst.len === 0 ? " (default route)" : "";
  return `to ${formatIp(packet.dst)} ${to}, out of ${nexthop.dev}${leak}`;
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
    `${formatIp(packet.dst)} is an address of ${netns.id} itself`,
    post.packet,
    routeRule(found, undefined),
  );
  step(run, netns, name, "in", "receive", `back in by ${name}`, post.packet);
  // The packet keeps its conntrack entry over lo (nf_conntrack_in: "previously seen"); its NAT was done on the way out.
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
