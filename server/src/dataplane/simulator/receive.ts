/** The way in: frames, bridges, PREROUTING, the routing decision, forwarding. */
import { type Family, formatIp, isLoopback } from "../../addressing/ip.ts";
import { type Found, localAddressesOf, lookup, sourceOn } from "../fib.ts";
import type { Device, Netns, NetnsId } from "../model.ts";
import { type Tracking, track } from "../netfilter.ts";
import { familyOf, type Packet, pieceLength, reassembled } from "../packet.ts";
import { deliver } from "./deliver.ts";
import { type Neighbour, resolve } from "./neighbours.ts";
import {
  connectionsOf,
  type End,
  fail,
  hook,
  isOwn,
  limitMtu,
  pickNexthop,
  type Run,
  routeRule,
  step,
  VLAN_ROOM,
} from "./run.ts";
import { output, refusedByRoute, tooBigFor, unanswered } from "./send.ts";
import { handUp } from "./stacked.ts";
import { bridgeOut } from "./transmit.ts";
import { isEnd, outbound, refusedByPolicy } from "./xfrm.ts";

/** netif_receive_skb: a frame comes in by a device. */
export function receive(run: Run, id: NetnsId, deviceName: string, sent: Packet, to: Neighbour): End {
  const netns = run.network.netns(id);
  const device = netns?.devices.get(deviceName);
  if (!netns || !device) throw new Error(`no device ${deviceName} in ${id}`);
  // skb_scrub_packet: what only the sender's namespace knew.
  const bare = sent.mark === 0 && !sent.secpath && !sent.ignoreDf;
  const packet = bare ? sent : { ...sent, mark: 0, secpath: undefined, ignoreDf: undefined };
  if ((device.kind === "veth" || device.kind === "physical") && pieceLength(packet) > device.mtu + VLAN_ROOM) {
    // __dev_forward_skb: a veth end takes no frame that is larger than its own MTU allows. Nor do most network cards.
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: device.kind === "veth" ? "too-big" : "receiver-mtu",
      message: `${deviceName} of ${id} has MTU ${device.mtu} and drops a frame of ${pieceLength(packet)} bytes without a word`,
      device: deviceName,
      origin: device.origin,
    });
  }
  if (device.kind === "veth" && run.overhead === 0) limitMtu(run, device.mtu);
  step(run, netns, deviceName, "in", "receive", `${id} receives it on ${deviceName}`, packet);
  if (device.kind === "physical" && device.children) {
    const up = handUp(run, netns, device, device.children, packet, to);
    if (up) return up;
  }
  if (device.master !== undefined) return bridgeIn(run, netns, device, packet, to);
  return receiveIp(run, netns, device, packet, false);
}

