/**
 * Encrypted tunnels require a completed key exchange. The exchange is simulated as separate packets, which appear in a trace
 * only if they fail.
 */
import { formatIp, type Ip } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Reason } from "../journey.ts";
import type { Device, Netns } from "../model.ts";
import type { Packet } from "../packet.ts";
import { type End, type Host, newRun, type Run } from "./run.ts";

interface Endpoint {
  readonly ip: Ip;
  readonly port: number;
}
/** The source of a message; `ip` is undefined if the kernel selects it. */
interface From {
  readonly ip: Ip | undefined;
  readonly port: number;
}

/** Sends a UDP datagram of an exchange and returns its end. Where it is dropped, it leaves no conntrack entry. */
function tell({ run, netns }: Host, from: From, to: Endpoint): End {
  const own: Run = {
    ...newRun(run.stack, run.network, []),
    connections: run.connections,
    sessions: run.sessions,
    maps: run.maps,
  };
  const made: Omit<Packet, "src"> = {
    dst: to.ip,
    ttl: 64,
    df: false,
    length: 176,
    mark: 0,
    body: { kind: "udp", sport: from.port, dport: to.port, carries: undefined },
  };
  // The packet that waits for the exchange has a connection that is not confirmed yet.
  const before = new Set([...run.connections.values()].flat());
  const end = run.stack.originate({ run: own, netns }, made, from.ip);
  const left = run.connections.get(end.netns.id);
  if (left)
    run.connections.set(
      end.netns.id,
      left.filter((one) => one.confirmed === true || before.has(one)),
    );
  return end;
}

function lossOf({ verdict, reason, packet }: End): Reason | undefined {
  return verdict === "delivered" || !reason
    ? undefined
    : { ...reason, lost: reason.lost ?? packet, lostBy: reason.lostBy ?? reason.code };
}

/** The end of a packet without a session, with the location of the failed exchange. */
export function withoutSession(end: End, failure: Reason | undefined): End {
  if (!failure || !end.reason) return end;
  const { netns, origin, lost, lostBy, unlessAsked } = failure;
  return { ...end, reason: { ...end.reason, netns, origin: origin ?? end.reason.origin, lost, lostBy, unlessAsked } };
}

/** Runs an exchange once per key. `netns`: the initiator. An exchange that depends on its own result fails (a tunnel whose outer packets are routed into the tunnel). */
function once(host: Host, key: string, exchange: () => Reason | undefined): Reason | undefined {
  const { run, netns } = host;
  const known = run.sessions.get(key);
  if (known) return known.failure;
  const loop = {
    code: "tunnel-loop",
    message: t`the route to the remote endpoint points into the tunnel itself`,
    netns: netns.id,
  } as const;
  run.sessions.set(key, { failure: { ...loop, origin: netns.origin } });
  const failure = exchange();
  run.sessions.set(key, { failure });
  return failure;
}

/** The handshake response of WireGuard, to the source of the initiation (drivers/net/wireguard/receive.c). */
export function handshakeResponse(responder: Host, from: Endpoint, to: Endpoint): Reason | undefined {
  return once(responder, `wireguard ${formatIp(from.ip)} ${formatIp(to.ip)} ${to.port}`, () => {
    return lossOf(tell(responder, from, to));
  });
}

/** Where a message of an exchange came from, as its receiver sees it: after NAT. */
export interface Origin {
  readonly ip: Ip;
  readonly port: number;
  /** The address that received it. */
  readonly own: Ip;
}

/**
 * The source of a WireGuard peer's keepalives, which start with a handshake initiation: its receiver learns the endpoint
 * from the initiation (wg_receive_handshake_packet, wg_socket_set_peer_endpoint_from_skb). Undefined: they are lost.
 */
export function keepaliveOrigin(
  { run, netns: receiver }: Host,
  peer: Netns,
  ports: { readonly from: number; readonly to: number },
  to: { readonly ip: Ip; readonly own: Ip | undefined },
): Origin | undefined {
  const end = tell({ run, netns: peer }, { ip: to.own, port: ports.from }, { ip: to.ip, port: ports.to });
  const { body, src, dst } = end.packet;
  if (end.verdict !== "delivered" || end.netns.id !== receiver.id || body.kind !== "udp") return undefined;
  return { ip: src, port: body.sport, own: dst };
}

/** A frame that a VXLAN device floods to a remote VTEP, and the reply: required for ARP through a bridged tunnel. */
export function overlayAnswer(host: Host, device: Device & { kind: "vxlan" }, vtep: Ip): Reason | undefined {
  const { run } = host;
  const { local, port } = device;
  return once(host, `vxlan ${formatIp(local)} ${formatIp(vtep)} ${port}`, () => {
    const there = tell(host, { ip: local, port: FLOODED_FROM }, { ip: vtep, port });
    const unreceived = lossOf(there);
    // arp_process: the target learns the requester, even if the reply is lost.
    if (unreceived) return { ...unreceived, unlessAsked: true };
    return lossOf(tell({ run, netns: there.netns }, { ip: vtep, port: FLOODED_FROM }, { ip: local, port }));
  });
}

/** A port in the range of tunnel source ports. */
const FLOODED_FROM = 50000;

/** IKE (RFC 7296): request and response on port 500, and also on port 4500 for ESP in UDP. */
export function keyExchange(host: Host, src: Ip, dst: Ip, inUdp: boolean): Reason | undefined {
  const { run } = host;
  return once(host, `ike ${formatIp(src)} ${formatIp(dst)}`, () => {
    for (const port of inUdp ? [500, 4500] : [500]) {
      const [own, peer] = [
        { ip: src, port },
        { ip: dst, port },
      ];
      const there = tell(host, own, peer);
      const failure = lossOf(there) ?? lossOf(tell({ run, netns: there.netns }, peer, own));
      if (failure) return failure;
    }
    return undefined;
  });
}
