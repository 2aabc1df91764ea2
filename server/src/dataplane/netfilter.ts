/**
 * Netfilter: chains are walked like in iptables. Conntrack provides the state and stores NAT bindings, so later packets and
 * replies are rewritten without a second walk of the nat chains (net/netfilter/nf_nat_core.c).
 */

import type { Ip } from "../addressing/ip.ts";
import { formatIp, prefixContains } from "../addressing/ip.ts";
import { t } from "../text/l10n.ts";
import type {
  CtMatch,
  CtState,
  Explanation,
  IptablesTable,
  Netfilter,
  NfBase,
  NfChain,
  NfHook,
  NfMatch,
  NfRule,
  NfTable,
  NfTarget,
} from "./model.ts";
import {
  familyOf,
  icmpErrorOf,
  icmpNumbers,
  maskedMark,
  type Packet,
  portsOf,
  transportOf,
  withPorts,
} from "./packet.ts";
import { addrTypesOf, ruleText } from "./text.ts";

/** nf_ct_untracked: conntrack ignores the packet. */
export const UNTRACKED: Tracking = { connection: undefined, direction: "original", state: "UNTRACKED" };

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

export interface HookContext {
  readonly in: string | undefined;
  readonly out: string | undefined;
  /** Only the base chains with a priority in this range, `before` excluded: IPVS takes packets in the middle of a hook. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  readonly isLocal: (ip: Ip) => boolean;
  /** Whether the device has the address. */
  readonly isOf: (ip: Ip, device: string) => boolean;
  /** Whether a reply to the packet would leave through the device. */
  readonly reversePath: (packet: Packet, device: string) => boolean;
  /** The source address that MASQUERADE uses. */
  readonly masqueradeAs: () => Ip | undefined;
  /** Whether a random event with this probability occurs; the simulator walks both branches. */
  readonly chance: (probability: number) => boolean;
  /** All connections of the network namespace. */
  readonly connections: readonly Connection[];
}

export interface Decision {
  readonly table: NfTable;
  readonly chain: string;
  readonly rule: NfRule | undefined;
  readonly text: string;
  /** The chains from the hook to the rule; the last one contains the rule. */
  readonly chains: readonly string[];
  readonly effect: "accept" | "return" | "drop" | "reject" | "dnat" | "snat";
  readonly explanation?: Explanation;
  readonly rejectWith?: "icmp-port-unreachable" | "icmp-admin-prohibited" | "tcp-reset";
}

export interface HookResult {
  readonly packet: Packet;
  readonly verdict: "accept" | "drop" | "reject";
  /** Rules that decided and NAT rewrites, in order. */
  readonly decisions: readonly { readonly decision: Decision; readonly packet: Packet }[];
  /** The tracking passed in, unless a NOTRACK rule matched. */
  readonly tracking: Tracking;
}

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

/** The iptables chains of each hook with their priorities (include/uapi/linux/netfilter_ipv4.h); conntrack runs after raw. */
const IPTABLES: Readonly<Record<NfHook, readonly NfBase[]>> = {
  PREROUTING: [base("PREROUTING", "raw", -300), base("PREROUTING", "mangle", -150), base("PREROUTING", "nat", -100)],
  INPUT: [base("INPUT", "mangle", -150), base("INPUT", "filter", 0), base("INPUT", "nat", 100)],
  FORWARD: [base("FORWARD", "mangle", -150), base("FORWARD", "filter", 0)],
  OUTPUT: [
    base("OUTPUT", "raw", -300),
    base("OUTPUT", "mangle", -150),
    base("OUTPUT", "nat", -100),
    base("OUTPUT", "filter", 0),
  ],
  POSTROUTING: [base("POSTROUTING", "mangle", -150), base("POSTROUTING", "nat", 100)],
};

function base(hook: NfHook, table: IptablesTable, priority: number): NfBase {
  return { table, chain: hook, hook, priority, type: table === "nat" ? "nat" : "filter" };
}

