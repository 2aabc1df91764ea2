/** The values of nftables expressions for a packet (net/netfilter/nft_*.c). */
import { formatIp, type Ip, isLoopback, prefixContains } from "../../addressing/ip.ts";
import { once } from "../../memo/memo.ts";
import type { Tracking } from "../conntrack.ts";
import { familyOf, icmpNumbers, type Packet, portsOf, transportOf } from "../packet.ts";
import type { Seen } from "../seen.ts";
import type { NftElement, NftExpr, NftOperator, NftValue } from "./ast.ts";
import { isFlags, typedValue } from "./fields.ts";
import { namesOf, sumOf } from "./print.ts";
import { isVerdict } from "./verdict.ts";

/** Undefined: the packet does not have the field, so the rule does not match (NFT_BREAK). */
export function scalarOf(expr: NftExpr, seen: Seen): NftValue | undefined {
  const [first, ...more] = valuesOf(expr, seen) ?? [];
  return more.length === 0 ? first : undefined;
}

/** The parts of a concatenation. */
function valuesOf(expr: NftExpr, seen: Seen): readonly NftValue[] | undefined {
  switch (expr.kind) {
    case "concat": {
      const parts = expr.parts.map((part) => scalarOf(part, seen));
      return parts.every((part) => part !== undefined) ? parts : undefined;
    }
    case "map": {
      const found = elementFor(expr.key, expr.data, seen)?.data;
      return found === undefined || isVerdict(found) ? undefined : valuesOf(found, seen);
    }
    default: {
      const value = single(expr, seen);
      return value === undefined ? undefined : [value];
    }
  }
}

function single(expr: NftExpr, seen: Seen): NftValue | undefined {
  switch (expr.kind) {
    case "field":
      return fieldValue(expr.name, seen);
    case "word":
      return expr.text;
    case "number":
      return expr.value;
    case "ip":
      return expr.ip;
    case "range":
      return expr.first;
    case "bits":
      return bitsValue(expr, seen);
    case "random":
      return randomValue(expr, seen);
    default:
      return undefined;
  }
}

function bitsValue({ op, left, right }: Extract<NftExpr, { kind: "bits" }>, seen: Seen): NftValue | undefined {
  const [name = ""] = namesOf(left);
  const a = scalarOf(left, seen);
  const b =
    right.kind === "field" || right.kind === "random"
      ? scalarOf(right, seen)
      : (sumOf(name, right) ?? scalarOf(right, seen));
  if (typeof a !== "number" || typeof b !== "number") return undefined;
  return (op === "&" ? a & b : op === "|" ? a | b : a ^ b) >>> 0;
}

/** Every value is possible: the simulator walks each. */
function randomValue({ modulus, offset }: Extract<NftExpr, { kind: "random" }>, { context }: Seen): number {
  let value = 0;
  while (value < modulus - 1 && !context.chance(1 / (modulus - value))) value += 1;
  return value + offset;
}

/* ------------------------------------------------------------------- fields */

type Field = (packet: Packet, seen: Seen) => NftValue | undefined;

const byFamily =
  (family: 4 | 6, value: Field): Field =>
  (packet, seen) =>
    familyOf(packet) === family ? value(packet, seen) : undefined;
const byProtocol =
  (proto: string, value: Field): Field =>
  (packet, seen) =>
    transportOf(packet) === proto ? value(packet, seen) : undefined;
const sport: Field = (packet) => ports(packet)?.sport;
const dport: Field = (packet) => ports(packet)?.dport;
const protocol: Field = (packet) => {
  const name = transportOf(packet);
  return name === "icmp" && familyOf(packet) === 6 ? "icmpv6" : name;
};
const owner: Field = ({ src }, { context }) => (context.in === undefined && context.isLocal(src) ? 0 : undefined);
const icmpType: Field = (packet) =>
  packet.body.kind === "icmp" ? icmpNumbers(packet.body.message, familyOf(packet)).type : undefined;

