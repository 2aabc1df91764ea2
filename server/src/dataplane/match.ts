/** Evaluates the matches of a netfilter rule: a table by kind (net/netfilter/xt_*.c). */
import { type Ip, prefixContains } from "../addressing/ip.ts";
import type { Connection, Tracking } from "./conntrack.ts";
import type { CtMatch, NfMatch, NfMatchKind, NfRule } from "./model.ts";
import { familyOf, icmpNumbers, isSyn, maskedMark, type Packet, portsOf, transportOf } from "./packet.ts";
import type { HookContext, Seen } from "./seen.ts";

/** Whether all matches of a rule apply, in their order. */
export function matches(all: readonly NfMatch[], seen: Seen): boolean {
  for (const one of all) if (!matchesOne(one, seen)) return false;
  return true;
}

/** The match of this kind; the first one if there are several. */
export function matchOf<K extends NfMatchKind>({ matches: all }: NfRule, kind: K): OfKind<K> | undefined {
  return all.find((one): one is OfKind<K> => one.kind === kind);
}

type OfKind<K extends NfMatchKind> = Extract<NfMatch, { readonly kind: K }>;

function matchesOne<K extends NfMatchKind>(match: NfMatch<K>, seen: Seen): boolean {
  return MATCHERS[match.kind](match, seen);
}

const MATCHERS: { readonly [K in NfMatchKind]: (match: NfMatch<K>, seen: Seen) => boolean } = {
  src: ({ is, not }, { packet }) => prefixContains(is, packet.src) !== (not ?? false),
  dst: ({ is, not }, { packet }) => prefixContains(is, packet.dst) !== (not ?? false),
  in: ({ is, not }, { context }) => deviceMatches(is, context.in) !== (not ?? false),
  out: ({ is, not }, { context }) => deviceMatches(is, context.out) !== (not ?? false),
  proto: ({ proto }, { packet }) => proto === transportOf(packet),
  ports: ({ sport, dport }, { packet }) => {
    if (!sport && !dport) return true;
    const ports = transportPorts(packet);
    return ports !== undefined && (!sport || isIn(sport, ports.sport)) && (!dport || isIn(dport, ports.dport));
  },
  multiport: ({ dports }, { packet }) => {
    const ports = transportPorts(packet);
    return ports !== undefined && dports.some((range) => isIn(range, ports.dport));
  },
  icmp: ({ message }, { packet }) => {
    const family = familyOf(packet);
    const { body } = packet;
    if (body.kind !== "icmp") return false;
    const own = icmpNumbers(body.message, family);
    if (typeof message === "string") return own.type === icmpNumbers({ kind: message }, family).type;
    return own.type === message.type && (message.code === undefined || own.code === message.code);
  },
  syn: (_, { packet }) => isSyn(packet),
  iprange: ({ first, last }, { packet: { src } }) => typeof first === typeof src && src >= first && src <= last,
  set: ({ set, side, not }, { packet }) => {
    // An ICMP packet has no port and never matches a set with ports.
    const asksPort = side.includes(",") || set.type === "bitmap:port";
    const ports = asksPort ? transportPorts(packet) : undefined;
    const ip = side.startsWith("src") ? packet.src : packet.dst;
    return set.contains(ip, transportOf(packet), ports?.dport, packet.src) !== (not ?? false);
  },
  ipvs: (match, { tracking }) => isToVirtual(match, tracking),
  physdev: () => true,
  addrtype: ({ side, not, ofEgress }, { packet, context }) => {
    const ip = side === "src" ? packet.src : packet.dst;
    return (context.isLocal(ip) && (!ofEgress || isOfEgress(ip, context))) !== (not ?? false);
  },
  mark: ({ is, not }, { mark }) => (maskedMark(mark, is.mask) === is.value) !== (not ?? false),
  rpfilter: (_, { packet, context }) => context.in !== undefined && !context.reversePath(packet, context.in),
  conntrack: ({ is, not }, { tracking }) => inState(is, tracking) !== (not ?? false),
  statistic: ({ probability }, { context }) => context.chance(probability),
  // The source of a trace has never been seen before.
  recent: ({ op }) => op === "set",
  unread: () => false,
  comment: () => true,
};

/** Ports of a transport protocol; an ICMP id is not a port. */
function transportPorts(packet: Packet): { readonly sport: number; readonly dport: number } | undefined {
  return packet.body.kind === "icmp" ? undefined : portsOf(packet);
}

function isIn({ first, last }: { readonly first: number; readonly last: number }, port: number): boolean {
  return port >= first && port <= last;
}

function isOfEgress(ip: Ip, { out, isOf }: HookContext): boolean {
  return out !== undefined && isOf(ip, out);
}

/** conntrack_mt: a packet has one state; DNAT is a property of its connection in addition. */
function inState(states: readonly CtMatch[], { state, connection }: Tracking): boolean {
  return states.includes(state) || (connection !== undefined && states.includes("DNAT") && hasDnat(connection));
}

/**
 * ipvs_mt: packets that IPVS forwards, by the virtual server of their connection. IPVS forwards every packet to a virtual
 * server, so the original destination decides.
 */
function isToVirtual({ ip, proto, port }: NfMatch<"ipvs">, { connection }: Tracking): boolean {
  const orig = connection?.orig;
  return orig !== undefined && orig.dst === ip && orig.dport === port && orig.proto === proto;
}

/** IPS_DST_NAT: replies do not come from the original destination. */
function hasDnat({ orig, reply }: Connection): boolean {
  return reply.src !== orig.dst || reply.sport !== orig.dport;
}

/** "cali+" matches all device names with that prefix (iptables -i). */
function deviceMatches(pattern: string, device: string | undefined): boolean {
  if (device === undefined) return false;
  return pattern.endsWith("+") ? device.startsWith(pattern.slice(0, -1)) : pattern === device;
}
