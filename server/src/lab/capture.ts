/**
 * Reads captures of `tcpdump -i any -y LINUX_SLL2 -w FILE --time-stamp-precision=nano` as device crossings, in the same form
 * as in a trace. Format: pcap-savefile(5); link type 276, LINKTYPE_LINUX_SLL2 (tcpdump.org/linktypes).
 */
import type { NetnsId } from "../dataplane/model.ts";
import type { Header } from "../trace/schema.ts";

export interface Crossing {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly ifindex: number;
  readonly direction: "in" | "out";
  readonly headers: readonly Header[];
  /** The frame was addressed to another machine: bridge ports process these frames, other devices ignore them. */
  readonly foreign: boolean;
  /** Length of the outermost IP packet. */
  readonly length: number;
  /** Not the first fragment, or more fragments follow. */
  readonly fragment: boolean;
  /** An encrypted packet that cannot be decrypted: its identity along the path, and the length of its payload. */
  readonly sealed?: Sealed | undefined;
  /** Type of the first chunk of an SCTP packet (RFC 9260, section 3.2). */
  readonly chunk?: number | undefined;
  /** Ports of the innermost packet; for an ICMP error the ports of the quoted packet; for an echo its id twice. */
  readonly ports: readonly [number, number] | undefined;
}

/** What a network namespace captured. */
export interface Captured {
  readonly netns: NetnsId;
  /** Device names by index. */
  readonly devices: ReadonlyMap<number, string>;
  readonly crossings: readonly Crossing[];
}

/** A WireGuard data message (type 4): receiver index and counter are the same on all devices that it crosses. */
export interface Sealed {
  readonly id: string;
  readonly payload: number;
}

const MAGIC_NANO = 0xa1b23c4d;
const MAGIC_MICRO = 0xa1b2c3d4;
const SLL2 = 276;
const PACKET_OTHERHOST = 3;
const PACKET_OUTGOING = 4;

/** UDP ports of tunnels by payload. */
export interface TunnelPorts {
  readonly vxlan: ReadonlySet<number>;
  /** A plain IP packet. */
  readonly ip: ReadonlySet<number>;
  readonly wireguard: ReadonlySet<number>;
  /** ESP in UDP. */
  readonly esp: ReadonlySet<number>;
  /** Decrypts the payload of an ESP packet (the bytes after the sequence number); undefined: the association is unknown. */
  readonly decrypt: (spi: number, payload: Uint8Array) => Uint8Array | undefined;
}

/** All IP packets of the file, without ARP and neighbor discovery. A truncated last record ends the list. */
export function readCapture(bytes: Uint8Array, tunnels: TunnelPorts): Crossing[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 24) return [];
  const magic = view.getUint32(0, true);
  if (magic !== MAGIC_NANO && magic !== MAGIC_MICRO) throw new Error("not a little-endian pcap file");
  if (view.getUint32(20, true) !== SLL2) throw new Error("not captured with -y LINUX_SLL2");
  const crossings: Crossing[] = [];
  let at = 24;
  while (at + 16 <= bytes.byteLength) {
    const seconds = view.getUint32(at, true);
    const fraction = view.getUint32(at + 4, true);
    const captured = view.getUint32(at + 8, true);
    const start = at + 16;
    at = start + captured;
    if (at > bytes.byteLength) break;
    const protocol = view.getUint16(start, false);
    if (protocol !== 0x0800 && protocol !== 0x86dd) continue;
    const packet = readIp(new DataView(bytes.buffer, bytes.byteOffset + start + 20, captured - 20), tunnels);
    if (!packet) continue;
    crossings.push({
      time: BigInt(seconds) * 1_000_000_000n + BigInt(magic === MAGIC_NANO ? fraction : fraction * 1000),
      ifindex: view.getUint32(start + 4, false),
      direction: view.getUint8(start + 10) === PACKET_OUTGOING ? "out" : "in",
      foreign: view.getUint8(start + 10) === PACKET_OTHERHOST,
      ...packet,
    });
  }
  return crossings;
}

interface ReadPacket {
  readonly chunk?: number | undefined;
  readonly sealed?: Sealed | undefined;
  readonly headers: Header[];
  readonly length: number;
  readonly fragment: boolean;
  readonly ports: readonly [number, number] | undefined;
}
interface ReadTransport {
  readonly chunk?: number | undefined;
  readonly sealed?: Sealed | undefined;
  readonly headers: Header[];
  readonly ports: readonly [number, number] | undefined;
}
const NOTHING: ReadTransport = { headers: [], ports: undefined };

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: "icmp",
  4: "ipip",
  6: "tcp",
  17: "udp",
  50: "esp",
  58: "ipv6-icmp",
  132: "sctp",
};