const FIELDS: Readonly<Record<string, Field>> = {
  "ip saddr": byFamily(4, ({ src }) => src),
  "ip daddr": byFamily(4, ({ dst }) => dst),
  "ip protocol": byFamily(4, protocol),
  "ip ttl": byFamily(4, ({ ttl }) => ttl),
  "ip length": byFamily(4, ({ length }) => length),
  "ip version": byFamily(4, () => 4),
  "ip6 saddr": byFamily(6, ({ src }) => src),
  "ip6 daddr": byFamily(6, ({ dst }) => dst),
  "ip6 nexthdr": byFamily(6, protocol),
  "ip6 hoplimit": byFamily(6, ({ ttl }) => ttl),
  "tcp sport": byProtocol("tcp", sport),
  "tcp dport": byProtocol("tcp", dport),
  "tcp flags": byProtocol("tcp", ({ body }) => (body.kind === "tcp" ? TCP_FLAGS[body.flags] : undefined)),
  "udp sport": byProtocol("udp", sport),
  "udp dport": byProtocol("udp", dport),
  "sctp sport": byProtocol("sctp", sport),
  "sctp dport": byProtocol("sctp", dport),
  "th sport": sport,
  "th dport": dport,
  "icmp type": byFamily(4, icmpType),
  "icmpv6 type": byFamily(6, icmpType),
  "meta l4proto": protocol,
  "meta nfproto": (packet) => (familyOf(packet) === 4 ? "ipv4" : "ipv6"),
  "meta protocol": (packet) => (familyOf(packet) === 4 ? "ip" : "ip6"),
  "meta mark": (_, { mark }) => mark,
  "meta iifname": (_, { context }) => context.in,
  "meta iif": (_, { context }) => context.in,
  "meta oifname": (_, { context }) => context.out,
  "meta oif": (_, { context }) => context.out,
  "meta length": ({ length }) => length,
  // Traces are of unicast packets to this machine's MAC address; the packets that it sends itself have type host as well.
  "meta pkttype": () => "host",
  // Only packets with a local socket have a user; a node's own processes run as root.
  "meta skuid": owner,
  "meta skgid": owner,
  "ct state": (_, { tracking }) => STATES[tracking.state],
  "ct status": (_, { tracking }) => statusOf(tracking),
  "ct mark": (_, { tracking }) => tracking.connection?.mark,
  "ct direction": (_, { tracking }) => tracking.connection && tracking.direction,
  "ct protocol": (packet, { tracking }) => tracking.connection && protocolOfConnection(packet, tracking),
  "ct l3proto": (packet) => (familyOf(packet) === 4 ? "ipv4" : "ipv6"),
  "ct zone": () => 0,
  "ct original saddr": (_, { tracking }) => tracking.connection?.orig.src,
  "ct original daddr": (_, { tracking }) => tracking.connection?.orig.dst,
  "ct original proto-src": (_, { tracking }) => tracking.connection?.orig.sport,
  "ct original proto-dst": (_, { tracking }) => tracking.connection?.orig.dport,
  "ct reply saddr": (_, { tracking }) => tracking.connection?.reply.src,
  "ct reply daddr": (_, { tracking }) => tracking.connection?.reply.dst,
  "ct reply proto-src": (_, { tracking }) => tracking.connection?.reply.sport,
  "ct reply proto-dst": (_, { tracking }) => tracking.connection?.reply.dport,
};

const TCP_FLAGS: Readonly<Record<string, number>> = { SYN: 2, "SYN,ACK": 18, "RST,ACK": 20, RST: 4 };
const STATES: Readonly<Record<string, number>> = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8, UNTRACKED: 64 };

/** Whether knet has the value of this field. */
export function hasField(name: string): boolean {
  return Object.hasOwn(FIELDS, name) || fibOf(name) !== undefined;
}

