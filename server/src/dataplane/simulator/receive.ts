/** Receive path: frames, bridges, PREROUTING, routing decision, forwarding. */
import { type Family, formatIp, type Ip, isLoopback } from "../../addressing/ip.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { type Tracking, track } from "../conntrack.ts";
import { type Found, hasRules, isDelivered, localAddressesOf, lookup, sourceOn } from "../fib.ts";
import type { Device, Netns, Nexthop } from "../model.ts";
import { familyOf, type Packet, pieceLength, reassembled } from "../packet.ts";
import { deliver } from "./deliver.ts";
import { hook } from "./hook.ts";
import type { Neighbour } from "./neighbour.ts";
import { resolve, unanswered } from "./neighbours.ts";
import { tcIngress } from "./programs.ts";
import {
  type Arrival,
  connectionsOf,
  type DeviceOf,
  type End,
  expiredText,
  fail,
  type Host,
  isOwn,
  limitMtu,
  machine,
  pickNexthop,
  type Routed,
  type Run,
  routeRule,
  step,
  VLAN_ROOM,
} from "./run.ts";
import { output, refusedByRoute, tooBigFor, tooBigText } from "./send.ts";
import { handUp } from "./stacked.ts";
import { bridgeOut } from "./transmit.ts";
import { isEnd, outbound, refusedByPolicy } from "./xfrm.ts";

/** A frame from another device. */
export function receive(run: Run, at: DeviceOf, packet: Packet, to: Neighbour): End {
  const { host, device } = deviceAt(run, at);
  if ((device.kind === "veth" || device.kind === "physical") && pieceLength(packet) > device.mtu + VLAN_ROOM) {
    // __dev_forward_skb: a veth device drops frames that exceed its MTU. Most network cards do the same.
    return fail(host, scrubbed(packet), {
      verdict: "dropped",
      code: device.kind === "veth" ? "too-big" : "receiver-mtu",
      message: t`${device.name} of ${machine(host.netns)} (MTU ${device.mtu}) silently drops the frame of ${pieceLength(packet)} bytes`,
      device: device.name,
      origin: device.origin,
    });
  }
  if (device.kind === "veth" && run.overhead === 0) limitMtu(run, device.mtu);
  return entered(host, device, packet, to);
}

/** netif_receive_skb, also of a packet that a program has redirected from another network namespace, with any size. */
export function enter(run: Run, at: DeviceOf, sent: Packet, to: Neighbour): End {
  const { host, device } = deviceAt(run, at);
  return entered(host, device, sent, to);
}

function entered(host: Host, device: Device, sent: Packet, to: Neighbour): End {
  const packet = scrubbed(sent);
  const text = t`received on ${device.name}`;
  step(host, { device: device.name, direction: "in", action: "receive", text, packet });
  return arrive(host, device, packet, { to });
}

/** __netif_receive_skb_core: tc ingress, stacked devices, the bridge of a port, the IP layer. */
export function arrive(host: Host, device: Device, arrived: Packet, { to, tunnel }: Arrival = {}): End {
  const { packet, end } = tcIngress(host, device, arrived, tunnel);
  if (end) return end;
  if (to && device.kind === "physical") {
    const up = handUp(host, device, packet, to);
    if (up) return up;
  }
  if (to && device.master !== undefined) return bridgeIn(host, device, packet, to);
  return receiveIp(host, device, packet);
}

function deviceAt(run: Run, at: DeviceOf): { readonly host: Host; readonly device: Device } {
  const netns = run.network.netns(at.netns);
  const device = netns?.devices.get(at.device);
  if (!netns || !device) throw new Error(`no device ${at.device} on ${at.netns}`);
  return { host: { run, netns }, device };
}

/** skb_scrub_packet: without metadata that is local to the sender's network namespace. */
function scrubbed(sent: Packet): Packet {
  const bare = sent.mark === 0 && !sent.secpath && !sent.ignoreDf && !sent.attached;
  return bare ? sent : { ...sent, mark: 0, secpath: undefined, ignoreDf: undefined, attached: undefined };
}

