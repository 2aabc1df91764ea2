/**
 * The kernel's load balancer: a received or locally generated packet to a virtual server is sent to one of its real servers
 * with DNAT (net/netfilter/ipvs, ip_vs_core.c and ip_vs_xmit.c, masquerading mode). The binding is stored in the conntrack
 * entry (net.ipv4.vs.conntrack = 1, set by kube-proxy).
 */
import { t } from "../../text/l10n.ts";
import { bind, type Tracking } from "../conntrack.ts";
import { localAddressesOf, lookup } from "../fib.ts";
import type { Device, VirtualServer } from "../model.ts";
import { familyOf, type Packet, portsOf, transportOf, withPorts } from "../packet.ts";
import { serverText, withPort } from "../text.ts";
import { hook } from "./hook.ts";
import {
  type Balanced,
  choose,
  type End,
  expiredText,
  fail,
  type Host,
  isOwn,
  machine,
  pickNexthop,
  type Routed,
  routeRule,
  sendErrno,
  step,
} from "./run.ts";
import { output, refusedByRoute, tooBigFor, tooBigText } from "./send.ts";

/** NF_INET_LOCAL_IN: NF_IP_PRI_NAT_SRC - 1 (ip_vs_ops4): after the filter chains, before nat/INPUT. */
export const LOCAL_IN = 99;

/** Undefined: not a packet to a virtual server. `ingress` is undefined for locally generated packets. */
export function balance(
  host: Host,
  packet: Packet,
  tracking: Tracking,
  ingress: Device | undefined,
): Balanced | undefined {
  const { run, netns } = host;
  const ports = packet.body.kind === "icmp" ? undefined : portsOf(packet);
  const virtual = ports && netns.ipvs?.find(transportOf(packet), packet.dst, ports.dport);
  if (!virtual || !ports) return undefined;
  const device = ingress?.name ?? "lo";
  const server = virtual.servers[choose(run, virtual.servers.length, () => 1)];
  if (!server) return { kind: "sent", end: withoutServers(host, packet, virtual, ingress) };
  // ip_vs_nat_send_or_cont: NF_ACCEPT, so the packet continues in its hook.
  if (isOwn(netns, server.ip)) {
    return { kind: "local", packet: rewritten(host, packet, tracking, { virtual, server, device }) };
  }
  return { kind: "sent", end: forward(host, packet, tracking, { virtual, server, device, ingress }) };
}

interface Choice {
  readonly virtual: VirtualServer;
  readonly server: VirtualServer["servers"][number];
  readonly device: string;
}

function rewritten(host: Host, packet: Packet, { connection }: Tracking, choice: Choice): Packet {
  const { virtual, server, device } = choice;
  if (connection) {
    bind(connection, { side: "dst", ip: server.ip, port: server.port });
    connection.dnatDone = true;
  }
  const sent = withPorts({ ...packet, dst: server.ip }, portsOf(packet)?.sport ?? 0, server.port);
  step(host, {
    device,
    action: "dnat",
    text: t`forwarded by IPVS to ${withPort(server.ip, server.port)} (DNAT)`,
    packet: sent,
    rule: { table: "ipvs", text: serverText(virtual, server), origin: virtual.origin },
  });
  return sent;
}

/**
 * ip_vs_nat_xmit: the route of the real server (do_output_route4 looks up only the destination), TTL, and MTU, with errors
 * about the packet as it arrived. It then passes OUTPUT completely, with the device of its new route.
 */
function forward(
  host: Host,
  packet: Packet,
  tracking: Tracking,
  choice: Choice & { readonly ingress: Device | undefined },
): End {
  const { netns } = host;
  const { server, device, ingress } = choice;
  const found = lookup(netns, localAddressesOf(netns), { dst: server.ip });
  const refused = refusedByRoute(host, { ...packet, dst: server.ip }, found, ingress);
  if (refused) return refused;
  if (!found) throw new Error("unreachable");
  // decrement_ttl: also for locally generated packets.
  if (packet.ttl <= 1) {
    return fail(host, packet, {
      verdict: "looped",
      code: "ttl-exceeded",
      message: expiredText(host),
      device,
      icmp: { kind: "ttl-exceeded" },
    });
  }
  const nexthop = pickNexthop(host, found, packet.src, server.ip);
  const route: Routed = { found, nexthop };
  const mtu = tooBigFor(host, packet, route, undefined);
  // ensure_mtu_is_adequate
  if (mtu !== undefined && (packet.df || familyOf(packet) === 6)) {
    return fail(host, packet, {
      verdict: "dropped",
      code: "too-big",
      message: tooBigText(netns, packet, mtu, nexthop),
      device,
      rule: routeRule(route),
      origin: nexthop && netns.devices.get(nexthop.dev)?.origin,
      icmp: { kind: "packet-too-big", mtu, toLocal: true, own: ingress === undefined },
    });
  }
  const sent = rewritten(host, { ...packet, ttl: packet.ttl - 1 }, tracking, choice);
  const passed = hook(host, "OUTPUT", sent, tracking, { out: nexthop?.dev });
  // A received packet has no local sender that could see an error.
  if (passed.end) return ingress ? { ...passed.end, errno: undefined } : passed.end;
  return output(host, passed.packet, route, tracking, ingress);
}

/** ip_vs_leave: a virtual server without real servers rejects packets with ICMP port unreachable. */
function withoutServers(host: Host, packet: Packet, virtual: VirtualServer, ingress: Device | undefined): End {
  const { netns } = host;
  return fail(host, packet, {
    verdict: "rejected",
    code: "rejected-by-rule",
    message: t`IPVS on ${machine(netns)} has no real server for ${withPort(virtual.ip, virtual.port)}`,
    device: ingress?.name ?? "lo",
    rule: { table: "ipvs", text: serverText(virtual, undefined), origin: virtual.origin },
    icmp: { kind: "port-unreachable", toLocal: true },
    // NF_DROP in OUTPUT, in addition to the ICMP error, which reaches the sender through lo.
    ...(ingress ? {} : { errno: sendErrno(packet, "EPERM") }),
  });
}