function fieldValue(name: string, seen: Seen): NftValue | undefined {
  const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
  return field ? field(seen.packet, seen) : fibValue(name, seen);
}

/** An ICMP id is not a port. */
function ports(packet: Packet): { readonly sport: number; readonly dport: number } | undefined {
  return packet.body.kind === "icmp" ? undefined : portsOf(packet);
}

function protocolOfConnection(packet: Packet, { connection }: Tracking): string | undefined {
  return connection?.orig.proto === "icmp" && familyOf(packet) === 6 ? "icmpv6" : connection?.orig.proto;
}

/** IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED, IPS_SRC_NAT, IPS_DST_NAT. */
function statusOf({ connection }: Tracking): number | undefined {
  if (!connection) return undefined;
  const { orig, reply, replied, confirmed } = connection;
  const isSnat = reply.dst !== orig.src || reply.dport !== orig.sport;
  const isDnat = reply.src !== orig.dst || reply.sport !== orig.dport;
  return (replied ? 2 | 4 : 0) | (confirmed ? 8 : 0) | (isSnat ? 16 : 0) | (isDnat ? 32 : 0);
}

/* ---------------------------------------------------------------------- fib */

const FIB = /^fib (?<flags>\S+) (?<result>type|oif|oifname|check)$/;

interface Fib {
  readonly side: "src" | "dst";
  readonly ofDevice: "iif" | "oif" | undefined;
  readonly result: string;
}

function fibOf(name: string): Fib | undefined {
  const { flags = "", result = "" } = FIB.exec(name)?.groups ?? {};
  const all = flags.split(".");
  if (result === "" || (!all.includes("saddr") && !all.includes("daddr"))) return undefined;
  const ofDevice = all.includes("iif") ? "iif" : all.includes("oif") ? "oif" : undefined;
  // Without the device, the lookup finds the route through any device.
  if (result !== "type" && (ofDevice !== "iif" || !all.includes("saddr"))) return undefined;
  return { side: all.includes("saddr") ? "src" : "dst", ofDevice, result };
}

/** nft_fib4_eval_type, nft_fib4_eval: the type of the address, or the device of the route to it. */
function fibValue(name: string, seen: Seen): NftValue | undefined {
  const fib = fibOf(name);
  if (!fib) return undefined;
  const { packet, context } = seen;
  const ip = fib.side === "src" ? packet.src : packet.dst;
  if (fib.result === "type") return addressType(ip, fib, seen);
  const device = context.in;
  if (device !== undefined && context.reversePath(packet, device)) return fib.result === "check" ? "exists" : device;
  return "missing";
}

function addressType(ip: Ip, { ofDevice }: Fib, { context }: Seen): string {
  const device = ofDevice === "iif" ? context.in : context.out;
  const isLocal = context.isLocal(ip) && (ofDevice === undefined || (device !== undefined && context.isOf(ip, device)));
  if (isLocal || (ofDevice === undefined && isLoopback(ip))) return "local";
  return isMulticast(ip) ? "multicast" : ip === 0xffffffff ? "broadcast" : "unicast";
}

function isMulticast(ip: Ip): boolean {
  return prefixContains(typeof ip === "number" ? { ip: 0xe0000000, len: 4 } : { ip: 0xffn << 120n, len: 8 }, ip);
}

/* -------------------------------------------------------------- comparisons */

