/**
 * Connection tracking: the state of a packet and the NAT bindings of its connection (net/netfilter/nf_conntrack_core.c,
 * nf_nat_core.c). Later packets and replies are rewritten without a second walk of the nat chains.
 */
import type { Ip } from "../addressing/ip.ts";
import type { CtState } from "./model.ts";
import { icmpErrorOf, type Packet, portsOf, transportOf, withPorts } from "./packet.ts";

export interface Tuple {
  readonly proto: string;
  readonly src: Ip;
  readonly dst: Ip;
  readonly sport: number;
  readonly dport: number;
}

/** One connection of a network namespace. `reply` is the tuple of reply packets; with NAT it differs from the mirrored `orig`. */
export interface Connection {
  readonly orig: Tuple;
  reply: Tuple;
  /** Set once a reply was seen. */
  replied: boolean;
  /** Set once its first packet passed POSTROUTING or INPUT (nf_confirm); a dropped packet leaves no entry. */
  confirmed?: boolean;
  /** Whether the nat chains for DNAT and SNAT were walked (once per connection). */
  dnatDone: boolean;
  snatDone: boolean;
  /** nf_conn's mark. */
  mark: number;
}

export interface Tracking {
  readonly connection: Connection | undefined;
  readonly direction: "original" | "reply";
  readonly state: CtState;
}

/** nf_ct_untracked: conntrack ignores the packet. */
export const UNTRACKED: Tracking = { connection: undefined, direction: "original", state: "UNTRACKED" };

function tupleOf(packet: Packet): Tuple | undefined {
  const ports = portsOf(packet);
  if (!ports)
    return packet.body.kind === "ipip" || packet.body.kind === "esp"
      ? { proto: packet.body.kind, src: packet.src, dst: packet.dst, sport: 0, dport: 0 }
      : undefined;
  return { proto: transportOf(packet), src: packet.src, dst: packet.dst, ...ports };
}

function mirrored(tuple: Tuple): Tuple {
  return { proto: tuple.proto, src: tuple.dst, dst: tuple.src, sport: tuple.dport, dport: tuple.sport };
}

function sameTuple(a: Tuple, b: Tuple): boolean {
  return a.proto === b.proto && a.src === b.src && a.dst === b.dst && a.sport === b.sport && a.dport === b.dport;
}

/** nf_conntrack_in: finds or creates the connection of a packet. An ICMP error belongs to the connection of the quoted packet. */
export function track(connections: Connection[], packet: Packet): Tracking {
  const error = icmpErrorOf(packet);
  if (error) {
    // The quoted packet was sent in the opposite direction: its tuple is mirrored for the lookup.
    const about = tupleOf(error.about);
    const tuple = about && mirrored(about);
    for (const connection of tuple ? connections : []) {
      if (tuple && sameTuple(connection.reply, tuple)) return { connection, direction: "reply", state: "RELATED" };
      if (tuple && sameTuple(connection.orig, tuple)) return { connection, direction: "original", state: "RELATED" };
    }
    return { connection: undefined, direction: "original", state: "INVALID" };
  }
  const tuple = tupleOf(packet);
  if (!tuple) return { connection: undefined, direction: "original", state: "INVALID" };
  for (const connection of connections) {
    if (sameTuple(connection.orig, tuple))
      return { connection, direction: "original", state: connection.replied ? "ESTABLISHED" : "NEW" };
    if (sameTuple(connection.reply, tuple)) {
      connection.replied = true;
      return { connection, direction: "reply", state: "ESTABLISHED" };
    }
  }
  // Only a SYN creates a TCP connection (nf_conntrack_proto_tcp, tcp_new): an unexpected RST or SYN,ACK is INVALID.
  const opens =
    packet.body.kind === "tcp"
      ? packet.body.flags === "SYN"
      : // nf_conntrack_icmp_packet: an echo reply without a tracked request is also INVALID.
        packet.body.kind !== "icmp" || packet.body.message.kind === "echo-request";
  if (!opens) return { connection: undefined, direction: "original", state: "INVALID" };
  const connection: Connection = {
    orig: tuple,
    reply: mirrored(tuple),
    replied: false,
    dnatDone: false,
    snatDone: false,
    mark: 0,
  };
  connections.push(connection);
  return { connection, direction: "original", state: "NEW" };
}

