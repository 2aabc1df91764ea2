/** Netfilter: chains are walked like in iptables and nftables. */

import { formatIp, type Ip } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import { bind, type Connection, makeUnique, rewritten, type Tracking, UNTRACKED } from "./conntrack.ts";
import { matches } from "./match.ts";
import type {
  Explanation,
  IptablesTable,
  Netfilter,
  NfBase,
  NfChain,
  NfHook,
  NfRule,
  NfTable,
  NfTarget,
  RejectWith,
} from "./model.ts";
import { effectOf } from "./nft/statement.ts";
import { familyOf, type Packet, portsOf, tcpHeaders, withMss } from "./packet.ts";
import type { HookContext } from "./seen.ts";
import { ruleText } from "./text.ts";

export interface Decision {
  readonly table: NfTable;
  readonly chain: string;
  readonly rule: NfRule | undefined;
  readonly text: string;
  /** The chains from the hook to the rule; the last one contains the rule. */
  readonly chains: readonly string[];
  readonly effect: "accept" | "return" | "drop" | "reject" | "dnat" | "snat";
  readonly explanation?: Explanation;
  readonly rejectWith?: RejectWith;
  /** The statement that sets the policy, if the policy decides. */
  readonly origin?: Origin | undefined;
}

export interface HookResult {
  readonly packet: Packet;
  readonly verdict: "accept" | "drop" | "reject";
  /** Rules that decided and NAT rewrites, in order. */
  readonly decisions: readonly { readonly decision: Decision; readonly packet: Packet }[];
  /** The tracking passed in, unless a NOTRACK rule matched. */
  readonly tracking: Tracking;
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
    if (outcome.mss !== undefined) current = withMss(current, { value: outcome.mss, clamped: true });
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
  const changed = rewritten(arrived, tracking, side);
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
  const changed = rewritten(packet, walk.tracking, side);
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

interface ChainOutcome {
  readonly verdict: "accept" | "drop" | "reject";
  readonly decision?: Decision;
  readonly nat?: { side: "src" | "dst"; ip: Ip; port: number | undefined };
  readonly mark?: number;
  readonly mss?: number;
  /** Rules that change the packet or its mark, and explain the decision. */
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
  /** Undefined: not changed. */
  mss: number | undefined;
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
    mss: undefined,
    untracked: false,
    returned: undefined,
  };
  const outcome = enterChain(walk, base.chain);
  const changed = {
    ...(walk.mark === packet.mark ? {} : { mark: walk.mark }),
    ...(walk.mss === undefined ? {} : { mss: walk.mss }),
    ...(walk.noted.length === 0 ? {} : { noted: walk.noted }),
    ...(walk.untracked ? { untracked: true } : {}),
  };
  if (outcome) return { ...outcome, ...changed };
  const chain = netfilter.chain(walk.family, base.table, base.chain);
  if (chain?.policy === "DROP") return { verdict: "drop", decision: byPolicy(base, chain.policyOrigin), ...changed };
  return { verdict: "accept", ...(walk.returned ? { decision: walk.returned } : {}), ...changed };
}

function byPolicy({ table, chain }: NfBase, origin: Origin | undefined): Decision {
  const text = t`default policy DROP of ${`${table}/${chain}`}`;
  return { table, chain, rule: undefined, chains: [chain], text, effect: "drop", origin };
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
  const { packet } = walk;
  for (const rule of chain.candidates?.(packet.dst, portsOf(packet)?.dport) ?? chain.rules) {
    if (!matches(rule.matches, walk)) continue;
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
    case "LOG":
      return "next";
    case "TCPMSS":
      clampMss(walk, rule, name, target.mss);
      return "next";
    case "CONNMARK":
      applyConnmark(walk, target);
      return "next";
    case "JUMP": {
      const outcome = enterChain(walk, target.chain);
      return outcome ?? (target.goto ? "return" : "next");
    }
    case "NFT":
      return runStatements(walk, rule, target, name);
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

/** nft_do_chain: the statements of a rule, until one of them does not match or ends it. */
function runStatements(
  walk: ChainWalk,
  rule: NfRule,
  { statements, program }: NfTarget & { kind: "NFT" },
  name: string,
): ChainOutcome | "next" | "return" {
  for (const statement of statements) {
    const effect = effectOf(statement, walk, program);
    switch (effect.kind) {
      case "continue":
        break;
      case "break":
        return "next";
      case "mark":
        walk.mark = effect.value;
        break;
      case "connmark":
        if (walk.tracking.connection) walk.tracking.connection.mark = effect.value;
        break;
      case "target": {
        const text = effect.element === undefined ? rule.text : `${rule.text ?? ""} [${effect.element}]`;
        const outcome = applyTarget(
          walk,
          { ...rule, target: effect.target, ...(text === undefined ? {} : { text }) },
          name,
        );
        // A statement can follow NOTRACK.
        if (effect.target.kind !== "NOTRACK") return outcome;
        break;
      }
    }
  }
  return "next";
}

/** xt_TCPMSS.c, tcpmss_mangle_packet: the size is lowered, never raised. */
function clampMss(walk: ChainWalk, rule: NfRule, name: string, mss: number | "to-pmtu"): void {
  const { packet, family, context } = walk;
  const own = packet.body.kind === "tcp" ? packet.body.mss?.value : undefined;
  const wanted = mss === "to-pmtu" ? context.pathMtu(packet) - tcpHeaders(family) : mss;
  if (own === undefined || own <= wanted) return;
  walk.mss = wanted;
  const explanation = { note: t`MSS lowered from ${own} to ${wanted} bytes (TCPMSS)`, origin: rule.origin };
  walk.noted.push({ ...note(walk, name, rule, "accept"), explanation });
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