/** br_handle_frame: up to the host of the bridge, or on to another port. */
export function bridgeIn(run: Run, netns: Netns, port: Device, arrived: Packet, to: Neighbour): End {
  const bridge = port.master === undefined ? undefined : netns.devices.get(port.master);
  if (bridge?.kind !== "bridge")
    return fail(run, netns, arrived, {
      verdict: "dropped",
      code: "no-device",
      message: `${port.name} belongs to no bridge`,
      device: port.name,
    });
  const calls = familyOf(arrived) === 4 ? netns.sysctls.bridgeNfCallIptables : netns.sysctls.bridgeNfCallIp6tables;
  let packet = arrived;
  let target = to;
  let tracking: Tracking | undefined;
  if (calls) {
    // br_nf_pre_routing: the IP layer's PREROUTING runs on the port, before the frame is handed up.
    tracking = track(connectionsOf(run, netns), packet);
    const pre = hook(run, netns, "PREROUTING", packet, tracking, { in: bridge.name });
    if (pre.end) return pre.end;
    if (pre.packet.dst !== packet.dst) {
      // br_nf_pre_routing_finish: a translated destination behind the same bridge is bridged on, any other goes up.
      const found = lookup(netns, localAddressesOf(netns), {
        dst: pre.packet.dst,
        src: pre.packet.src,
        iif: bridge.name,
      });
      const nexthop =
        found?.route.type === "unicast" ? found.nexthops.find((hop) => hop.dev === bridge.name) : undefined;
      // br_nf_pre_routing_finish_bridge (net/bridge/br_netfilter_hooks.c): the host itself asks who has it, as neigh->output does.
      target = nexthop ? resolve(run, netns, bridge, nexthop.via ?? pre.packet.dst) : { kind: "bridge-host" };
      if (found && target.kind === "none")
        return unanswered(run, netns, pre.packet, bridge, target, routeRule(found, nexthop), false);
    }
    packet = pre.packet;
  }
  if (target.kind !== "bridge-port") {
    // nf_ct_frag gathered the pieces on the port; ip_rcv forgets that there were any (IPCB is cleared), so that they are not restored.
    const whole = calls && packet.fragment !== undefined && tracksConnections(netns, familyOf(packet));
    // Its ignore_df stays (nf_ct_frag6_reasm), so that ip6_forward cuts it again where it is too long.
    if (whole) packet = { ...reassembled(packet), ignoreDf: true };
    step(run, netns, bridge.name, "in", "receive", `the frame is for ${bridge.name} itself`, packet);
    return receiveIp(run, netns, bridge, packet, calls, tracking);
  }
  // br_nf_pre_routing_finish_bridge: by way of the bridge's own device, unless the host knows the neighbour already.
  if (target !== to) step(run, netns, bridge.name, "out", "bridge", `bridged on to its new destination`, packet);
  if (target.port === port.name && !port.hairpin) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "hairpin-off",
      message: `${bridge.name} does not send a frame back by the port by which it came (hairpin mode is off)`,
      device: port.name,
      origin: port.origin,
    });
  }
  if (tracking) {
    const forward = hook(run, netns, "FORWARD", packet, tracking, { in: bridge.name, out: bridge.name });
    if (forward.end) return forward.end;
    const destination = forward.packet.dst;
    const post = hook(run, netns, "POSTROUTING", forward.packet, tracking, { out: bridge.name }, () =>
      sourceOn(netns, bridge, undefined, destination),
    );
    if (post.end) return post.end;
    packet = post.packet;
  }
  return bridgeOut(run, netns, target, packet, bridge);
}

/** Does a rule need conntrack, which then sees every packet of the namespace? */
function tracksConnections(netns: Netns, family: Family): boolean {
  if (netns.netfilter.bases(family).length > 0) return true;
  for (const { table, chain } of netns.netfilter.chains(family))
    if (table === "nat" || chain.rules.some(({ match }) => match.ctstate)) return true;
  return false;
}

/** ip_rcv: PREROUTING, the routing decision, then in or on. */
export function receiveIp(
  run: Run,
  netns: Netns,
  device: Device,
  arrived: Packet,
  prerouted: boolean,
  known?: Tracking,
): End {
  let tracking = known ?? track(connectionsOf(run, netns), arrived);
  let packet = arrived;
  if (!prerouted) {
    const pre = hook(run, netns, "PREROUTING", packet, tracking, { in: device.name });
    if (pre.end) return pre.end;
    packet = pre.packet;
    tracking = pre.tracking;
  }
  const refused = validateSource(run, netns, device, packet);
  if (refused) return refused;
  const found = lookup(netns, localAddressesOf(netns), {
    dst: packet.dst,
    src: packet.src,
    iif: device.name,
    mark: packet.mark,
  });
  if (found?.route.type === "local") {
    // ip_route_input: 127.0.0.0/8 from outside is a martian.
    if (isLoopback(packet.dst) && device.kind !== "loopback") {
      return fail(run, netns, packet, {
        verdict: "dropped",
        code: "martian-source",
        message: `${formatIp(packet.dst)} came in by ${device.name}: a martian`,
        device: device.name,
      });
    }
    return deliver(run, netns, packet, device, tracking);
  }
  const forwards = familyOf(packet) === 4 ? netns.sysctls.ipForward : netns.sysctls.ip6Forward;
  if (!forwards) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "forwarding-off",
      message: `${netns.id} does not forward packets (${familyOf(packet) === 4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding"} is 0) and discards what is not for it`,
      device: device.name,
      origin: netns.origin,
    });
  }
  const no = refusedByRoute(run, netns, packet, found, device);
  if (no) return no;
  if (!found) throw new Error("unreachable");
  return forward(run, netns, device, packet, found, tracking);
}