/** br_handle_frame: to the IP layer of the machine, or to another port. */
function bridgeIn(host: Host, port: Device, arrived: Packet, to: Neighbour): End {
  const { netns } = host;
  const bridge = port.master === undefined ? undefined : netns.devices.get(port.master);
  if (bridge?.kind !== "bridge")
    return fail(host, arrived, {
      verdict: "dropped",
      code: "no-device",
      message: t`${port.name} of ${machine(netns)} is not attached to a bridge`,
      device: port.name,
    });
  const calls = familyOf(arrived) === 4 ? netns.sysctls.bridgeNfCallIptables : netns.sysctls.bridgeNfCallIp6tables;
  let packet = arrived;
  let target = to;
  let tracking: Tracking | undefined;
  if (calls) {
    // br_nf_pre_routing: PREROUTING of the IP layer runs on the port, before the frame is passed up.
    tracking = track(connectionsOf(host), packet);
    const pre = hook(host, "PREROUTING", packet, tracking, { in: bridge.name });
    if (pre.end) return pre.end;
    if (pre.packet.dst !== packet.dst) {
      const { found, nexthop } = routeOnBridge(netns, bridge, pre.packet);
      // br_nf_pre_routing_finish_bridge (net/bridge/br_netfilter_hooks.c): the machine resolves the neighbor itself, like neigh->output.
      target = nexthop ? resolve(host, bridge, nexthop.via ?? pre.packet.dst) : { kind: "bridge-host" };
      if (found && target.kind === "none")
        return unanswered(host, pre.packet, bridge, target, { rule: routeRule({ found, nexthop }), own: false });
    }
    packet = pre.packet;
  }
  if (target.kind !== "bridge-port") {
    // nf_ct_frag reassembled the fragments on the port; ip_rcv clears IPCB, so the fragments are not restored.
    const whole = calls && packet.fragment !== undefined && tracksConnections(netns, familyOf(packet));
    // ignore_df remains set (nf_ct_frag6_reasm), so ip6_forward fragments the packet again if it is too large.
    if (whole) packet = { ...reassembled(packet), ignoreDf: true };
    step(host, {
      device: bridge.name,
      direction: "in",
      action: "receive",
      text: t`received by ${bridge.name} itself`,
      packet,
    });
    return receiveIp(host, bridge, packet, tracking);
  }
  // br_nf_pre_routing_finish_bridge: through the bridge device, unless the machine already has a neighbor entry.
  if (target !== to)
    step(host, {
      device: bridge.name,
      direction: "out",
      action: "bridge",
      text: t`bridged to its new destination`,
      packet,
    });
  if (target.port === port.name && !port.hairpin) {
    return fail(host, packet, {
      verdict: "dropped",
      code: "hairpin-off",
      message: t`${bridge.name} of ${machine(netns)} does not send a frame out of the port it arrived on (hairpin mode is off)`,
      device: port.name,
      origin: port.origin,
    });
  }
  if (tracking) {
    const forward = hook(host, "FORWARD", packet, tracking, { in: bridge.name, out: bridge.name });
    if (forward.end) return forward.end;
    const destination = forward.packet.dst;
    const post = hook(host, "POSTROUTING", forward.packet, tracking, {
      out: bridge.name,
      masqueradeAs: () => sourceOn(netns, bridge, undefined, destination),
    });
    if (post.end) return post.end;
    packet = post.packet;
  }
  return bridgeOut(host, target, packet, bridge);
}

/**
 * br_nf_pre_routing_finish: after DNAT to a destination on the same bridge, the frame is bridged; otherwise it is passed up.
 * Without forwarding, ip_route_input_slow returns a route that rejects the packet, which is not through the bridge.
 */
function routeOnBridge(
  netns: Netns,
  { name }: Device,
  packet: Packet,
): { readonly found: Found | undefined; readonly nexthop: Nexthop | undefined } {
  const { dst, src } = packet;
  const found = lookup(netns, localAddressesOf(netns), { dst, src, iif: name });
  const forwards = familyOf(packet) === 6 || netns.sysctls.ipForward;
  const nexthop =
    forwards && found?.route.type === "unicast" ? found.nexthops.find(({ dev }) => dev === name) : undefined;
  return { found, nexthop };
}

/** Whether a rule requires conntrack, which then tracks all packets of the network namespace. */
function tracksConnections(netns: Netns, family: Family): boolean {
  if (netns.netfilter.bases(family).length > 0) return true;
  for (const { table, chain } of netns.netfilter.chains(family))
    if (table === "nat" || chain.rules.some(({ matches }) => matches.some(({ kind }) => kind === "conntrack")))
      return true;
  return false;
}

/**
 * ip_rcv: PREROUTING, routing decision, then local delivery or forwarding. `prerouted`: the state of a packet that passed
 * PREROUTING on a bridge port.
 */
function receiveIp(host: Host, device: Device, arrived: Packet, prerouted?: Tracking): End {
  const { netns } = host;
  let tracking = prerouted ?? track(connectionsOf(host), arrived);
  let packet = arrived;
  if (!prerouted) {
    const pre = hook(host, "PREROUTING", packet, tracking, { in: device.name });
    if (pre.end) return pre.end;
    packet = pre.packet;
    tracking = pre.tracking;
  }
  const refused = validateSource(host, device, packet);
  if (refused) return refused;
  const found = lookup(netns, localAddressesOf(netns), {
    dst: packet.dst,
    src: packet.src,
    iif: device.name,
    mark: packet.mark,
  });
  if (found && isDelivered(found.route)) {
    // ip_route_input_slow: 127.0.0.0/8 received from outside is a martian destination without route_localnet.
    if (isLoopback(packet.dst) && device.kind !== "loopback" && !routesLocalnet(netns, device, packet.dst)) {
      return fail(host, packet, {
        verdict: "dropped",
        code: "martian-source",
        message: t`${machine(netns)} drops a martian packet: destination ${formatIp(packet.dst)} is not valid on ${device.name}`,
        device: device.name,
      });
    }
    return deliver(host, packet, device, tracking);
  }
  const forwards = familyOf(packet) === 4 ? netns.sysctls.ipForward : netns.sysctls.ip6Forward;
  if (!forwards) {
    return fail(host, packet, {
      verdict: "dropped",
      code: "forwarding-off",
      message: t`${machine(netns)} does not forward packets (${familyOf(packet) === 4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding"} is 0)`,
      device: device.name,
      origin: netns.origin,
    });
  }
  const no = refusedByRoute(host, packet, found, device);
  if (no) return no;
  if (!found) throw new Error("unreachable");
  return forward(host, packet, found, tracking, device);
}