export function matches(
  { op, left, right }: { readonly op: NftOperator; readonly left: NftExpr; readonly right: NftExpr },
  seen: Seen,
): boolean {
  const not = op === "!=";
  if (right.kind === "lookup") {
    const key = valuesOf(left, seen);
    return key !== undefined && (right.find(key) !== undefined) !== not;
  }
  const value = scalarOf(left, seen);
  if (value === undefined) return false;
  const [name = ""] = namesOf(left);
  // `ct state established,related`: one of the bits is set (nftables src/evaluate.c, OP_IMPLICIT).
  if (left.kind === "field" && isFlags(name) && (op === "implicit" || right.kind === "flags")) {
    const wanted = sumOf(name, right);
    return typeof value === "number" && wanted !== undefined && ((value & wanted) !== 0) !== not;
  }
  const sum = right.kind === "flags" || right.kind === "bits" ? sumOf(name, right) : undefined;
  const wanted = sum === undefined ? (typedValue(name, right) ?? right) : ({ kind: "number", value: sum } as const);
  if (op === "implicit" || op === "==" || not) return equals(value, wanted, seen) !== not;
  const number = single(wanted, seen);
  if (typeof value === "string" || typeof number === "string" || typeof number !== typeof value) return false;
  if (number === undefined) return false;
  return op === "<" ? value < number : op === ">" ? value > number : op === "<=" ? value <= number : value >= number;
}

function equals(value: NftValue, wanted: NftExpr, seen: Seen): boolean {
  switch (wanted.kind) {
    case "wildcard":
      return typeof value === "string" && value.startsWith(wanted.start);
    case "prefix":
      return typeof value !== "string" && prefixContains(wanted.prefix, value);
    case "range":
      return isBetween(value, wanted);
    case "number":
      // `fib … oif 0`: no route.
      return value === wanted.value || (wanted.value === 0 && value === "missing");
    case "word":
      return value === wanted.text || (wanted.text === "exists" && value !== "missing");
    default:
      return value === single(wanted, seen);
  }
}

function isBetween(value: NftValue, { first, last }: { readonly first: Ip; readonly last: Ip }): boolean {
  return typeof value !== "string" && typeof value === typeof first && value >= first && value <= last;
}

/* ------------------------------------------------------------ sets and maps */

/** The element for the key of a packet. */
export function elementFor(key: NftExpr, data: NftExpr, seen: Seen): NftElement | undefined {
  if (data.kind !== "lookup") return undefined;
  const values = valuesOf(key, seen);
  return values && data.find(values);
}

/** Searches elements: single values by their text, prefixes and ranges one by one. */
export function finder(
  elements: readonly NftElement[],
  names: readonly string[],
): (key: readonly NftValue[]) => NftElement | undefined {
  const index = once(() => {
    const exact = new Map<string, NftElement>();
    const others: { readonly parts: readonly NftExpr[]; readonly element: NftElement }[] = [];
    for (const element of elements) {
      const parts = (element.key.kind === "concat" ? element.key.parts : [element.key]).map(
        (part, at) => typedValue(names[at] ?? "", part) ?? part,
      );
      const texts = parts.map(exactText);
      if (texts.every((text) => text !== undefined)) exact.set(texts.join(" . "), element);
      else others.push({ parts, element });
    }
    return { exact, others };
  });
  return (key) => {
    const { exact, others } = index();
    const found = exact.get(key.map(textOf).join(" . "));
    if (found) return found;
    return others.find(
      ({ parts }) => parts.length === key.length && parts.every((part, at) => within(key[at] ?? "", part)),
    )?.element;
  };
}

function within(value: NftValue, part: NftExpr): boolean {
  switch (part.kind) {
    case "word":
      return value === part.text || part.text === "*";
    case "number":
      return value === part.value;
    case "ip":
      return value === part.ip;
    case "prefix":
      return typeof value !== "string" && prefixContains(part.prefix, value);
    case "range":
      return isBetween(value, part);
    case "wildcard":
      return typeof value === "string" && value.startsWith(part.start);
    default:
      return false;
  }
}

function exactText(part: NftExpr): string | undefined {
  switch (part.kind) {
    case "word":
      return part.text;
    case "number":
      return textOf(part.value);
    case "ip":
      return textOf(part.ip);
    default:
      return undefined;
  }
}

function textOf(value: NftValue): string {
  return typeof value === "bigint" ? formatIp(value) : String(value);
}
