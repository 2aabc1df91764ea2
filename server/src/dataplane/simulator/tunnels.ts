/** Into a tunnel and out of it: VXLAN, IP in IP, daemons behind TUN devices. */
import { formatIp } from "../../addressing/ip.ts";
import { type Found, localAddressesOf, lookup } from "../fib.ts";
import type { StepRule } from "../journey.ts";
import type { Device, FdbEntry, Netns } from "../model.ts";
import { encapsulationOverhead, familyOf, flowSourcePort, type Packet, pieceLength } from "../packet.ts";
import type { Neighbour } from "./neighbours.ts";
import { type End, fail, isOwn, limitMtu, type Run, step } from "./run.ts";

/** vxlan_xmit_one: inner frame → UDP; the outer packet is the node's own. */
export function encapsulateVxlan(
  run: Run,
  netns: Netns,
  device: Device & { kind: "vxlan" },
  packet: Packet,
  to: Neighbour & { kind: "permanent" },
): End {
  const entry = device.fdb.lookup(to.mac);
  if (!entry) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "no-forwarding-entry",
      message: `${device.name} has no forwarding entry for ${to.mac}, and learning is off`,
      device: device.name,
      rule: to.rule,
    });
  }
  // vxlan_xmit_one: an entry that names no interface is routed by any, whatever the tunnel's own lower device is.
  const egress = lookup(netns, localAddressesOf(netns), { dst: entry.dst, src: device.local });
  if (egress?.route.type === "local") return bypassVxlan(run, netns, device, packet, entry);
  if (!isOwn(netns, device.local)) {
    // ip_route_output_key: a source that is no local address is refused; the device counts a carrier error.
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "no-source-address",
      message: `${device.name} sends from ${formatIp(device.local)}, which is no address of ${netns.id}`,
      device: device.name,
      origin: device.origin,
    });
  }
  const outer = typeof device.local === "number" ? 4 : 6;
  const overhead = encapsulationOverhead("vxlan", outer);
  const tooBig = egress && tooBigForPort(run, netns, device, packet, egress, overhead);
  if (tooBig) return tooBig;
  const made: Omit<Packet, "src"> = {
    dst: entry.dst,
    ttl: 64,
    // IFLA_VXLAN_DF defaults to unset: the outer packet may be fragmented.
    df: false,
    length: pieceLength(packet) + overhead,
    mark: packet.mark,
    body: {
      kind: "udp",
      sport: flowSourcePort(packet),
      dport: device.port,
      carries: { kind: "vxlan", vni: device.vni, inner: packet, src: device.mac ?? "", dst: to.mac },
    },
  };
  step(
    run,
    netns,
    device.name,
    null,
    "encapsulate",
    `in VXLAN ${device.vni} to ${formatIp(entry.dst)}, UDP port ${device.port}, ${overhead} bytes more`,
    { ...made, src: device.local },
    {
      table: "fdb",
      text: `${entry.mac} dev ${device.name} dst ${formatIp(entry.dst)} self${entry.learned ? "" : " permanent"}`,
      why: `neighbour ${to.rule.text}`,
      origin: entry.origin,
    },
  );
  if (egress?.nexthops.some((hop) => hop.dev === device.name)) return tunnelLoop(run, netns, device, packet);
  run.overhead += overhead;
  return run.stack.originate(run, netns, made, device.local);
}

/** skb_tunnel_check_pmtu: as a bridge's port it tells the sender what fits, where there is no IP layer to do it. */
function tooBigForPort(
  run: Run,
  netns: Netns,
  device: Device & { kind: "vxlan" },
  packet: Packet,
  egress: Found,
  overhead: number,
): End | undefined {
  const lower = netns.devices.get(egress.nexthops[0]?.dev ?? "");
  const mtu = (egress.route.mtu ?? lower?.mtu ?? Number.POSITIVE_INFINITY) - overhead;
  if (device.master === undefined || pieceLength(packet) <= mtu) return undefined;
  if (mtu < 576 || (familyOf(packet) === 4 && !packet.df)) return undefined;
  limitMtu(run, mtu);
  return fail(run, netns, packet, {
    verdict: "dropped",
    code: "too-big",
    message: `the packet of ${packet.length} bytes is larger than the ${mtu} that fit into ${device.name} of ${netns.id} and may not be fragmented`,
    device: device.name,
    origin: device.origin,
    icmp: { kind: "packet-too-big", mtu, port: device },
  });
}

/**
 * encap_bypass_if_local: a far end that is the host's own gets the frame without an envelope, from the tunnel's device to the
 * one of the same network; nobody looks at the inner MAC address.
 */
