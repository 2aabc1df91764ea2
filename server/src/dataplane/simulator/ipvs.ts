/**
 * The kernel's load balancer: a received or locally generated packet to a virtual server is sent to one of its real servers
 * with DNAT (net/netfilter/ipvs, ip_vs_core.c and ip_vs_xmit.c, masquerading mode). The binding is stored in the conntrack
 * entry (net.ipv4.vs.conntrack = 1, set by kube-proxy).
 */
import { t } from "../../text/l10n.ts";
import { localAddressesOf, lookup } from "../fib.ts";
import type { Device, Netns, VirtualServer } from "../model.ts";
import { bind, type Tracking } from "../netfilter.ts";
import { type Packet, portsOf, transportOf, withPorts } from "../packet.ts";
import { serverText, withPort } from "../text.ts";
import {
  choose,
  type End,
  expiredText,
  fail,
  hook,
  isOwn,
  machine,
  pickNexthop,
  type Run,
  sendErrno,
  step,
} from "./run.ts";
import { output, refusedByRoute } from "./send.ts";

/** Undefined: not a packet to a virtual server. `ingress` is undefined for locally generated packets. */
export function balance(
  run: Run,
  netns: Netns,
  packet: Packet,
  tracking: Tracking,
  ingress: Device | undefined,
): End | undefined {
  const ports = packet.body.kind === "icmp" ? undefined : portsOf(packet);
  const virtual = ports && netns.ipvs?.find(transportOf(packet), packet.dst, ports.dport);
  if (!virtual || !ports) return undefined;
  const device = ingress?.name ?? "lo";
  const server = virtual.servers[choose(run, virtual.servers.length, () => 1)];
  if (!server) return withoutServers(run, netns, packet, virtual, ingress);
  // __ip_vs_get_out_rt, decrement_ttl: also for locally generated packets, but not for a real server on this machine.
  const isLocal = isOwn(netns, server.ip);
  if (!isLocal && packet.ttl <= 1) {
    return fail(run, netns, packet, {
      verdict: "looped",
      code: "ttl-exceeded",
      message: expiredText(run, netns),
      device,
      icmp: { kind: "ttl-exceeded" },
    });
  }
  const { connection } = tracking;
  if (connection) {
    bind(connection, { side: "dst", ip: server.ip, port: server.port });
    connection.dnatDone = true;
    // IPVS intercepts the packet before nat/INPUT (priority 99 before 100), so nat/POSTROUTING still applies later.
    connection.snatDone = false;
  }
  const sent = withPorts(
    { ...packet, dst: server.ip, ttl: isLocal ? packet.ttl : packet.ttl - 1 },
    ports.sport,
    server.port,
  );
  step(run, netns, device, null, "dnat", t`forwarded by IPVS to ${withPort(server.ip, server.port)} (DNAT)`, sent, {
    table: "ipvs",
    text: serverText(virtual, server),
    origin: virtual.origin,
  });
  const passed = ingress
    ? hook(run, netns, "OUTPUT", sent, tracking, { out: device })
    : { packet: sent, end: undefined };
  if (passed.end) return passed.end;
  const found = lookup(netns, localAddressesOf(netns), {
    dst: server.ip,
    src: passed.packet.src,
    mark: passed.packet.mark,
  });
  const refused = refusedByRoute(run, netns, passed.packet, found, ingress);
  if (refused) return refused;
  if (!found) throw new Error("unreachable");
  return output(
    run,
    netns,
    passed.packet,
    found,
    pickNexthop(run, netns, found, passed.packet.src, passed.packet.dst),
    tracking,
    ingress,
  );
}

/** ip_vs_leave: a virtual server without real servers rejects packets with ICMP port unreachable. */
function withoutServers(
  run: Run,
  netns: Netns,
  packet: Packet,
  virtual: VirtualServer,
  ingress: Device | undefined,
): End {
  return fail(run, netns, packet, {
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