function readIp(view: DataView, tunnels: TunnelPorts): ReadPacket | undefined {
  if (view.byteLength < 20) return undefined;
  const version = view.getUint8(0) >> 4;
  if (version === 4) {
    const header = (view.getUint8(0) & 15) * 4;
    const flags = view.getUint16(6, false);
    const proto = view.getUint8(9);
    const ip: Header = {
      kind: "ip",
      src: v4(view, 12),
      dst: v4(view, 16),
      ttl: view.getUint8(8),
      proto: PROTOCOLS[proto] ?? String(proto),
      df: (flags & 0x4000) !== 0,
    };
    const later = (flags & 0x1fff) !== 0;
    const length = view.getUint16(2, false);
    const body = later ? NOTHING : transport(view, header, proto, tunnels);
    return {
      headers: [ip, ...body.headers],
      length,
      fragment: later || (flags & 0x2000) !== 0,
      ports: body.ports,
      sealed: body.sealed,
      chunk: body.chunk,
    };
  }
  if (version !== 6 || view.byteLength < 40) return undefined;
  const proto = view.getUint8(6);
  const type = proto === 58 && view.byteLength > 40 ? view.getUint8(40) : 0;
  // Router and neighbor discovery and multicast listener messages are not part of a trace.
  if (proto === 0 || (type >= 130 && type <= 143)) return undefined;
  const ip: Header = {
    kind: "ip",
    src: v6(view, 8),
    dst: v6(view, 24),
    ttl: view.getUint8(7),
    proto: PROTOCOLS[proto] ?? String(proto),
    df: false,
  };
  const length = 40 + view.getUint16(4, false);
  if (proto !== 44) {
    const body = transport(view, 40, proto, tunnels);
    return {
      headers: [ip, ...body.headers],
      length,
      fragment: false,
      ports: body.ports,
      sealed: body.sealed,
      chunk: body.chunk,
    };
  }
  if (view.byteLength < 48) return undefined;
  const inside = view.getUint8(40);
  const first = (view.getUint16(42, false) & 0xfff8) === 0;
  const body = first ? transport(view, 48, inside, tunnels) : NOTHING;
  const whole: Header = { ...ip, proto: PROTOCOLS[inside] ?? String(inside) };
  return { headers: [whole, ...body.headers], length, fragment: true, ports: body.ports };
}

