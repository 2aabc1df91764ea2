/**
 * Packets as data. Immutable: whatever changes a header makes a new one, so that every hop can keep what it saw.
 * A tunnelled packet carries the inner one in its body.
 */
import type { Family, Ip } from "../addressing/ip.ts";
import type { EspCipher, Mac, Transport } from "./model.ts";

export interface Packet {
  readonly src: Ip;
  readonly dst: Ip;
  readonly ttl: number;
  /** Don't-fragment bit. On the way IPv6 behaves as if it were always set; a sender may cut its own packets. */
  readonly df: boolean;
  /** Length of the IP packet in bytes, this header and everything inside it included. */
  readonly length: number;
  readonly body: Body;
  /** skb->mark, lives only inside one namespace. */
  readonly mark: number;
  /** It travels in fragments of at most so many bytes, headers included. */
  readonly fragment?: number | undefined;
  /** skb->ignore_df: it came in fragments and was put together here, so that it may be cut again. Lives only inside one namespace. */
  readonly ignoreDf?: boolean | undefined;
  /** Came out of ESP between these addresses (sec_path), lives only inside one namespace. */
  readonly secpath?: { readonly src: Ip; readonly dst: Ip } | undefined;
}

export type Body =
  | { readonly kind: "tcp"; readonly sport: number; readonly dport: number; readonly flags: TcpFlags }
  | { readonly kind: "udp"; readonly sport: number; readonly dport: number; readonly carries: Carried | undefined }
  | {
      readonly kind: "sctp";
      readonly sport: number;
      readonly dport: number;
      readonly chunk: "INIT" | "INIT-ACK" | "ABORT";
    }
  | { readonly kind: "icmp"; readonly message: IcmpMessage }
  | { readonly kind: "ipip"; readonly inner: Packet }
  | { readonly kind: "esp"; readonly spi: number; readonly inner: Packet };

export type TcpFlags = "SYN" | "SYN,ACK" | "RST,ACK" | "RST";

/** What a UDP datagram carries where it is a tunnel's. */
export type Carried =
  | { readonly kind: "vxlan"; readonly vni: number; readonly inner: Packet; readonly src: Mac; readonly dst: Mac }
  /** `sender`: the public key under which the session was made. */
  | {
      readonly kind: "wireguard";
      readonly sender: string;
      readonly presharedKey: string | undefined;
      readonly inner: Packet;
    }
  | { readonly kind: "esp"; readonly spi: number; readonly inner: Packet }
  /** A bare IP packet, as flannel's udp backend sends it. */
  | { readonly kind: "ip"; readonly inner: Packet };

/** ICMP by meaning; `icmpNumbers` gives type and code of either family. */
export type IcmpMessage =
  | { readonly kind: "echo-request"; readonly id: number }
  | { readonly kind: "echo-reply"; readonly id: number }
  | { readonly kind: "neighbour-solicitation" | "neighbour-advertisement" }
  | { readonly kind: IcmpErrorKind; readonly about: Packet; readonly mtu?: number };

export type IcmpErrorKind =
  | "net-unreachable"
  | "host-unreachable"
  | "port-unreachable"
  | "protocol-unreachable"
  | "admin-prohibited"
  | "packet-too-big"
  | "ttl-exceeded";

export type IcmpError = Extract<IcmpMessage, { about: Packet }>;

/** ip_do_fragment, ip6_fragment: pieces of at most `mtu` bytes, all but the last with a multiple of 8 bytes of payload. */
export function fragmented(packet: Packet, mtu: number): Packet {
  // IPv6 puts a header of 8 bytes into each (RFC 8200 §4.5).
  const header = familyOf(packet) === 4 ? 20 : 48;
  return { ...packet, ignoreDf: undefined, fragment: header + (mtu - header - ((mtu - header) % 8)) };
}

/** ip_defrag: the packet as it was before it was cut. */
export function reassembled(packet: Packet): Packet {
  const { fragment: _, ...whole } = packet;
  return whole;
}

export function familyOf(packet: Packet): Family {
  return typeof packet.src === "number" && typeof packet.dst === "number" ? 4 : 6;
}

export function icmpErrorOf(packet: Packet): IcmpError | undefined {
  return packet.body.kind === "icmp" && "about" in packet.body.message ? packet.body.message : undefined;
}

export function transportOf(packet: Packet): Transport {
  return packet.body.kind;
}

export function ipHeaderLength(family: Family): number {
  return family === 4 ? 20 : 40;
}

/** Overheads of the encapsulations, outer IP header included (bytes): RFC 7348 §5, RFC 2003, facts of flannel §5.1. */
export function encapsulationOverhead(kind: "vxlan" | "wireguard" | "ip-in-udp" | "ipip", outer: Family): number {
  const ip = ipHeaderLength(outer);
  switch (kind) {
    case "wireguard":
      return ip + 8 + 16 + 16;
    case "vxlan":
      return ip + 8 + 8 + 14;
    case "ip-in-udp":
      return ip + 8;
    case "ipip":
      return ip;
  }
}

/** The longest piece in which the packet travels. */
export function pieceLength(packet: Packet): number {
  return Math.min(packet.length, packet.fragment ?? packet.length);
}

/** A multiple of 16, but no more than the device's MTU (calculate_skb_padding, drivers/net/wireguard/send.c). */
export function wireguardPadded(length: number, mtu: number): number {
  const last = length > mtu ? length % mtu : length;
  return length - last + Math.min(mtu, Math.ceil(last / 16) * 16);
}