function bypassVxlan(run: Run, netns: Netns, device: Device & { kind: "vxlan" }, packet: Packet, entry: FdbEntry): End {
  const rule: StepRule = {
    table: "fdb",
    text: `${entry.mac} dev ${device.name} dst ${formatIp(entry.dst)} self permanent`,
    origin: entry.origin,
  };
  const text = `${formatIp(entry.dst)} is an address of ${netns.id} itself: the frame is handed back without leaving`;
  step(run, netns, device.name, null, "encapsulate", text, packet, rule);
  const own: Packet = { ...packet, mark: 0 };
  step(run, netns, device.name, "in", "receive", `${netns.id} receives it on ${device.name}`, own);
  return run.stack.receiveIp(run, netns, device, own, false);
}

/** ip_tunnel_xmit. The outer DF bit is the inner one (net/ipv4/ip_tunnel.c); without a far end the nexthop is it. */
export function encapsulateIpip(
  run: Run,
  netns: Netns,
  device: Device & { kind: "ipip" },
  packet: Packet,
  rule: StepRule,
): End {
  const found = lookup(netns, localAddressesOf(netns), { dst: packet.dst, src: packet.src });
  const nexthop = found?.nexthops.find((hop) => hop.dev === device.name);
  const remote = device.remote ?? nexthop?.via ?? packet.dst;
  const overhead = encapsulationOverhead("ipip", 4);
  const made: Omit<Packet, "src"> = {
    dst: remote,
    ttl: 64,
    df: packet.df,
    length: pieceLength(packet) + overhead,
    mark: packet.mark,
    body: { kind: "ipip", inner: packet },
  };
  step(
    run,
    netns,
    device.name,
    null,
    "encapsulate",
    `in IP (protocol 4) to ${formatIp(remote)}, ${overhead} bytes more`,
    { ...made, src: device.local ?? packet.src },
    rule,
  );
  const egress = lookup(netns, localAddressesOf(netns), { dst: remote, src: device.local, oif: device.lower });
  if (egress?.nexthops.some((hop) => hop.dev === device.name)) return tunnelLoop(run, netns, device, packet);
  run.overhead += overhead;
  return run.stack.originate(run, netns, made, device.local, device.lower);
}

export function encapsulateTun(run: Run, netns: Netns, device: Device & { kind: "tun" }, packet: Packet): End {
  const { daemon } = device;
  const peer = daemon.lookup(packet.dst);
  if (!peer) {
    return fail(run, netns, packet, {
      verdict: "unreachable",
      code: "no-tunnel-peer",
      message: `${daemon.process} knows no peer for ${formatIp(packet.dst)}`,
      device: device.name,
      origin: device.origin,
      // The daemon writes its own ICMP into the TUN device, and none about ICMP.
      ...(packet.body.kind === "icmp" ? {} : { icmp: { kind: "net-unreachable", tun: device } }),
    });
  }
  const inner = daemonTtl(daemon.decrementsTtl, packet);
  if (!inner)
    return fail(run, netns, packet, {
      verdict: "looped",
      code: "ttl-exceeded",
      message: `${daemon.process} discards the packet: its TTL is used up`,
      device: device.name,
    });
  const overhead = encapsulationOverhead("ip-in-udp", typeof daemon.local === "number" ? 4 : 6);
  const made: Omit<Packet, "src"> = {
    dst: peer.peer,
    ttl: 64,
    // An ordinary socket (IP_PMTUDISC_WANT): DF set while the packet fits.
    df: false,
    length: pieceLength(inner) + overhead,
    mark: 0,
    body: { kind: "udp", sport: daemon.port, dport: daemon.port, carries: { kind: "ip", inner } },
  };
  step(
    run,
    netns,
    device.name,
    null,
    "encapsulate",
    `${daemon.process} sends it over UDP port ${daemon.port} to ${formatIp(peer.peer)}, ${overhead} bytes more`,
    { ...made, src: daemon.local },
    {
      table: daemon.process,
      text: peer.text,
      origin: peer.origin,
    },
  );
  run.overhead += overhead;
  const found = lookup(netns, localAddressesOf(netns), { dst: peer.peer, src: daemon.local });
  const egress = found?.nexthops[0] && netns.devices.get(found.nexthops[0].dev);
  const fits = egress === undefined || made.length <= (found?.route.mtu ?? egress.mtu);
  return run.stack.originate(run, netns, { ...made, df: fits }, daemon.local);
}

function daemonTtl(decrements: boolean, packet: Packet): Packet | undefined {
  if (!decrements) return packet;
  return packet.ttl <= 1 ? undefined : { ...packet, ttl: packet.ttl - 1 };
}

export function tunnelLoop(run: Run, netns: Netns, device: Device, packet: Packet): End {
  return fail(run, netns, packet, {
    verdict: "looped",
    code: "tunnel-loop",
    message: `the tunnel's far end is routed into ${device.name} itself`,
    device: device.name,
    origin: device.origin,
  });
}