function transport(view: DataView, at: number, proto: number, tunnels: TunnelPorts): ReadTransport {
  const rest = view.byteLength - at;
  const below = (offset: number): DataView =>
    new DataView(view.buffer, view.byteOffset + at + offset, Math.max(0, rest - offset));
  if (rest < 8 && proto !== 4) return NOTHING;
  const ports = (): readonly [number, number] => [view.getUint16(at, false), view.getUint16(at + 2, false)];
  switch (proto) {
    case 1:
    case 58: {
      const type = view.getUint8(at);
      const code = view.getUint8(at + 1);
      const echo = proto === 1 ? type === 0 || type === 8 : type === 128 || type === 129;
      const mtu =
        proto === 1 && type === 3 && code === 4
          ? { mtu: view.getUint16(at + 6, false) }
          : proto === 58 && type === 2
            ? { mtu: view.getUint32(at + 4, false) }
            : {};
      const id = view.getUint16(at + 4, false);
      return {
        headers: [{ kind: "icmp", type, code, ...mtu }],
        ports: echo ? [id, id] : quotedPorts(readIp(below(8), tunnels)),
      };
    }
    case 4: {
      const inner = readIp(below(0), tunnels);
      return inner ?? NOTHING;
    }
    case 6: {
      const [sport, dport] = ports();
      // A quoted segment contains only the ports.
      const flags = rest < 14 ? {} : { flags: tcpFlags(view.getUint8(at + 13)) };
      const mss = rest < 20 ? undefined : mssIn(below(0));
      return {
        headers: [{ kind: "tcp", sport, dport, ...flags, ...(mss === undefined ? {} : { mss }) }],
        ports: [sport, dport],
      };
    }
    case 50:
      return espIn(below(0), tunnels);
    case 17: {
      const [sport, dport] = ports();
      const udp: Header = { kind: "udp", sport, dport };
      if (tunnels.wireguard.has(sport) || tunnels.wireguard.has(dport)) {
        const sealed = wireguardIn(below(8), view.getUint16(at + 4, false) - 8);
        return { headers: [udp, { kind: "wireguard" }], ports: undefined, sealed };
      }
      if (tunnels.esp.has(dport) && rest >= 16 && view.getUint32(at + 8, false) !== 0) {
        const inside = espIn(below(8), tunnels);
        return { ...inside, headers: [udp, ...inside.headers] };
      }
      const bare = tunnels.ip.has(dport) ? readIp(below(8), tunnels) : undefined;
      if (bare) return { headers: [udp, ...bare.headers], ports: bare.ports, chunk: bare.chunk };
      if (!tunnels.vxlan.has(dport) || rest < 30) return { headers: [udp], ports: [sport, dport] };
      const vni = (view.getUint8(at + 12) << 16) | (view.getUint8(at + 13) << 8) | view.getUint8(at + 14);
      const inner = readIp(below(30), tunnels);
      const tunnel: Header[] = [
        udp,
        { kind: "vxlan", vni },
        { kind: "ethernet", src: mac(view, at + 22), dst: mac(view, at + 16) },
      ];
      return { headers: [...tunnel, ...(inner?.headers ?? [])], ports: inner?.ports, chunk: inner?.chunk };
    }
    case 132: {
      const [sport, dport] = ports();
      const chunk = rest > 12 ? view.getUint8(at + 12) : undefined;
      return { headers: [{ kind: "sctp", sport, dport }], ports: [sport, dport], chunk };
    }
    default:
      return NOTHING;
  }
}

/** The maximum segment size among the options of a TCP header (RFC 9293 §3.2). */
function mssIn(header: DataView): number | undefined {
  const end = Math.min(header.byteLength, (header.getUint8(12) >> 4) * 4);
  for (let at = 20; at + 4 <= end; ) {
    const kind = header.getUint8(at);
    if (kind === 0) return undefined;
    if (kind === 2) return header.getUint16(at + 2, false);
    at += kind === 1 ? 1 : Math.max(2, header.getUint8(at + 1));
  }
  return undefined;
}

/** RFC 4303: SPI, sequence number, payload. */
function espIn(view: DataView, tunnels: TunnelPorts): ReadTransport {
  const payload = new Uint8Array(view.buffer, view.byteOffset + 8, Math.max(0, view.byteLength - 8));
  const plain = tunnels.decrypt(view.getUint32(0, false), payload);
  const inner = plain && readIp(new DataView(plain.buffer, plain.byteOffset, plain.byteLength), tunnels);
  return { headers: [{ kind: "esp" }, ...(inner?.headers ?? [])], ports: inner?.ports, chunk: inner?.chunk };
}

/** A message with data; handshakes and keepalives (an empty payload) carry no packet. `length`: of the UDP payload. */
function wireguardIn(view: DataView, length: number): Sealed | undefined {
  const payload = length - 32;
  if (view.byteLength < 16 || view.getUint8(0) !== 4 || payload <= 0) return undefined;
  return { id: `${view.getUint32(4, true)} ${view.getBigUint64(8, true)}`, payload };
}

/** An ICMP error about the outer packet of a tunnel is sent to the tunnel endpoint, not to the sender of the inner packet. */
function quotedPorts(quoted: ReadPacket | undefined): ReadPacket["ports"] {
  const tunneled = (quoted?.headers.filter((header) => header.kind === "ip").length ?? 0) > 1;
  return tunneled ? undefined : quoted?.ports;
}

function tcpFlags(bits: number): string {
  const names = ["FIN", "SYN", "RST", "PSH", "ACK"].filter((_, i) => (bits & (1 << i)) !== 0);
  return names.join(",");
}

function v4(view: DataView, at: number): string {
  return [0, 1, 2, 3].map((i) => view.getUint8(at + i)).join(".");
}

/** Not compressed; callers normalize addresses before they compare them. */
function v6(view: DataView, at: number): string {
  return Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i, false).toString(16)).join(":");
}

function mac(view: DataView, at: number): string {
  return Array.from({ length: 6 }, (_, i) =>
    view
      .getUint8(at + i)
      .toString(16)
      .padStart(2, "0"),
  ).join(":");
}
