/**
 * Packets as data. Immutable: a header change creates a new packet, so each step keeps the packet at that point. The body
 * of an encapsulated packet contains the inner packet.
 */
import type { Family, Ip } from "../addressing/ip.ts";

export type Mac = string;
export type Transport = "tcp" | "udp" | "sctp" | "icmp" | "ipip" | "esp";

/** Overhead of the cipher in bytes (RFC 4303 §2). */
export interface EspCipher {
  readonly name: string;
  readonly iv: number;
  /** The payload and its two trailer bytes are padded to a multiple of this. */
  readonly block: number;
  readonly icv: number;
}

export interface Packet {
  readonly src: Ip;
  readonly dst: Ip;
  readonly ttl: number;
  /** Don't-fragment bit. IPv6 routers behave as if it were always set; an IPv6 sender can fragment its own packets. */
  readonly df: boolean;
  /** Length of the IP packet in bytes, including this header and all inner headers. */
  readonly length: number;
  readonly body: Body;
  /** skb->mark; local to a network namespace. */
  readonly mark: number;
  /** Maximum fragment size in bytes, including headers; absent: not fragmented. */
  readonly fragment?: number | undefined;
  /** skb->ignore_df: reassembled on this machine from fragments, so it can be fragmented again. Local to a network namespace. */
  readonly ignoreDf?: boolean | undefined;
  /** nf_ct_attach: a reset that a rule sends, RELATED to the connection of the rejected packet. Local to a network namespace. */
  readonly attached?: true | undefined;
  /** Decapsulated from ESP between these addresses (sec_path). Local to a network namespace. */
  readonly secpath?: { readonly src: Ip; readonly dst: Ip } | undefined;
}

export type Body =
  | {
      readonly kind: "tcp";
      readonly sport: number;
      readonly dport: number;
      readonly flags: TcpFlags;
      readonly mss?: Mss | undefined;
    }
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

/** The maximum segment size option of a SYN. `clamped`: lowered by a machine on the path. */
export interface Mss {
  readonly value: number;
  readonly clamped?: true;
}

export type TcpFlags = "SYN" | "SYN,ACK" | "RST,ACK" | "RST";

/** The payload of a UDP tunnel. */
export type Carried =
  | { readonly kind: "vxlan"; readonly vni: number; readonly inner: Packet; readonly src: Mac; readonly dst: Mac }
  /** `sender`: the public key of the sender. */
  | {
      readonly kind: "wireguard";
      readonly sender: string;
      readonly presharedKey: string | undefined;
      readonly inner: Packet;
    }
  | { readonly kind: "esp"; readonly spi: number; readonly inner: Packet }
  /** A plain IP packet (flannel's udp backend). */
  | { readonly kind: "ip"; readonly inner: Packet };

/** ICMP messages by meaning; `icmpNumbers` returns type and code for IPv4 or IPv6. */
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
  | "host-prohibited"
  | "packet-too-big"
  | "ttl-exceeded";

export type IcmpError = Extract<IcmpMessage, { about: Packet }>;

/** ip_do_fragment, ip6_fragment: fragments of at most `mtu` bytes; the payload of all but the last is a multiple of 8 bytes. */
export function fragmented(packet: Packet, mtu: number): Packet {
  // IPv6 adds a fragment header of 8 bytes (RFC 8200 §4.5).
  const header = familyOf(packet) === 4 ? 20 : 48;
  return { ...packet, ignoreDf: undefined, fragment: header + (mtu - header - ((mtu - header) % 8)) };
}

/** ip_defrag: the packet before fragmentation. */
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

/** Encapsulation overhead in bytes, including the outer IP header: RFC 7348 §5, RFC 2003, facts of flannel §5.1. */
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

/** Size of the packet, or of its largest fragment. */
export function pieceLength(packet: Packet): number {
  return Math.min(packet.length, packet.fragment ?? packet.length);
}

/** Rounded up to a multiple of 16, at most the device MTU (calculate_skb_padding, drivers/net/wireguard/send.c). */
export function wireguardPadded(length: number, mtu: number): number {
  const last = length > mtu ? length % mtu : length;
  return length - last + Math.min(mtu, Math.ceil(last / 16) * 16);
}

/** Length of the ESP tunnel packet for an inner packet of this length: SPI 4, sequence number 4, IV, payload, trailer, ICV (RFC 4303). */
export function espLength(length: number, cipher: EspCipher, outer: Family, inUdp: boolean): number {
  const payload = Math.ceil((length + 2) / cipher.block) * cipher.block;
  return ipHeaderLength(outer) + (inUdp ? 8 : 0) + 8 + cipher.iv + payload + cipher.icv;
}