/** All base chains of a hook in order of priority; at equal priority nftables before iptables. */
function basesAt(netfilter: Netfilter, family: 4 | 6, hook: NfHook): readonly NfBase[] {
  const own = netfilter.bases(family);
  if (own.length === 0) return IPTABLES[hook];
  return [...own.filter((one) => one.hook === hook), ...IPTABLES[hook]].sort((a, b) => a.priority - b.priority);
}

/** Runs one netfilter hook on a packet. */
export function runHook(
  netfilter: Netfilter,
  hook: NfHook,
  packet: Packet,
  known: Tracking,
  context: HookContext,
): HookResult {
  const decisions: { decision: Decision; packet: Packet }[] = [];
  let current = packet;
  let tracking = known;
  const { from = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY } = context;
  const all = basesAt(netfilter, familyOf(packet), hook);
  const bases =
    context.from === undefined && context.before === undefined
      ? all
      : all.filter(({ priority }) => priority >= from && priority < before);
  let translated = false;
  for (const one of bases) {
    if (one.type === "nat") {
      // The nat chains of a hook are walked in order until one of them rewrites the packet (nf_nat_inet_fn).
      if (translated) continue;
      translated = true;
      const nat = translate(
        bases.filter(({ type }) => type === "nat"),
        hook,
        current,
        { netfilter, tracking, context },
      );
      current = nat.packet;
      decisions.push(...nat.decisions);
      if (nat.verdict !== "accept") return { packet: current, verdict: nat.verdict, decisions, tracking };
      continue;
    }
    const outcome = walkChain(one, current, { netfilter, tracking, context });
    for (const decision of outcome.noted ?? []) decisions.push({ decision, packet: current });
    if (outcome.mark !== undefined) current = { ...current, mark: outcome.mark };
    if (outcome.untracked) tracking = UNTRACKED;
    if (outcome.decision) decisions.push({ decision: outcome.decision, packet: current });
    if (outcome.verdict !== "accept") return { packet: current, verdict: outcome.verdict, decisions, tracking };
  }
  return { packet: current, verdict: "accept", decisions, tracking };
}

/** The nat part of a hook: walks the chains for a new connection, otherwise applies the bindings of the connection. */
function translate(bases: readonly NfBase[], hook: NfHook, arrived: Packet, walk: Walk): Omit<HookResult, "tracking"> {
  const { tracking } = walk;
  const side =
    hook === "PREROUTING" || hook === "OUTPUT" ? "dst" : hook === "POSTROUTING" || hook === "INPUT" ? "src" : undefined;
  const connection = tracking.connection;
  if (!side || !connection) return { packet: arrived, verdict: "accept", decisions: [] };
  if (
    tracking.direction === "original" &&
    tracking.state === "NEW" &&
    !(side === "dst" ? connection.dnatDone : connection.snatDone)
  )
    return translateNew(bases, side, arrived, connection, walk);
  const changed = apply(arrived, tracking, side);
  if (changed === arrived) return { packet: changed, verdict: "accept", decisions: [] };
  const decision =
    side === "dst"
      ? byConntrack("dnat", t`conntrack: destination rewritten to ${formatIp(changed.dst)} (existing connection)`)
      : byConntrack("snat", t`conntrack: source rewritten to ${formatIp(changed.src)} (existing connection)`);
  return { packet: changed, verdict: "accept", decisions: [{ decision, packet: changed }] };
}