/**
 * get_unique_tuple (net/netfilter/nf_nat_core.c), also without a SNAT rule (nf_nat_alloc_null_binding): if replies would be
 * assigned to another connection, the source port changes. The kernel selects it at random from the range of the original
 * port; here it is the next free port.
 */
export function makeUnique(connection: Connection, all: readonly Connection[]): boolean {
  const { reply } = connection;
  const [first, last] = portRangeOf(reply);
  for (let offset = 0; offset <= last - first; offset += 1) {
    const dport = offset === 0 ? reply.dport : first + ((reply.dport - first + offset) % (last - first + 1));
    const candidate = { ...reply, dport };
    const isTaken = all.some(
      (other) => other !== connection && (sameTuple(other.reply, candidate) || sameTuple(other.orig, candidate)),
    );
    if (isTaken) continue;
    if (offset > 0) connection.reply = candidate;
    return offset > 0;
  }
  return false;
}

/** nf_nat_l4proto_unique_tuple: privileged ports remain privileged; an echo id can have any value. */
function portRangeOf({ proto, dport }: Tuple): readonly [first: number, last: number] {
  if (proto === "icmp") return [0, 65535];
  if (proto !== "tcp" && proto !== "udp" && proto !== "sctp") return [dport, dport];
  if (dport >= 1024) return [1024, 65535];
  return dport < 512 ? [1, 511] : [600, 1023];
}

/** Stores a NAT binding in the reply tuple of the connection. */
export function bind(connection: Connection, nat: { side: "src" | "dst"; ip: Ip; port: number | undefined }): void {
  const reply = connection.reply;
  connection.reply =
    nat.side === "dst"
      ? { ...reply, src: nat.ip, sport: nat.port ?? reply.sport }
      : { ...reply, dst: nat.ip, dport: nat.port ?? reply.dport };
}

/** nf_nat_manip_pkt: rewrites one side of a packet to the tuple of its direction. In ICMP errors, the quoted packet is also rewritten. */
export function rewritten(packet: Packet, tracking: Tracking, side: "src" | "dst"): Packet {
  const connection = tracking.connection;
  if (!connection) return packet;
  // After NAT, a packet of this direction has the mirrored tuple of the opposite direction.
  const target = tracking.direction === "original" ? mirrored(connection.reply) : mirrored(connection.orig);
  const error = icmpErrorOf(packet);
  if (error && packet.body.kind === "icmp") {
    const inner = mirrored(target);
    const about = error.about;
    // The quoted packet is mirrored: its source changes when the outer destination changes.
    const ports = portsOf(about) ?? { sport: 0, dport: 0 };
    const before = side === "dst" ? about.src : about.dst;
    const after = side === "dst" ? inner.src : inner.dst;
    if (before === after && (side === "dst" ? ports.sport === inner.sport : ports.dport === inner.dport)) return packet;
    const rewritten =
      side === "dst"
        ? withPorts({ ...about, src: inner.src }, inner.sport, ports.dport)
        : withPorts({ ...about, dst: inner.dst }, ports.sport, inner.dport);
    // nf_nat_icmp_reply_translation: the outer header is also rewritten, regardless of which machine sent the error.
    const outer = side === "dst" ? { ...packet, dst: target.dst } : { ...packet, src: target.src };
    return { ...outer, body: { kind: "icmp", message: { ...error, about: rewritten } } };
  }
  const ports = portsOf(packet) ?? { sport: 0, dport: 0 };
  if (side === "dst") {
    if (packet.dst === target.dst && ports.dport === target.dport) return packet;
    return withPorts({ ...packet, dst: target.dst }, ports.sport, target.dport);
  }
  if (packet.src === target.src && ports.sport === target.sport) return packet;
  return withPorts({ ...packet, src: target.src }, target.sport, ports.dport);
}