/** The largest inner packet that fits into an ESP packet of `mtu` bytes (xfrm_state_mtu, net/xfrm/xfrm_state.c). */
export function espRoom(mtu: number, cipher: EspCipher, outer: Family, inUdp: boolean): number {
  const fixed = ipHeaderLength(outer) + (inUdp ? 8 : 0) + 8 + cipher.iv + cipher.icv;
  return Math.floor((mtu - fixed) / cipher.block) * cipher.block - 2;
}

/** ICMP type and code: RFC 792, RFC 1812 §5.2.7.1 for IPv4; RFC 4443 for IPv6. */
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
    case "host-prohibited":
      return v4 ? { type: 3, code: 10 } : { type: 1, code: 1 };
    case "packet-too-big":
      return v4 ? { type: 3, code: 4 } : { type: 2, code: 0 };
    case "ttl-exceeded":
      return v4 ? { type: 11, code: 0 } : { type: 3, code: 0 };
  }
}

/**
 * The errno that the sender's socket reports for an ICMP error (icmp_err_convert in net/ipv4/icmp.c, icmpv6_err_convert in
 * net/ipv6/icmp.c). A connecting TCP socket reports all errors; a UDP socket only fatal ones (udp_err: the remaining errors
 * require IP_RECVERR), so it does not report an unreachable network or host; an SCTP socket only an unreachable protocol
 * (sctp_v4_err: sk_err_soft). ping prints all of them.
 */
export function errnoOf(kind: IcmpErrorKind, packet: Packet): string | undefined {
  const family = familyOf(packet);
  const proto = packet.body.kind;
  if (proto === "sctp" && kind !== "protocol-unreachable") return undefined;
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
    case "host-prohibited":
      return family === 4 ? "EHOSTUNREACH" : "EACCES";
    case "packet-too-big":
      // udpv6_err: not with IPV6_PMTUDISC_DONT. Over IPv4, such a packet has no DF bit and causes no error.
      return proto === "udp" && !packet.df ? undefined : "EMSGSIZE";
  }
}

/** The bits of a mark that a mask selects. Marks are unsigned 32-bit values (skb->mark), JavaScript's bit operators signed. */
export function maskedMark(mark: number, mask: number): number {
  return (mark & mask) >>> 0;
}

/** The packet of a TCP handshake with its maximum segment size; any other packet unchanged. */
export function withMss(packet: Packet, mss: Mss): Packet {
  const { body } = packet;
  return body.kind === "tcp" && isSyn(packet) ? { ...packet, body: { ...body, mss } } : packet;
}

/** SYN set, RST clear: the first packet of each direction of a TCP connection. */
export function isSyn({ body }: Pick<Packet, "body">): boolean {
  return body.kind === "tcp" && body.flags.startsWith("SYN");
}

/** Bytes of an IP packet that are not TCP payload, without options. */
export function tcpHeaders(family: Family): number {
  return ipHeaderLength(family) + 20;
}

/** Ports of a packet; undefined for protocols without ports. An ICMP echo id is treated as the port, like in conntrack. */
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

/** The packet with the given ports; unchanged if the protocol has no ports. */
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

/** The inner packet of an encapsulated packet. */
export function innerOf(packet: Packet): Packet | undefined {
  const body = packet.body;
  if (body.kind === "ipip" || body.kind === "esp") return body.inner;
  if (body.kind === "udp") return body.carries?.inner;
  return undefined;
}

/**
 * UDP source port of a VXLAN packet: a hash of the inner flow within the local port range (drivers/net/vxlan,
 * udp_flow_src_port; net.ipv4.ip_local_port_range). The kernel seeds its hash at boot, so only the range and "same flow,
 * same port" are guaranteed.
 */
export function flowSourcePort(inner: Packet): number {
  const ports = portsOf(inner) ?? { sport: 0, dport: 0 };
  let hash = 2166136261;
  for (const part of `${inner.src}>${inner.dst}:${inner.body.kind}:${ports.sport}>${ports.dport}`) {
    hash = Math.imul(hash ^ part.charCodeAt(0), 16777619) >>> 0;
  }
  return 32768 + (hash % (60999 - 32768 + 1));
}

/** icmp_send: no error about an ICMP error; the quoted packet is truncated to a total of 576 bytes (IPv6: 1280). */
export function icmpAbout(
  packet: Packet,
  kind: IcmpErrorKind,
  mtu: number | undefined,
): Omit<Packet, "src"> | undefined {
  if (icmpErrorOf(packet)) return undefined;
  const v6 = familyOf(packet) === 6;
  const length = Math.min(v6 ? 1280 : 576, packet.length + (v6 ? 48 : 28));
  const message = mtu === undefined ? { kind, about: packet } : { kind, about: packet, mtu };
  return { dst: packet.src, ttl: 64, df: false, length, mark: 0, body: { kind: "icmp", message } };
}