/** Walks the nat chains for a connection that has not passed them, and stores the binding. */
function translateNew(
  bases: readonly NfBase[],
  side: "src" | "dst",
  arrived: Packet,
  connection: Connection,
  walk: Walk,
): Omit<HookResult, "tracking"> {
  if (side === "dst") connection.dnatDone = true;
  else connection.snatDone = true;
  let packet = arrived;
  let outcome: ChainOutcome = { verdict: "accept" };
  for (const one of bases) {
    outcome = walkChain(one, packet, walk);
    // Nat chains also set marks: kube-proxy's KUBE-MARK-MASQ.
    if (outcome.mark !== undefined) packet = { ...packet, mark: outcome.mark };
    if (outcome.verdict !== "accept" || outcome.nat) break;
  }
  const { verdict, decision, nat } = outcome;
  if (verdict !== "accept") return { packet, verdict, decisions: decision ? [{ decision, packet }] : [] };
  if (nat) bind(connection, nat);
  const isMoved = side === "src" && makeUnique(connection, walk.context.connections);
  const changed = apply(packet, walk.tracking, side);
  const decisions: { decision: Decision; packet: Packet }[] = [];
  if (decision) decisions.push({ decision, packet: nat ? changed : packet });
  if (isMoved && !(decision && nat)) {
    const port = portsOf(changed)?.sport ?? 0;
    const text = t`conntrack: source port changed to ${port} (another connection has the same addresses and ports)`;
    decisions.push({ decision: byConntrack("snat", text), packet: changed });
  }
  return { packet: changed, verdict: "accept", decisions };
}

function byConntrack(effect: "dnat" | "snat", text: string): Decision {
  return { table: "nat", chain: "conntrack", rule: undefined, chains: [], text, effect };
}

/**
 * get_unique_tuple (net/netfilter/nf_nat_core.c), also without a SNAT rule (nf_nat_alloc_null_binding): if replies would be
 * assigned to another connection, the source port changes. The kernel selects it at random from the range of the original
 * port; here it is the next free port.
 */
