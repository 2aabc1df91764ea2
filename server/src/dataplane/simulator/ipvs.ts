/**
 * The kernel's load balancer: a packet to a virtual server that came in, or was made here, goes on to one of its real
 * servers with the destination translated (net/netfilter/ipvs, ip_vs_core.c and ip_vs_xmit.c, masquerading mode). The
 * translation is kept in the conntrack entry, as with net.ipv4.vs.conntrack = 1, which kube-proxy sets.
 */
import { formatIp, type Ip } from "../../addressing/ip.ts";
import { localAddressesOf, lookup } from "../fib.ts";
import type { Device, Netns, VirtualServer } from "../model.ts";
import { bind, type Tracking } from "../netfilter.ts";
import { type Packet, portsOf, transportOf, withPorts } from "../packet.ts";
import { serverText } from "../text.ts";
import { choose, type End, fail, hook, pickNexthop, type Run, step } from "./run.ts";
import { output, refusedByRoute } from "./send.ts";

/** Undefined: no virtual server. `ingress` undefined: a packet of this host. */
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
  if (!server) return nobody(run, netns, packet, virtual, ingress);
  if (ingress && packet.ttl <= 1) {
    return fail(run, netns, packet, {
      verdict: "looped",
      code: "ttl-exceeded",
      message: `the TTL is used up at ${netns.id}`,
      device,
      icmp: { kind: "ttl-exceeded" },
    });
  }
  const { connection } = tracking;
  if (connection) {
    bind(connection, { side: "dst", ip: server.ip, port: server.port });
    connection.dnatDone = true;
    // IPVS takes the packet before nat INPUT would see it (priority 99 before 100): POSTROUTING is asked later.
    connection.snatDone = false;
  }
  const sent = withPorts(
    { ...packet, dst: server.ip, ttl: ingress ? packet.ttl - 1 : packet.ttl },
    ports.sport,
    server.port,
  );
  step(run, netns, device, null, "dnat", `IPVS sends it on to ${ends(server)}`, sent, {
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

/** ip_vs_leave: a virtual server without real ones answers port unreachable. */
function nobody(run: Run, netns: Netns, packet: Packet, virtual: VirtualServer, ingress: Device | undefined): End {
  return fail(run, netns, packet, {
    verdict: "rejected",
    code: "rejected-by-rule",
    message: `IPVS has no real server for ${ends(virtual)}`,
    device: ingress?.name ?? "lo",
    rule: { table: "ipvs", text: serverText(virtual, undefined), origin: virtual.origin },
    ...(ingress ? { icmp: { kind: "port-unreachable", toLocal: true } } : { errno: { name: "ECONNREFUSED" } }),
  });
}

function ends({ ip, port }: { readonly ip: Ip; readonly port: number }): string {
  return typeof ip === "bigint" ? `[${formatIp(ip)}]:${port}` : `${formatIp(ip)}:${port}`;
}