/**
 * fib_validate_source: own addresses cannot come from outside; rp_filter asks where the source would be answered. IPv6 has
 * neither (ip6_rcv_core looks for ::1 and multicast only).
 */
function validateSource(run: Run, netns: Netns, device: Device, packet: Packet): End | undefined {
  if (device.kind === "loopback" || (typeof packet.src === "bigint" && packet.src !== 1n)) return undefined;
  if (isOwn(netns, packet.src)) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "martian-source",
      message: `${netns.id} discards a packet from ${formatIp(packet.src)}, which is its own address`,
      device: device.name,
      origin: device.origin,
    });
  }
  // What came through IPsec is not asked (secpath_exists).
  const mode = familyOf(packet) === 4 && !packet.secpath ? netns.sysctls.rpFilter(device.name) : 0;
  if (mode === 0) return undefined;
  const back = lookup(netns, localAddressesOf(netns), { dst: packet.src, mark: packet.mark });
  const usable = back && (back.route.type === "unicast" || back.route.type === "local");
  if (usable && (mode === 2 || back.nexthops.some((hop) => hop.dev === device.name))) return undefined;
  const elsewhere = usable
    ? `answers to ${formatIp(packet.src)} leave by ${back.nexthops.map((hop) => hop.dev).join(", ")}, not by ${device.name}`
    : `there is no route back to ${formatIp(packet.src)}`;
  return fail(run, netns, packet, {
    verdict: "dropped",
    code: "reverse-path-filter",
    message: `rp_filter=${mode} on ${device.name} of ${netns.id}: ${elsewhere}`,
    device: device.name,
    rule: { table: "sysctl", text: `net.ipv4.conf.${device.name}.rp_filter = ${mode}`, origin: netns.origin },
  });
}

/** ip_forward: IPsec policy, TTL, MTU, FORWARD. */
function forward(run: Run, netns: Netns, device: Device, arrived: Packet, found: Found, tracking: Tracking): End {
  const refused = refusedByPolicy(run, netns, "fwd", arrived, device.name);
  if (refused) return refused;
  if (arrived.ttl <= 1) {
    return fail(run, netns, arrived, {
      verdict: "looped",
      code: "ttl-exceeded",
      message: `the TTL is used up at ${netns.id}`,
      device: device.name,
      icmp: { kind: "ttl-exceeded" },
    });
  }
  const nexthop = pickNexthop(run, netns, found, arrived.src, arrived.dst);
  const ipsec = outbound(run, netns, arrived, device.name);
  if (isEnd(ipsec)) return ipsec;
  const mtu = tooBigFor(run, netns, arrived, found, nexthop, ipsec);
  // ip6_pkt_too_big, ip_exceeds_mtu: ignore_df lets a packet pass that was put together here.
  if (mtu !== undefined && !arrived.ignoreDf && (arrived.df || familyOf(arrived) === 6)) {
    const egress = nexthop && netns.devices.get(nexthop.dev);
    return fail(run, netns, arrived, {
      verdict: "dropped",
      code: "too-big",
      message: `the packet of ${arrived.length} bytes is larger than the MTU ${mtu} of ${nexthop?.dev ?? "the route"} at ${netns.id} and may not be fragmented`,
      device: device.name,
      rule: routeRule(found, nexthop),
      origin: egress?.origin,
      icmp: { kind: "packet-too-big", mtu },
    });
  }
  const lowered: Packet = { ...arrived, ttl: arrived.ttl - 1 };
  const passed = hook(run, netns, "FORWARD", lowered, tracking, { in: device.name, out: nexthop?.dev });
  if (passed.end) return passed.end;
  return output(run, netns, passed.packet, found, nexthop, tracking, device);
}
