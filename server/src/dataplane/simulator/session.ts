/**
 * Tunnels with keys carry nothing before their ends have agreed. The exchange is sent as packets of its own, which show in a
 * trace only by their failure.
 */
import { formatIp, type Ip } from "../../addressing/ip.ts";
import type { Reason } from "../journey.ts";
import type { Device, Netns } from "../model.ts";
import { type End, newRun, type Run } from "./run.ts";

/** A datagram of a key exchange, from a socket to a socket; how it ended. */
function tell(run: Run, netns: Netns, src: Ip, sport: number, dst: Ip, dport: number): End {
  const own: Run = { ...newRun(run.stack, run.network, []), connections: run.connections, sessions: run.sessions };
  const body = { kind: "udp", sport, dport, carries: undefined } as const;
  return run.stack.originate(own, netns, { dst, ttl: 64, df: false, length: 176, mark: 0, body }, src);
}

function lossOf({ verdict, reason, packet }: End): Reason | undefined {
  return verdict === "delivered" || !reason
    ? undefined
    : { ...reason, lost: reason.lost ?? packet, lostBy: reason.lostBy ?? reason.code };
}

/** The end of a packet for which there is no session, with the place where the exchange failed. */
export function withoutSession(end: End, failure: Reason | undefined): End {
  if (!failure || !end.reason) return end;
  const { netns, origin, lost, lostBy, unlessAsked } = failure;
  return { ...end, reason: { ...end.reason, netns, origin: origin ?? end.reason.origin, lost, lostBy, unlessAsked } };
}

/** `netns`: who asks. What would need its own outcome for its way (a tunnel whose outer packets go into the tunnel) never comes about. */
function once(run: Run, netns: Netns, key: string, exchange: () => Reason | undefined): Reason | undefined {
  const known = run.sessions.get(key);
  if (known) return known.failure;
  const circle = {
    code: "tunnel-loop",
    message: "the way there leads through the tunnel itself",
    netns: netns.id,
  } as const;
  run.sessions.set(key, { failure: { ...circle, origin: netns.origin } });
  const failure = exchange();
  run.sessions.set(key, { failure });
  return failure;
}

/** WireGuard's second message: from the responder to where the first one came from (drivers/net/wireguard/receive.c). */
export function handshakeResponse(
  run: Run,
  responder: Netns,
  from: { readonly ip: Ip; readonly port: number },
  to: { readonly ip: Ip; readonly port: number },
): Reason | undefined {
  return once(run, responder, `wireguard ${formatIp(from.ip)} ${formatIp(to.ip)} ${to.port}`, () => {
    return lossOf(tell(run, responder, from.ip, from.port, to.ip, to.port));
  });
}

/** A frame that a VXLAN device floods to another, and its answer: what ARP through a bridged tunnel needs. */
export function overlayAnswer(
  run: Run,
  netns: Netns,
  device: Device & { kind: "vxlan" },
  vtep: Ip,
): Reason | undefined {
  const { local, port } = device;
  return once(run, netns, `vxlan ${formatIp(local)} ${formatIp(vtep)} ${port}`, () => {
    const there = tell(run, netns, local, FLOODED_FROM, vtep, port);
    const unheard = lossOf(there);
    // arp_process: who is asked learns who asks, whether or not its answer gets there.
    if (unheard) return { ...unheard, unlessAsked: true };
    return lossOf(tell(run, there.netns, vtep, FLOODED_FROM, local, port));
  });
}

/** A port out of the range of a tunnel's source ports. */
const FLOODED_FROM = 50000;

/** IKE (RFC 7296): request and response on port 500, and on 4500 where ESP travels in UDP. */
export function keyExchange(run: Run, netns: Netns, src: Ip, dst: Ip, inUdp: boolean): Reason | undefined {
  return once(run, netns, `ike ${formatIp(src)} ${formatIp(dst)}`, () => {
    for (const port of inUdp ? [500, 4500] : [500]) {
      const there = tell(run, netns, src, port, dst, port);
      const failure = lossOf(there) ?? lossOf(tell(run, there.netns, dst, port, src, port));
      if (failure) return failure;
    }
    return undefined;
  });
}
