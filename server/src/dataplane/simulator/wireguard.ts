/** WireGuard: the destination selects the peer, and the inner source must be in the allowed IPs of the sending peer. */
import { formatIp, formatPrefix, type Ip } from "../../addressing/ip.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { localAddressesOf, lookup, selectSource } from "../fib.ts";
import type { Device, Netns, WireguardPeer } from "../model.ts";
import { type Carried, encapsulationOverhead, familyOf, type Packet, wireguardPadded } from "../packet.ts";
import { peerText } from "../text.ts";
import { type End, fail, type Host, isOwn, machine, sendErrno, step } from "./run.ts";
import { handshakeResponse, keepaliveOrigin, type Origin, withoutSession } from "./session.ts";
import { closedTunnel, tunnelLoop, unwrapped } from "./tunnels.ts";

type Wireguard = Device & { kind: "wireguard" };

export function encapsulateWireguard(host: Host, device: Wireguard, packet: Packet): End {
  const { run, netns } = host;
  const peer = device.peers.allowed(packet.dst);
  if (!peer) {
    // wg_xmit: ENOKEY, and icmp_ndo_send sends an ICMP error to the source.
    const own = isOwn(netns, packet.src);
    return fail(host, packet, {
      verdict: "unreachable",
      code: "no-tunnel-peer",
      message: t`no peer of ${device.name} on ${machine(netns)} has ${formatIp(packet.dst)} in its allowed IPs`,
      device: device.name,
      origin: device.origin,
      icmp: { kind: "host-unreachable", own },
      ...(own ? { errno: sendErrno(packet, "ENOKEY") } : {}),
    });
  }
  const known = run.roamed.get(roamKey(netns, device, peer));
  const kept = known ? undefined : learnedFromKeepalives(host, device, peer);
  const learned = known ?? kept;
  const { ip, port } = learned ?? peer.endpoint;
  const length = wireguardPadded(packet.length, device.mtu);
  const overhead = encapsulationOverhead("wireguard", typeof ip === "number" ? 4 : 6);
  const made: Omit<Packet, "src"> = {
    dst: ip,
    ttl: 64,
    df: false,
    length: length + overhead,
    mark: 0,
    body: {
      kind: "udp",
      sport: device.port,
      dport: port,
      carries: { kind: "wireguard", sender: device.publicKey, presharedKey: peer.presharedKey, inner: packet },
    },
  };
  const padding = length - packet.length;
  step(host, {
    device: device.name,
    action: "encapsulate",
    text:
      padding > 0
        ? t`encrypted for peer ${formatIp(ip)}, UDP port ${port} (+${overhead} bytes, +${padding} padding)`
        : t`encrypted for peer ${formatIp(ip)}, UDP port ${port} (+${overhead} bytes)`,
    packet: { ...made, src: sourceTo(netns, ip, learned?.own) },
    rule: {
      table: "wireguard",
      // wg show: the current endpoint.
      text: peerText({ ...peer, endpoint: { ip, port } }),
      ...(kept ? { why: t`endpoint learned from the keepalives of the peer` } : {}),
      origin: peer.origin,
    },
  });
  // wg_socket_send: ELOOP.
  const egress = lookup(netns, localAddressesOf(netns), { dst: ip, src: learned?.own });
  if (egress?.nexthops.some((hop) => hop.dev === device.name)) return tunnelLoop(host, device, packet);
  run.overhead += overhead;
  return run.stack.originate(host, made, learned?.own);
}

function sourceTo(netns: Netns, ip: Ip, own: Ip | undefined): Ip {
  const found = own === undefined ? lookup(netns, localAddressesOf(netns), { dst: ip }) : undefined;
  return own ?? (found && selectSource(netns, found, found.nexthops[0], ip)) ?? (typeof ip === "number" ? 0 : 0n);
}

/**
 * The endpoint of a peer that sends keepalives (persistent-keepalive), also behind NAT: the last authenticated packet sets it
 * (wg_socket_set_peer_endpoint). Computed once per run; undefined if no keepalive arrives.
 */
function learnedFromKeepalives(host: Host, device: Wireguard, peer: WireguardPeer): Origin | undefined {
  const { run, netns } = host;
  const key = `keepalive ${roamKey(netns, device, peer)}`;
  const home = run.network.netns(peer.netns);
  if (run.sessions.has(key) || !home) return undefined;
  run.sessions.set(key, { failure: undefined });
  const far = [...home.devices.values()].find((one) => one.kind === "wireguard" && one.publicKey === peer.publicKey);
  if (far?.kind !== "wireguard") return undefined;
  const self = far.peers.byKey(device.publicKey);
  if (!self?.keepalive || self.presharedKey !== peer.presharedKey) return undefined;
  const known = run.roamed.get(roamKey(home, far, self));
  const { ip, port } = known ?? self.endpoint;
  const ports = { from: far.port, to: port };
  const origin = keepaliveOrigin(host, home, ports, { ip, own: known?.own });
  if (origin) run.roamed.set(roamKey(netns, device, peer), origin);
  return origin;
}

/** Key of a learned endpoint: wg_socket_set_peer_endpoint_from_skb. */
function roamKey(netns: Netns, device: Wireguard, peer: WireguardPeer): string {
  return `${netns.id} ${device.name} ${peer.publicKey}`;
}

/** wg_receive: handshake, decryption, and check of the inner source (wg_packet_consume_data_done). */
export function decapsulateWireguard(
  host: Host,
  packet: Packet,
  carries: Carried & { kind: "wireguard" },
  ingress: string,
): End {
  const { run, netns } = host;
  const { body } = packet;
  if (body.kind !== "udp") throw new Error("not a datagram");
  const device = [...netns.devices.values()].find((one) => one.kind === "wireguard" && one.port === body.dport);
  if (device?.kind !== "wireguard") return closedTunnel(host, packet, body.dport, ingress);
  const refuse = (code: "no-session" | "source-not-allowed", message: string): End =>
    fail(host, packet, { verdict: "dropped", code, message, device: device.name, origin: device.origin });
  const peer = device.peers.byKey(carries.sender);
  if (!peer)
    return refuse(
      "no-session",
      t`${device.name} of ${machine(netns)} has no peer with the key of ${formatIp(packet.src)} and ignores the handshake`,
    );
  if (peer.presharedKey !== carries.presharedKey)
    return refuse(
      "no-session",
      t`${device.name} of ${machine(netns)} has a different preshared key for ${formatIp(packet.src)}: the handshake fails`,
    );
  const failure = handshakeResponse(host, { ip: packet.dst, port: device.port }, { ip: packet.src, port: body.sport });
  if (failure)
    return withoutSession(
      refuse(
        "no-session",
        t`${machine(netns)} has no WireGuard session with ${formatIp(packet.src)}, because the handshake response is lost: ${failure.message}`,
      ),
      failure,
    );
  run.roamed.set(roamKey(netns, device, peer), { ip: packet.src, port: body.sport, own: packet.dst });
  if (device.peers.allowed(carries.inner.src)?.publicKey !== peer.publicKey)
    return refuse(
      "source-not-allowed",
      t`${device.name} of ${machine(netns)} drops a packet from ${formatIp(carries.inner.src)}: the allowed IPs of peer ${formatIp(packet.src)} are ${list(peer.allowedIps.map(formatPrefix))}`,
    );
  return unwrapped(host, device, packet, carries.inner, {
    overhead: encapsulationOverhead("wireguard", familyOf(packet)),
  });
}