/**
 * fib_validate_source: local addresses are not valid as source of received packets, and rp_filter checks the route back to
 * the source. IPv6 has neither check (ip6_rcv_core checks only ::1 and multicast).
 */
function validateSource(host: Host, device: Device, packet: Packet): End | undefined {
  const { netns } = host;
  if (device.kind === "loopback" || (typeof packet.src === "bigint" && packet.src !== 1n)) return undefined;
  if (isOwn(netns, packet.src) && !isForeignLoopback(netns, device, packet.src)) {
    return fail(host, packet, {
      verdict: "dropped",
      code: "martian-source",
      message: t`${machine(netns)} drops a received packet with its own address ${formatIp(packet.src)} as source`,
      device: device.name,
      origin: device.origin,
    });
  }
  // Packets decapsulated from IPsec are not checked (secpath_exists).
  const mode = familyOf(packet) === 4 && !packet.secpath ? netns.sysctls.rpFilter(device.name) : 0;
  if (mode === 0) return undefined;
  // __fib_validate_source: policy rules see the reversed addresses, and no mark (src_valid_mark is 0).
  const back = lookup(netns, localAddressesOf(netns), { dst: packet.src, src: packet.dst });
  const usable = back && (back.route.type === "unicast" || back.route.type === "local");
  if (usable && (mode === 2 || back.nexthops.some((hop) => hop.dev === device.name))) return undefined;
  const detail = usable
    ? t`the route back to ${formatIp(packet.src)} is through ${list(back.nexthops.map((hop) => hop.dev))}, not ${device.name}`
    : t`it has no route back to ${formatIp(packet.src)}`;
  return fail(host, packet, {
    verdict: "dropped",
    code: "reverse-path-filter",
    message: t`${machine(netns)} drops the packet (rp_filter=${mode} on ${device.name}) because ${detail}`,
    device: device.name,
    rule: { table: "sysctl", text: `net.ipv4.conf.${device.name}.rp_filter = ${mode}`, origin: netns.origin },
  });
}

function routesLocalnet(netns: Netns, device: Device, ip: Ip): boolean {
  return typeof ip === "number" && netns.sysctls.routeLocalnet(device.name);
}

/**
 * With route_localnet, a source in 127.0.0.0/8 that no device has is valid (inet_lookup_ifaddr_rcu in fib_validate_source,
 * net/ipv4/fib_frontend.c), unless rp_filter or policy rules require a complete lookup.
 */
function isForeignLoopback(netns: Netns, device: Device, src: Ip): boolean {
  if (!isLoopback(src) || !routesLocalnet(netns, device, src) || netns.sysctls.rpFilter(device.name) !== 0)
    return false;
  if (hasRules(netns)) return false;
  return ![...netns.devices.values()].some(({ addresses }) => addresses.some(({ ip }) => ip === src));
}

/** ip_forward: IPsec policy, TTL, MTU, FORWARD. */
function forward(host: Host, arrived: Packet, found: Found, tracking: Tracking, device: Device): End {
  const { netns } = host;
  const refused = refusedByPolicy(host, "fwd", arrived, device.name);
  if (refused) return refused;
  if (arrived.ttl <= 1) {
    return fail(host, arrived, {
      verdict: "looped",
      code: "ttl-exceeded",
      message: expiredText(host),
      device: device.name,
      icmp: { kind: "ttl-exceeded" },
    });
  }
  const nexthop = pickNexthop(host, found, arrived.src, arrived.dst);
  const route: Routed = { found, nexthop };
  const ipsec = outbound(host, arrived, device.name);
  if (isEnd(ipsec)) return ipsec;
  const mtu = tooBigFor(host, arrived, route, ipsec);
  // ip6_pkt_too_big, ip_exceeds_mtu: ignore_df permits fragmentation of packets that were reassembled here.
  if (mtu !== undefined && !arrived.ignoreDf && (arrived.df || familyOf(arrived) === 6)) {
    const egress = nexthop && netns.devices.get(nexthop.dev);
    return fail(host, arrived, {
      verdict: "dropped",
      code: "too-big",
      message: tooBigText(netns, arrived, mtu, nexthop),
      device: device.name,
      rule: routeRule(route),
      origin: egress?.origin,
      icmp: { kind: "packet-too-big", mtu },
    });
  }
  const lowered: Packet = { ...arrived, ttl: arrived.ttl - 1 };
  const passed = hook(host, "FORWARD", lowered, tracking, { in: device.name, out: nexthop?.dev });
  if (passed.end) return passed.end;
  return output(host, passed.packet, route, tracking, device);
}