/** Length of the ESP tunnel packet around one of this length: SPI 4, sequence number 4, IV, payload, trailer, ICV (RFC 4303). */
export function espLength(length: number, cipher: EspCipher, outer: Family, inUdp: boolean): number {
  const payload = Math.ceil((length + 2) / cipher.block) * cipher.block;
  return ipHeaderLength(outer) + (inUdp ? 8 : 0) + 8 + cipher.iv + payload + cipher.icv;
}

/** The longest packet that fits into `mtu` bytes of ESP (xfrm_state_mtu, net/xfrm/xfrm_state.c). */
export function espRoom(mtu: number, cipher: EspCipher, outer: Family, inUdp: boolean): number {
  const fixed = ipHeaderLength(outer) + (inUdp ? 8 : 0) + 8 + cipher.iv + cipher.icv;
  return Math.floor((mtu - fixed) / cipher.block) * cipher.block - 2;
}

/** Type and code on the wire: RFC 792, RFC 1812 §5.2.7.1 for IPv4; RFC 4443 for IPv6. */
export function icmpNumbers(message: Pick<IcmpMessage, "kind">, family: Family): { type: number; code: number } {
  const v4 = family === 4;
  switch (message.kind) {
    case "echo-request":
      return { type: v4 ? 8 : 128, code: 0 };
    case "echo-reply":
      return { type: v4 ? 0 : 129, code: 0 };
    case "neighbour-solicitation":
      return { type: 135, code: 0 };
    case "neighbour-advertisement":
      return { type: 136, code: 0 };
    case "net-unreachable":
      return v4 ? { type: 3, code: 0 } : { type: 1, code: 0 };
    case "host-unreachable":
      return v4 ? { type: 3, code: 1 } : { type: 1, code: 3 };
    case "port-unreachable":
      return v4 ? { type: 3, code: 3 } : { type: 1, code: 4 };
    case "protocol-unreachable":
      return v4 ? { type: 3, code: 2 } : { type: 4, code: 1 };
    case "admin-prohibited":
      return v4 ? { type: 3, code: 13 } : { type: 1, code: 1 };
    case "packet-too-big":
      return v4 ? { type: 3, code: 4 } : { type: 2, code: 0 };
    case "ttl-exceeded":
      return v4 ? { type: 11, code: 0 } : { type: 3, code: 0 };
  }
}

/**
 * What the sender's socket reports on such an ICMP error (icmp_err_convert in net/ipv4/icmp.c, icmpv6_err_convert in
 * net/ipv6/icmp.c). A connecting TCP socket takes every error; a UDP socket only fatal ones (udp_err: the others need
 * IP_RECVERR), so that it hears nothing of an unreachable net or host. ping prints each of them.
 */
export function errnoOf(kind: IcmpErrorKind, family: Family, proto: Body["kind"]): string | undefined {
  switch (kind) {
    case "net-unreachable":
      return proto === "udp" ? undefined : "ENETUNREACH";
    case "host-unreachable":
    case "ttl-exceeded":
      return proto === "udp" ? undefined : "EHOSTUNREACH";
    case "port-unreachable":
      return "ECONNREFUSED";
    case "protocol-unreachable":
      return family === 4 ? "ENOPROTOOPT" : "EPROTO";
    case "admin-prohibited":
      return family === 4 ? "EHOSTUNREACH" : "EACCES";
    case "packet-too-big":
      return "EMSGSIZE";
  }
}

/** Ports of a packet, or undefined where it has none. An echo's id stands for its port, as in conntrack. */
export function portsOf(packet: Packet): { sport: number; dport: number } | undefined {
  const body = packet.body;
  switch (body.kind) {
    case "tcp":
    case "udp":
    case "sctp":
      return { sport: body.sport, dport: body.dport };
    case "icmp":
      return "id" in body.message ? { sport: body.message.id, dport: body.message.id } : undefined;
    case "esp":
    case "ipip":
      return undefined;
  }
}

/** The packet with other ports; unchanged where it has none. */
export function withPorts(packet: Packet, sport: number, dport: number): Packet {
  const body = packet.body;
  switch (body.kind) {
    case "tcp":
    case "udp":
    case "sctp":
      return { ...packet, body: { ...body, sport, dport } };
    case "icmp":
      return "id" in body.message
        ? { ...packet, body: { kind: "icmp", message: { ...body.message, id: sport } } }
        : packet;
    case "esp":
    case "ipip":
      return packet;
  }
}

/** The packet inside, where this one is a tunnel's. */
export function innerOf(packet: Packet): Packet | undefined {
  const body = packet.body;
  if (body.kind === "ipip" || body.kind === "esp") return body.inner;
  if (body.kind === "udp") return body.carries?.inner;
  return undefined;
}

/**
 * UDP source port of a VXLAN packet: a hash of the inner flow in the range of local ports
 * (drivers/net/vxlan, udp_flow_src_port; range net.ipv4.ip_local_port_range). The kernel seeds its hash at boot, so only
 * the range and "same flow, same port" are promised.
 */
export function flowSourcePort(inner: Packet): number {
  const ports = portsOf(inner) ?? { sport: 0, dport: 0 };
  let hash = 2166136261;
  for (const part of `${inner.src}>${inner.dst}:${inner.body.kind}:${ports.sport}>${ports.dport}`) {
    hash = Math.imul(hash ^ part.charCodeAt(0), 16777619) >>> 0;
  }
  return 32768 + (hash % (60999 - 32768 + 1));
}