/** The receiving end of a tunnel: vxlan_rcv, tunnel4_rcv, the daemon behind a TUN device. */
export function decapsulate(run: Run, netns: Netns, packet: Packet, inner: Packet, ingress: string): End {
  const body = packet.body;
  if (body.kind === "ipip") {
    const device = [...netns.devices.values()].find(
      (one) =>
        one.kind === "ipip" &&
        (one.local === undefined || one.local === packet.dst) &&
        (one.remote === undefined || one.remote === packet.src),
    );
    if (!device) {
      return fail(run, netns, packet, {
        verdict: "dropped",
        code: "tunnel-port-closed",
        message: `${netns.id} has no IPIP tunnel that takes packets of protocol 4`,
        device: ingress,
        origin: netns.origin,
      });
    }
    return unwrapped(run, netns, device, packet, inner, encapsulationOverhead("ipip", 4));
  }
  const carries = body.kind === "udp" ? body.carries : undefined;
  if (body.kind !== "udp" || (carries?.kind !== "ip" && carries?.kind !== "vxlan"))
    throw new Error("not a packet of these tunnels");
  if (carries.kind === "ip") {
    const device = [...netns.devices.values()].find((one) => one.kind === "tun" && one.daemon.port === body.dport);
    if (device?.kind !== "tun") return closedTunnel(run, netns, packet, body.dport, ingress);
    const lowered = daemonTtl(device.daemon.decrementsTtl, inner);
    if (!lowered)
      return fail(run, netns, packet, {
        verdict: "looped",
        code: "ttl-exceeded",
        message: `${device.daemon.process} discards the packet: its TTL is used up`,
        device: device.name,
      });
    return unwrapped(run, netns, device, packet, lowered, encapsulationOverhead("ip-in-udp", familyOf(packet)));
  }
  const listening = [...netns.devices.values()].filter(
    (one) => one.kind === "vxlan" && one.port === body.dport && typeof one.local === typeof packet.dst,
  );
  if (listening.length === 0) return closedTunnel(run, netns, packet, body.dport, ingress);
  const device = listening.find((one) => one.kind === "vxlan" && one.vni === carries.vni);
  if (!device) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "tunnel-vni-unknown",
      message: `${netns.id} has no VXLAN device with VNI ${carries.vni} on port ${body.dport} (it has ${listening.map((one) => (one.kind === "vxlan" ? one.vni : 0)).join(", ")})`,
      device: ingress,
      origin: listening[0]?.origin,
    });
  }
  if (device.master !== undefined) {
    const bridge = netns.devices.get(device.master);
    const behind = bridge?.kind === "bridge" && bridge.mac !== carries.dst ? bridge.portFor(inner.dst) : undefined;
    return unwrapped(run, netns, device, packet, inner, encapsulationOverhead("vxlan", familyOf(packet)), {
      to: behind ? { kind: "bridge-port", port: behind.port, mac: behind.mac } : { kind: "bridge-host" },
    });
  }
  if (device.mac !== undefined && carries.dst !== device.mac) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "wrong-mac",
      message: `the inner frame is for ${carries.dst}, ${device.name} of ${netns.id} is ${device.mac}`,
      device: device.name,
      origin: device.origin,
    });
  }
  return unwrapped(run, netns, device, packet, inner, encapsulationOverhead("vxlan", familyOf(packet)));
}

export function closedTunnel(run: Run, netns: Netns, packet: Packet, port: number, ingress: string): End {
  return fail(run, netns, packet, {
    verdict: "dropped",
    code: "tunnel-port-closed",
    message: `no tunnel of ${netns.id} listens on UDP port ${port}; the node that sent it gets a port-unreachable, the pod hears nothing`,
    device: ingress,
    origin: netns.origin,
  });
}

/** `frame`: the device is a bridge's port, and the frame is for … */
export function unwrapped(
  run: Run,
  netns: Netns,
  device: Device,
  outer: Packet,
  inner: Packet,
  overhead: number,
  frame?: { readonly to: Neighbour },
): End {
  step(
    run,
    netns,
    device.name,
    null,
    "decapsulate",
    `${device.name} takes the packet out of its envelope from ${formatIp(outer.src)}`,
    outer,
  );
  run.overhead = Math.max(0, run.overhead - overhead);
  const fresh: Packet = { ...inner, mark: 0, ignoreDf: undefined };
  step(run, netns, device.name, "in", "receive", `${netns.id} receives it on ${device.name}`, fresh);
  if (frame) return run.stack.bridgeIn(run, netns, device, fresh, frame.to);
  return run.stack.receiveIp(run, netns, device, fresh, false);
}