function makeUnique(connection: Connection, all: readonly Connection[]): boolean {
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
function apply(packet: Packet, tracking: Tracking, side: "src" | "dst"): Packet {
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

interface ChainOutcome {
  readonly verdict: "accept" | "drop" | "reject";
  readonly decision?: Decision;
  readonly nat?: { side: "src" | "dst"; ip: Ip; port: number | undefined };
  readonly mark?: number;
  /** Rules that set a mark and explain the decision. */
  readonly noted?: readonly Decision[];
  readonly untracked?: boolean;
}

/** The parameters that all chains of a hook share. */
interface Walk {
  readonly netfilter: Netfilter;
  readonly tracking: Tracking;
  readonly context: HookContext;
}

/** A packet on its walk through one base chain and the chains that it jumps to. */
interface ChainWalk extends Walk {
  readonly family: 4 | 6;
  readonly base: NfBase;
  readonly packet: Packet;
  /** The chains from the base chain to the current one. */
  readonly path: string[];
  readonly noted: Decision[];
  mark: number;
  untracked: boolean;
  /** The last RETURN of a nat chain. */
  returned: Decision | undefined;
}

function walkChain(base: NfBase, packet: Packet, { netfilter, tracking, context }: Walk): ChainOutcome {
  const walk: ChainWalk = {
    netfilter,
    tracking,
    context,
    family: familyOf(packet),
    base,
    packet,
    path: [],
    noted: [],
    mark: packet.mark,
    untracked: false,
    returned: undefined,
  };
  const outcome = enterChain(walk, base.chain);
  const changed = {
    ...(walk.mark === packet.mark ? {} : { mark: walk.mark }),
    ...(walk.noted.length === 0 ? {} : { noted: walk.noted }),
    ...(walk.untracked ? { untracked: true } : {}),
  };
  if (outcome) return { ...outcome, ...changed };
  if (netfilter.chain(walk.family, base.table, base.chain)?.policy === "DROP")
    return { verdict: "drop", decision: byPolicy(base), ...changed };
  return { verdict: "accept", ...(walk.returned ? { decision: walk.returned } : {}), ...changed };
}

function byPolicy({ table, chain }: NfBase): Decision {
  const text = t`default policy DROP of ${`${table}/${chain}`}`;
  return { table, chain, rule: undefined, chains: [chain], text, effect: "drop" };
}

/** The kernel limits the depth of jumps when a table is loaded; a loop of chains is an error in the model. */
const MAX_DEPTH = 64;

/** Undefined: the chain ended or returned without a verdict. */
function enterChain(walk: ChainWalk, name: string): ChainOutcome | undefined {
  const chain = walk.netfilter.chain(walk.family, walk.base.table, name);
  if (!chain || walk.path.length > MAX_DEPTH) return undefined;
  walk.path.push(name);
  const outcome = walkRules(walk, chain, name);
  walk.path.pop();
  return outcome;
}

function walkRules(walk: ChainWalk, chain: NfChain, name: string): ChainOutcome | undefined {
  const { packet, tracking, context } = walk;
  for (const rule of chain.candidates?.(packet.dst, portsOf(packet)?.dport) ?? chain.rules) {
    if (!matches(rule.match, { ...packet, mark: walk.mark }, tracking, context)) continue;
    if (rule.marks) walk.mark = marked(walk.mark, rule.marks);
    const outcome = applyTarget(walk, rule, name);
    if (outcome === "next") continue;
    return outcome === "return" ? undefined : outcome;
  }
  return undefined;
}

/** The decision of a rule in the current chain. */
function note(
  { base, path, family, packet }: ChainWalk,
  chain: string,
  rule: NfRule,
  effect: Decision["effect"],
): Decision {
  return {
    table: base.table,
    chain,
    rule,
    chains: [...path],
    text: rule.text ?? `-A ${chain} ${ruleText(rule, family)}`,
    effect,
    ...(rule.explain ? { explanation: rule.explain(packet) } : {}),
  };
}

/** xt_mark, xt_connmark: `(mark & ~mask) ^ value`. */
function marked(mark: number, { value, mask }: { readonly value: number; readonly mask: number }): number {
  return ((mark & ~mask) ^ value) >>> 0;
}

/** The effect of a matching rule: a verdict, the next rule, or the end of the chain without a verdict. */
function applyTarget(walk: ChainWalk, rule: NfRule, name: string): ChainOutcome | "next" | "return" {
  const { target } = rule;
  switch (target.kind) {
    case "ACCEPT":
      return { verdict: "accept", decision: note(walk, name, rule, "accept") };
    case "DROP":
      return { verdict: "drop", decision: note(walk, name, rule, "drop") };
    case "REJECT":
      return { verdict: "reject", decision: { ...note(walk, name, rule, "reject"), rejectWith: target.with } };
    case "RETURN":
      if (walk.base.type === "nat") walk.returned = note(walk, name, rule, "return");
      return "return";
    case "MARK":
      walk.mark = marked(walk.mark, target);
      if (rule.explain) walk.noted.push(note(walk, name, rule, "accept"));
      return "next";
    case "NONE":
      return "next";
    case "CONNMARK":
      applyConnmark(walk, target);
      return "next";
    case "JUMP": {
      const outcome = enterChain(walk, target.chain);
      return outcome ?? (target.goto ? "return" : "next");
    }
    case "NFQUEUE": {
      const verdict = target.program.decide(walk.packet);
      const effect = verdict.kind === "pass" ? "accept" : "drop";
      return { verdict: effect, decision: { ...note(walk, name, rule, effect), explanation: verdict } };
    }
    case "NOTRACK":
      // xt_CT: a packet that already has a connection keeps it.
      walk.untracked = true;
      return "next";
    case "SNAT":
      return sourceNat(walk, rule, name, target.to);
    case "MASQUERADE":
      return sourceNat(walk, rule, name, walk.context.masqueradeAs());
    case "DNAT":
      return {
        verdict: "accept",
        decision: note(walk, name, rule, "dnat"),
        nat: { side: "dst", ip: target.to, port: target.port },
      };
  }
}

/** Without a source address for MASQUERADE, the kernel drops the packet (nf_nat_masquerade.c). */
function sourceNat(walk: ChainWalk, rule: NfRule, name: string, ip: Ip | undefined): ChainOutcome {
  if (ip === undefined) return { verdict: "drop", decision: note(walk, name, rule, "drop") };
  return { verdict: "accept", decision: note(walk, name, rule, "snat"), nat: { side: "src", ip, port: undefined } };
}

/** net/netfilter/xt_connmark.c: without a connection, nothing happens. */
function applyConnmark(walk: ChainWalk, target: NfTarget & { kind: "CONNMARK" }): void {
  const { connection } = walk.tracking;
  if (!connection) return;
  if (target.op === "set") connection.mark = marked(connection.mark, target);
  else walk.mark = marked(walk.mark, { value: connection.mark & target.mask, mask: target.mask });
}

function matches(match: NfMatch, packet: Packet, tracking: Tracking, context: HookContext): boolean {
  if (match.src && prefixContains(match.src.is, packet.src) === (match.src.not ?? false)) return false;
  if (match.dst && prefixContains(match.dst.is, packet.dst) === (match.dst.not ?? false)) return false;
  if (match.proto !== undefined && match.proto !== transportOf(packet)) return false;
  if (match.sport || match.dport) {
    // Port matches require a transport protocol with ports; an ICMP id is not a port.
    const ports = packet.body.kind === "icmp" ? undefined : portsOf(packet);
    if (!ports) return false;
    if (match.sport && (ports.sport < match.sport.first || ports.sport > match.sport.last)) return false;
    if (match.dport && (ports.dport < match.dport.first || ports.dport > match.dport.last)) return false;
  }
  if (match.in && deviceMatches(match.in.is, context.in) === (match.in.not ?? false)) return false;
  if (match.out && deviceMatches(match.out.is, context.out) === (match.out.not ?? false)) return false;
  if (match.mark && (maskedMark(packet.mark, match.mark.is.mask) === match.mark.is.value) === (match.mark.not ?? false))
    return false;
  if (match.ctstate && !inState(match.ctstate, tracking)) return false;
  if (match.notCtstate && inState(match.notCtstate, tracking)) return false;
  if (
    match.srcRange &&
    !(
      typeof match.srcRange.first === typeof packet.src &&
      packet.src >= match.srcRange.first &&
      packet.src <= match.srcRange.last
    )
  )
    return false;
  if (match.dports || match.icmp !== undefined) {
    const { body } = packet;
    if (match.icmp !== undefined) {
      const { type } = icmpNumbers({ kind: match.icmp }, familyOf(packet));
      if (body.kind !== "icmp" || icmpNumbers(body.message, familyOf(packet)).type !== type) return false;
    }
    const ports = body.kind === "icmp" ? undefined : portsOf(packet);
    if (match.dports && !match.dports.some(({ first, last }) => ports && ports.dport >= first && ports.dport <= last))
      return false;
  }
  for (const { set, side, not } of match.sets ?? []) {
    // An ICMP packet has no port and never matches a set with ports.
    const asksPort = side.includes(",") || set.type === "bitmap:port";
    const ports = asksPort && packet.body.kind !== "icmp" ? portsOf(packet) : undefined;
    const ip = side.startsWith("src") ? packet.src : packet.dst;
    if (set.contains(ip, transportOf(packet), ports?.dport, packet.src) === (not ?? false)) return false;
  }
  for (const { side, not, ofEgress } of addrTypesOf(match)) {
    const ip = side === "src" ? packet.src : packet.dst;
    const local = context.isLocal(ip) && (!ofEgress || (context.out !== undefined && context.isOf(ip, context.out)));
    if (local === (not ?? false)) return false;
  }
  if (match.rpfilterFails && (context.in === undefined || context.reversePath(packet, context.in))) return false;
  if (match.ipvs && !isToVirtual(match.ipvs, tracking)) return false;
  // The source of a trace has never been seen before.
  if (match.recent?.op === "rcheck") return false;
  return match.statistic === undefined || context.chance(match.statistic.probability);
}

/** conntrack_mt: a packet has one state; DNAT is a property of its connection in addition. */
function inState(states: readonly CtMatch[], { state, connection }: Tracking): boolean {
  return states.includes(state) || (connection !== undefined && states.includes("DNAT") && hasDnat(connection));
}

/**
 * ipvs_mt: packets that IPVS forwards, by the virtual server of their connection. IPVS forwards every packet to a virtual
 * server, so the original destination decides.
 */
function isToVirtual({ ip, proto, port }: NonNullable<NfMatch["ipvs"]>, { connection }: Tracking): boolean {
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
