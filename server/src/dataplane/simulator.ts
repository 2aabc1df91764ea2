/**
 * The one simulator: walks a packet through a network the way Linux does, and its answer back. It knows devices, tables
 * and rules, and no mode. Names in comments are the kernel's functions.
 *
 * A run follows one choice at each fork (ECMP); `simulate` repeats it for every combination that exists.
 */
import { formatIp, isLoopback } from "../addressing/ip.ts";
import type { Ip } from "../addressing/ip.ts";
import type { Source } from "../language/tree.ts";
import { addressTowards, type Found, type LocalAddresses, localAddresses, lookup, routeText, selectSource } from "./fib.ts";
import type { Journey, Question, Reason, ReasonCode, SenderError, Step, StepAction, StepRule, Verdict } from "./journey.ts";
import type { Device, LinkEnd, Netns, NetnsId, Network, NfHook, Nexthop } from "./model.ts";
import { type Connection, type HookContext, runHook, track, type Tracking } from "./netfilter.ts";
import {
  encapsulationOverhead,
  errnoOf,
  familyOf,
  flowSourcePort,
  type IcmpErrorKind,
  icmpErrorOf,
  innerOf,
  ipHeaderLength,
  type Packet,
} from "./packet.ts";

/** Forks explored for one question. More than that many ways are cut off. */
const MAX_PATHS = 64;
/** A TTL of 64 with tunnels makes some hundreds of steps; beyond this something is wrong with the model. */
const MAX_STEPS = 4000;
/** is_skb_forwardable() grants the room of a VLAN tag (net/core/dev.c). */
const VLAN_ROOM = 4;

/** Every way that the packet of `question` may take, with its answer. Empty never; probabilities sum to 1. */
export function simulate(network: Network, question: Question): readonly Journey[] {
  const journeys: Journey[] = [];
  const pending: (readonly number[])[] = [[]];
  while (pending.length > 0 && journeys.length < MAX_PATHS) {
    const script = pending.pop() ?? [];
    const run = newRun(network, script);
    journeys.push(request(run, question));
    // Forks met for the first time in this run: their other branches are runs of their own.
    for (let i = script.length; i < run.choices.length; i += 1) {
      const taken = run.choices.slice(0, i).map((choice) => choice.taken);
      for (let branch = (run.choices[i]?.of ?? 1) - 1; branch >= 1; branch -= 1) pending.push([...taken, branch]);
    }
  }
  return journeys;
}

/* ------------------------------------------------------------------- runs */

interface Run {
  readonly network: Network;
  readonly locals: Map<NetnsId, LocalAddresses>;
  readonly connections: Map<NetnsId, Connection[]>;
  readonly script: readonly number[];
  readonly choices: { readonly taken: number; readonly of: number }[];
  probability: number;
  /** Of the journey that is being walked. */
  steps: Step[];
  mtu: number;
  /** Bytes that tunnels have put around the packet by now. */
  overhead: number;
  /** The socket that waits for an answer, while one travels. */
  waiting: { readonly netns: NetnsId; readonly packet: Packet } | undefined;
  budget: number;
}

function newRun(network: Network, script: readonly number[]): Run {
  return {
    network,
    locals: new Map(),
    connections: new Map(),
    script,
    choices: [],
    probability: 1,
    steps: [],
    mtu: Number.POSITIVE_INFINITY,
    overhead: 0,
    waiting: undefined,
    budget: MAX_STEPS,
  };
}

/** How a walk ended. `icmp` is what the failing host tells the packet's source, `errno` what a local sender is told. */
interface End {
  readonly verdict: Verdict;
  readonly netns: Netns;
  readonly packet: Packet;
  readonly reason: Reason | undefined;
  readonly icmp?: { readonly kind: IcmpErrorKind; readonly mtu?: number | undefined; readonly toLocal?: boolean; readonly tun?: Device } | undefined;
  readonly errno?: { readonly name: string; readonly mtu?: number | undefined } | undefined;
  readonly process?: string | undefined;
}

function request(run: Run, question: Question): Journey {
  const from = run.network.netns(question.from);
  if (!from) throw new Error(`no namespace ${question.from}`);
  const packet = firstPacket(question);
  const end = originate(run, from, packet, question.src);
  const steps = run.steps;
  const mtu = run.mtu;
  const sent = steps.find((step) => step.direction === "out" || step.action === "send")?.packet ?? { ...packet, src: question.src ?? question.dst };
  const answer = answerTo(run, end, from.id, sent);
  const receiver =
    end.verdict === "delivered" ? { src: end.packet.src, sport: sourcePort(end.packet), process: end.process } : undefined;
  return {
    steps,
    verdict: end.verdict,
    reason: end.reason,
    error: answer.error,
    end: end.netns.id,
    receiver,
    mtu: Number.isFinite(mtu) ? mtu : 65535,
    probability: run.probability,
    reply: answer.reply,
  };
}

function firstPacket(question: Question): Omit<Packet, "src"> {
  const header = typeof question.dst === "number" ? 20 : 40;
  const length = question.size ?? (question.proto === "icmp" ? header + 64 : header + 40);
  const common = { dst: question.dst, ttl: question.ttl ?? 64, df: question.df || question.proto === "tcp", length, mark: 0 };
  switch (question.proto) {
    case "tcp":
      return { ...common, body: { kind: "tcp", sport: question.sport, dport: question.dport, flags: "SYN" } };
    case "udp":
      return { ...common, body: { kind: "udp", sport: question.sport, dport: question.dport, carries: undefined } };
    case "sctp":
      return { ...common, body: { kind: "sctp", sport: question.sport, dport: question.dport, chunk: "INIT" } };
    case "icmp":
      return { ...common, body: { kind: "icmp", message: { kind: "echo-request", id: question.sport } } };
  }
}

/** What comes back after the request's end: a reply, a RST, an ICMP error, or nothing. */
function answerTo(run: Run, end: End, sender: NetnsId, sent: Packet): { error: SenderError | undefined; reply: Journey | undefined } {
  if (end.errno) return { error: { kind: "local", errno: end.errno.name, mtu: end.errno.mtu }, reply: undefined };
  const back = (packet: Omit<Packet, "src">, src: Ip | undefined): Journey => {
    run.steps = [];
    run.mtu = Number.POSITIVE_INFINITY;
    run.overhead = 0;
    run.waiting = { netns: sender, packet: sent };
    const over = end.icmp?.tun ? receiveIp(run, end.netns, end.icmp.tun, { ...packet, src: src ?? 0 }, false) : originate(run, end.netns, packet, src);
    return {
      steps: run.steps,
      verdict: over.verdict,
      reason: over.reason,
      error: undefined,
      end: over.netns.id,
      receiver: over.verdict === "delivered" ? { src: over.packet.src, sport: sourcePort(over.packet), process: over.process } : undefined,
      mtu: Number.isFinite(run.mtu) ? run.mtu : 65535,
      probability: run.probability,
      reply: undefined,
    };
  };
  const { packet } = end;
  if (end.verdict === "delivered") return { error: undefined, reply: back(replyTo(packet), packet.dst) };
  if (end.reason?.code === "closed-port" && packet.body.kind !== "udp") {
    const reply = back(refusalOf(packet), packet.dst);
    return { error: reply.verdict === "delivered" ? { kind: "rst", errno: "ECONNREFUSED" } : undefined, reply };
  }
  if (end.icmp) {
    const error = errorAbout(packet, end.icmp.kind, end.icmp.mtu);
    if (!error) return { error: undefined, reply: undefined };
    const src = end.icmp.tun ? end.icmp.tun.addresses[0]?.ip : end.icmp.toLocal ? packet.dst : undefined;
    const reply = back(end.icmp.tun ? { ...error, ttl: 8 } : error, src);
    const from = reply.receiver?.src;
    return {
      error:
        reply.verdict === "delivered" && from !== undefined
          ? { kind: "icmp", error: end.icmp.kind, from, mtu: end.icmp.mtu, errno: errnoOf(end.icmp.kind, familyOf(packet)) }
          : undefined,
      reply,
    };
  }
  return { error: undefined, reply: undefined };
}

function replyTo(packet: Packet): Omit<Packet, "src"> {
  const common = { dst: packet.src, ttl: 64, df: packet.df, mark: 0 };
  const header = ipHeaderLength(familyOf(packet));
  const body = packet.body;
  switch (body.kind) {
    case "tcp":
      return { ...common, length: header + 40, body: { kind: "tcp", sport: body.dport, dport: body.sport, flags: "SYN,ACK" } };
    case "udp":
      return { ...common, length: packet.length, body: { kind: "udp", sport: body.dport, dport: body.sport, carries: undefined } };
    case "sctp":
      return { ...common, length: packet.length, body: { kind: "sctp", sport: body.dport, dport: body.sport, chunk: "INIT-ACK" } };
    case "icmp":
      // icmp_reply() makes its own header: DF clear.
      return { ...common, df: false, length: packet.length, body: { kind: "icmp", message: { kind: "echo-reply", id: "id" in body.message ? body.message.id : 0 } } };
    case "ipip":
      throw new Error("a tunnel packet has no reply");
  }
}

/** tcp_v4_send_reset, sctp_sf_ootb: the host's answer to a segment for a closed port. */
function refusalOf(packet: Packet): Omit<Packet, "src"> {
  const length = ipHeaderLength(familyOf(packet)) + 20;
  const common = { dst: packet.src, ttl: 64, df: packet.body.kind === "tcp", length, mark: 0 };
  const body = packet.body;
  if (body.kind === "sctp") return { ...common, body: { kind: "sctp", sport: body.dport, dport: body.sport, chunk: "ABORT" } };
  if (body.kind === "tcp") return { ...common, body: { kind: "tcp", sport: body.dport, dport: body.sport, flags: "RST,ACK" } };
  throw new Error(`no refusal for ${body.kind}`);
}

/** icmp_send: nothing about an ICMP error; quotes as much as fits in 576 (IPv6: 1280) bytes. */
function errorAbout(packet: Packet, kind: IcmpErrorKind, mtu: number | undefined): Omit<Packet, "src"> | undefined {
  if (icmpErrorOf(packet)) return undefined;
  const v6 = familyOf(packet) === 6;
  const length = Math.min(v6 ? 1280 : 576, packet.length + (v6 ? 48 : 28));
  const message = mtu === undefined ? { kind, about: packet } : { kind, about: packet, mtu };
  return { dst: packet.src, ttl: 64, df: false, length, mark: 0, body: { kind: "icmp", message } };
}

function sourcePort(packet: Packet): number | undefined {
  const body = packet.body;
  return body.kind === "tcp" || body.kind === "udp" || body.kind === "sctp" ? body.sport : undefined;
}

/* -------------------------------------------------------- small machinery */

function step(run: Run, netns: Netns, device: string, direction: "in" | "out" | null, action: StepAction, text: string, packet: Packet, rule?: StepRule): void {
  run.steps.push({ netns: netns.id, device, direction, action, text, rule, packet });
  run.budget -= 1;
}

interface Failure {
  readonly verdict: Verdict;
  readonly code: ReasonCode;
  readonly message: string;
  readonly device: string;
  readonly rule?: StepRule | undefined;
  readonly origin?: Source | undefined;
  readonly icmp?: End["icmp"];
  readonly errno?: End["errno"];
}

/**
 * Ends a walk. Whoever made the packet is told: its own host by an errno, another by ICMP; a tunnel's outer packet that
 * dies tells only the tunnel, which keeps it to itself, so the inner sender hears nothing.
 */
function fail(run: Run, netns: Netns, packet: Packet, failure: Failure): End {
  const action = failure.verdict === "rejected" ? "reject" : "drop";
  step(run, netns, failure.device, null, action, failure.message, packet, failure.rule);
  const told = run.overhead === 0 && run.waiting === undefined;
  return {
    verdict: failure.verdict,
    netns,
    packet,
    reason: { code: failure.code, message: failure.message, netns: netns.id, origin: failure.origin ?? failure.rule?.origin },
    icmp: told ? failure.icmp : undefined,
    errno: told ? failure.errno : undefined,
  };
}

function choose(run: Run, count: number, weight: (i: number) => number): number {
  if (count <= 1) return 0;
  const position = run.choices.length;
  const taken = run.script[position] ?? 0;
  run.choices.push({ taken, of: count });
  let total = 0;
  for (let i = 0; i < count; i += 1) total += weight(i);
  run.probability *= weight(taken) / total;
  return taken;
}

function localsOf(run: Run, netns: Netns): LocalAddresses {
  let locals = run.locals.get(netns.id);
  if (!locals) {
    locals = localAddresses(netns);
    run.locals.set(netns.id, locals);
  }
  return locals;
}

function isOwn(run: Run, netns: Netns, ip: Ip): boolean {
  return localsOf(run, netns).route(ip)?.type === "local";
}

function connectionsOf(run: Run, netns: Netns): Connection[] {
  let connections = run.connections.get(netns.id);
  if (!connections) {
    connections = [];
    run.connections.set(netns.id, connections);
  }
  return connections;
}

function limitMtu(run: Run, size: number): void {
  run.mtu = Math.min(run.mtu, size - run.overhead);
}

function routeRule(found: Found, nexthop: Nexthop | undefined): StepRule {
  return { table: found.table, text: routeText(found.route, nexthop), why: found.route.why, origin: found.route.origin };
}

function pickNexthop(run: Run, found: Found): Nexthop | undefined {
  return found.nexthops[choose(run, found.nexthops.length, (i) => found.nexthops[i]?.weight ?? 1)];
}

/** Runs a hook and writes down what it decided. Undefined as end: go on with `packet`. */
function hook(run: Run, netns: Netns, name: NfHook, packet: Packet, tracking: Tracking, dev: { in?: string | undefined; out?: string | undefined }, masqueradeAs?: () => Ip | undefined): { packet: Packet; end: End | undefined } {
  const context: HookContext = {
    in: dev.in,
    out: dev.out,
    isLocal: (ip) => isOwn(run, netns, ip),
    masqueradeAs: masqueradeAs ?? (() => undefined),
  };
  const result = runHook(netns.netfilter, name, packet, tracking, context);
  const device = dev.out ?? dev.in ?? "lo";
  let end: End | undefined;
  for (const { decision, packet: seen } of result.decisions) {
    const rule: StepRule = { table: `${decision.table}/${decision.chain}`, text: decision.text, why: decision.rule?.comment, origin: decision.rule?.origin };
    const where = `${decision.table} ${decision.chain}`;
    switch (decision.effect) {
      case "accept":
      case "return":
        step(run, netns, device, null, "filter", decision.effect === "accept" ? `accepted in ${where}` : `left as it is by ${where}`, seen, rule);
        break;
      case "dnat":
        step(run, netns, device, null, "dnat", `destination is now ${formatIp(seen.dst)}`, seen, rule);
        break;
      case "snat":
        step(run, netns, device, null, "snat", `source is now ${formatIp(seen.src)}`, seen, rule);
        break;
      case "drop":
        end = fail(run, netns, seen, {
          verdict: "dropped",
          code: "filtered",
          message: `dropped by ${decision.rule ? where : decision.text}`,
          device,
          rule,
          ...(name === "OUTPUT" ? { errno: { name: "EPERM" } } : {}),
        });
        break;
      case "reject":
        end = fail(run, netns, seen, {
          verdict: "rejected",
          code: "rejected-by-rule",
          message: `rejected by ${where}`,
          device,
          rule,
          ...(name === "OUTPUT" ? { errno: { name: "ECONNREFUSED" } } : { icmp: { kind: decision.rejectWith === "icmp-admin-prohibited" ? "admin-prohibited" : "port-unreachable" } }),
        });
        break;
    }
  }
  return { packet: result.packet, end };
}

/* ------------------------------------------------------- locally made packets */

/** ip_route_output + __ip_local_out: a packet made by this host. */
function originate(run: Run, netns: Netns, made: Omit<Packet, "src">, src: Ip | undefined, oif?: string): End {
  const unsent: Packet = { ...made, src: src ?? (typeof made.dst === "number" ? 0 : 0n) };
  const found = lookup(netns, localsOf(run, netns), { dst: made.dst, src, oif, mark: made.mark });
  const refused = refusedByRoute(run, netns, unsent, found, undefined);
  if (refused) return refused;
  if (!found) throw new Error("unreachable");
  let route = found;
  let nexthop = pickNexthop(run, route);
  const source = src ?? selectSource(netns, route, nexthop, made.dst);
  if (source === undefined) {
    return fail(run, netns, unsent, {
      verdict: "unreachable",
      code: "no-source-address",
      message: `${netns.id} has no ${typeof made.dst === "number" ? "IPv4" : "IPv6"} address to send from`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route, nexthop),
      errno: { name: "EADDRNOTAVAIL" },
    });
  }
  let packet: Packet = { ...made, src: source };
  const tooBig = tooBigFor(run, netns, packet, route, nexthop);
  if (tooBig !== undefined && (packet.df || familyOf(packet) === 6) && run.overhead === 0) {
    limitMtu(run, tooBig);
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "too-big",
      message: `the packet of ${packet.length} bytes is larger than the MTU ${tooBig} of ${nexthop?.dev ?? "the route"} and may not be fragmented`,
      device: nexthop?.dev ?? "lo",
      rule: routeRule(route, nexthop),
      origin: nexthop && netns.devices.get(nexthop.dev)?.origin,
      errno: { name: "EMSGSIZE", mtu: tooBig },
    });
  }
  if (run.steps.length === 0) step(run, netns, nexthop?.dev ?? "lo", null, "send", `${netns.id} sends to ${formatIp(packet.dst)}`, packet);
  const tracking = track(connectionsOf(run, netns), packet);
  const before = packet;
  const output = hook(run, netns, "OUTPUT", packet, tracking, { out: nexthop?.dev });
  if (output.end) return output.end;
  packet = output.packet;
  if (packet.dst !== before.dst || packet.mark !== before.mark) {
    // ip_route_me_harder: a changed destination or mark is routed again.
    const again = lookup(netns, localsOf(run, netns), { dst: packet.dst, src: packet.src, mark: packet.mark });
    const no = refusedByRoute(run, netns, packet, again, undefined);
    if (no) return no;
    if (!again) throw new Error("unreachable");
    route = again;
    nexthop = pickNexthop(run, route);
  }
  return output_(run, netns, packet, route, nexthop, tracking, undefined);
}

/** The ends that a look-up itself makes, for own (`ingress` undefined) and forwarded packets. */
function refusedByRoute(run: Run, netns: Netns, packet: Packet, found: Found | undefined, ingress: Device | undefined): End | undefined {
  const device = ingress?.name ?? "lo";
  const dst = formatIp(packet.dst);
  if (!found) {
    return fail(run, netns, packet, {
      verdict: "unreachable",
      code: "no-route",
      message: `${netns.id} has no route to ${dst}`,
      device,
      origin: netns.origin,
      ...(ingress ? { icmp: { kind: "net-unreachable" } } : { errno: { name: "ENETUNREACH" } }),
    });
  }
  const rule = routeRule(found, undefined);
  switch (found.route.type) {
    case "unicast":
    case "local":
      return undefined;
    case "unreachable":
      return fail(run, netns, packet, { verdict: "unreachable", code: "unreachable-route", message: `${netns.id} declares ${dst} unreachable`, device, rule, ...(ingress ? { icmp: { kind: "host-unreachable" } } : { errno: { name: "EHOSTUNREACH" } }) });
    case "prohibit":
      return fail(run, netns, packet, { verdict: "unreachable", code: "prohibit-route", message: `${netns.id} prohibits ${dst}`, device, rule, ...(ingress ? { icmp: { kind: "admin-prohibited" } } : { errno: { name: "EACCES" } }) });
    case "blackhole":
      return fail(run, netns, packet, { verdict: "dropped", code: "blackhole-route", message: `${netns.id} discards what goes to ${dst}`, device, rule, ...(ingress ? {} : { errno: { name: "EINVAL" } }) });
    case "broadcast":
      return fail(run, netns, packet, { verdict: "dropped", code: "broadcast", message: `${dst} is a broadcast address of ${netns.id}`, device, rule, ...(ingress ? {} : { errno: { name: "EACCES" } }) });
  }
}

/** The MTU that the packet exceeds, or undefined. */
function tooBigFor(run: Run, netns: Netns, packet: Packet, found: Found, nexthop: Nexthop | undefined): number | undefined {
  const device = nexthop && netns.devices.get(nexthop.dev);
  if (!device || found.route.type === "local") return undefined;
  const mtu = found.route.mtu ?? device.mtu;
  if (run.overhead === 0 || packet.df) limitMtu(run, mtu);
  return packet.length > mtu ? mtu : undefined;
}

/* ------------------------------------------------------------------ output */

/** ip_output: POSTROUTING, then the neighbour, then the device. */
function output_(run: Run, netns: Netns, packet: Packet, found: Found, nexthop: Nexthop | undefined, tracking: Tracking, ingress: Device | undefined): End {
  if (found.route.type === "local") return loopback(run, netns, packet, found, tracking);
  const device = nexthop && netns.devices.get(nexthop.dev);
  if (!nexthop || !device) {
    return fail(run, netns, packet, { verdict: "unreachable", code: "no-device", message: `the route to ${formatIp(packet.dst)} names no device of ${netns.id}`, device: nexthop?.dev ?? "lo", rule: routeRule(found, nexthop) });
  }
  const target = nexthop.via ?? packet.dst;
  const post = hook(run, netns, "POSTROUTING", packet, tracking, { out: device.name }, () => masqueradeSource(netns, device, target));
  if (post.end) return post.end;
  const sent = post.packet;
  const mtu = found.route.mtu ?? device.mtu;
  if (sent.length > mtu) step(run, netns, device.name, null, "fragment", `${sent.length} bytes are sent in fragments of at most ${mtu}`, sent);
  const neighbour = resolve(run, netns, device, target);
  if (neighbour.kind === "none") {
    return fail(run, netns, sent, {
      verdict: "unreachable",
      code: "neighbour-failed",
      message: neighbour.message,
      device: device.name,
      rule: routeRule(found, nexthop),
      ...(ingress ? { icmp: { kind: "host-unreachable" } } : { errno: { name: "EHOSTUNREACH" } }),
    });
  }
  return transmit(run, netns, device, sent, neighbour, routeRule(found, nexthop), describeRoute(packet, found, nexthop));
}

function describeRoute(packet: Packet, found: Found, nexthop: Nexthop): string {
  const to = nexthop.via === undefined ? "directly" : `by way of ${formatIp(nexthop.via)}`;
  const leak = found.route.dst.len === 0 ? " (default route)" : "";
  return `to ${formatIp(packet.dst)} ${to}, out of ${nexthop.dev}${leak}`;
}

/** inet_select_addr(out, nexthop): what MASQUERADE takes. */
function masqueradeSource(netns: Netns, device: Device, towards: Ip): Ip | undefined {
  const own = addressTowards(device, towards);
  if (own !== undefined) return own;
  for (const other of netns.devices.values()) {
    if (other.name === "lo") continue;
    const any = addressTowards(other, towards);
    if (any !== undefined) return any;
  }
  return undefined;
}

function loopback(run: Run, netns: Netns, packet: Packet, found: Found, tracking: Tracking): End {
  const lo = netns.devices.get("lo");
  const name = lo?.name ?? "lo";
  const post = hook(run, netns, "POSTROUTING", packet, tracking, { out: name });
  if (post.end) return post.end;
  if (lo) limitMtu(run, lo.mtu);
  step(run, netns, name, "out", "route", `${formatIp(packet.dst)} is an address of ${netns.id} itself`, post.packet, routeRule(found, undefined));
  step(run, netns, name, "in", "receive", `back in by ${name}`, post.packet);
  // The packet keeps its conntrack entry over lo (nf_conntrack_in: "previously seen"); its NAT was done on the way out.
  const pre = hook(run, netns, "PREROUTING", post.packet, { ...tracking, connection: undefined }, { in: name });
  if (pre.end) return pre.end;
  return deliver(run, netns, pre.packet, lo ?? found.route.nexthops.map((hop) => netns.devices.get(hop.dev))[0], tracking);
}

/* -------------------------------------------------------------- neighbours */

type Neighbour =
  | { readonly kind: "none"; readonly message: string }
  /** The device needs none: tun, ipip. */
  | { readonly kind: "unneeded" }
  | { readonly kind: "station"; readonly end: LinkEnd }
  /** The other end of a veth pair, where it is no bridge port. */
  | { readonly kind: "peer" }
  /** Behind a bridge: its own host, or a port. */
  | { readonly kind: "bridge-host" }
  | { readonly kind: "bridge-port"; readonly port: string }
  | { readonly kind: "permanent"; readonly mac: string; readonly rule: StepRule };

/** neigh_resolve_output: who has `ip` at the other side of the device. */
function resolve(run: Run, netns: Netns, device: Device, ip: Ip): Neighbour {
  const ask = typeof ip === "number" ? "ARP" : "neighbour discovery";
  const silence = (where: string): Neighbour => ({ kind: "none", message: `nobody answers ${ask} for ${formatIp(ip)} on ${where}` });
  if (device.kind === "ipip" || device.kind === "tun" || device.kind === "loopback") return { kind: "unneeded" };
  const permanent = netns.neighbours.lookup(device.name, ip);
  switch (device.kind) {
    case "vxlan":
      if (!permanent) return silence(`${device.name}: no neighbour entry, and the tunnel has no default destination to ask`);
      return {
        kind: "permanent",
        mac: permanent.mac,
        rule: { table: "neigh", text: `${formatIp(ip)} dev ${device.name} lladdr ${permanent.mac} PERMANENT`, origin: permanent.origin },
      };
    case "physical": {
      const end = run.network.resolve(device.segment, ip, netns.id);
      return end ? { kind: "station", end } : silence(`segment ${device.segment}`);
    }
    case "bridge": {
      const neighbour = device.portFor(ip);
      return neighbour ? { kind: "bridge-port", port: neighbour.port } : silence(`bridge ${device.name} of ${netns.id}`);
    }
    case "veth":
      return resolveAcross(run, netns, device, ip, silence);
  }
}

function resolveAcross(run: Run, netns: Netns, device: Device & { kind: "veth" }, ip: Ip, silence: (where: string) => Neighbour): Neighbour {
  const peer = run.network.netns(device.peer.netns);
  const end = peer?.devices.get(device.peer.device);
  if (!peer || !end) return silence(device.name);
  if (end.master === undefined) {
    if (isOwn(run, peer, ip)) return { kind: "peer" };
    if (peer.sysctls.proxyArp(end.name)) {
      // arp_process: proxy only for what is routed out of another device.
      const found = lookup(peer, localsOf(run, peer), { dst: ip, iif: end.name });
      if (found && found.nexthops.length > 0 && found.nexthops.every((hop) => hop.dev !== end.name)) return { kind: "peer" };
    }
    return silence(`the link of ${netns.id} to ${peer.id}`);
  }
  const bridge = peer.devices.get(end.master);
  if (isOwn(run, peer, ip)) return { kind: "bridge-host" };
  const neighbour = bridge?.kind === "bridge" ? bridge.portFor(ip) : undefined;
  if (!neighbour || (neighbour.port === end.name && !end.hairpin)) return silence(`bridge ${end.master} of ${peer.id}`);
  return { kind: "bridge-port", port: neighbour.port };
}

/* ---------------------------------------------------------------- transmit */

/** dev_queue_xmit: the frame leaves by a device; `to` says for whom it is. */
function transmit(run: Run, netns: Netns, device: Device, packet: Packet, to: Neighbour, rule: StepRule, text: string): End {
  if (run.budget <= 0) return fail(run, netns, packet, { verdict: "looped", code: "step-limit", message: "gave up after too many steps", device: device.name });
  step(run, netns, device.name, "out", "route", text, packet, rule);
  switch (device.kind) {
    case "physical": {
      if (to.kind !== "station") throw new Error(`no station on ${device.name}`);
      const segment = run.network.segment(device.segment);
      if (segment) {
        const size = Math.min(packet.length, device.mtu);
        if (run.overhead === 0 || segment.mtu < device.mtu) limitMtu(run, segment.mtu);
        if (size > segment.mtu) {
          return fail(run, netns, packet, {
            verdict: "dropped",
            code: "segment-mtu",
            message: `segment ${segment.name} carries packets of at most ${segment.mtu} bytes; this one of ${size} is lost on the wire`,
            device: device.name,
            origin: segment.origin,
          });
        }
      }
      return receive(run, to.end.netns, to.end.device, packet, to);
    }
    case "veth":
      return receive(run, device.peer.netns, device.peer.device, packet, to);
    case "bridge": {
      if (to.kind !== "bridge-port") throw new Error(`no port of ${device.name}`);
      return bridgeOut(run, netns, to.port, packet, device);
    }
    case "vxlan":
      if (to.kind !== "permanent") throw new Error(`no neighbour on ${device.name}`);
      return encapsulateVxlan(run, netns, device, packet, to);
    case "ipip":
      return encapsulateIpip(run, netns, device, packet, rule);
    case "tun":
      return encapsulateTun(run, netns, device, packet);
    case "loopback":
      throw new Error("lo transmits by loopback()");
  }
}

/** br_forward: a frame leaves the bridge by a port. */
function bridgeOut(run: Run, netns: Netns, portName: string, packet: Packet, bridge: Device): End {
  const port = netns.devices.get(portName);
  if (port?.kind !== "veth") return fail(run, netns, packet, { verdict: "dropped", code: "no-device", message: `${bridge.name} has no port ${portName}`, device: bridge.name });
  if (packet.length > port.mtu + VLAN_ROOM) {
    return fail(run, netns, packet, { verdict: "dropped", code: "too-big", message: `the frame is larger than the MTU ${port.mtu} of port ${portName}; a bridge drops it without a word`, device: portName, origin: port.origin });
  }
  step(run, netns, portName, "out", "bridge", `${bridge.name} hands the frame to ${port.peer.netns}`, packet, {
    table: "fdb",
    text: `dev ${portName} master ${bridge.name}`,
    origin: port.origin,
  });
  return receive(run, port.peer.netns, port.peer.device, packet, { kind: "peer" });
}

/* ----------------------------------------------------------------- tunnels */

/** vxlan_xmit_one: inner frame → UDP; the outer packet is the node's own. */
function encapsulateVxlan(run: Run, netns: Netns, device: Device & { kind: "vxlan" }, packet: Packet, to: Neighbour & { kind: "permanent" }): End {
  const entry = device.fdb.lookup(to.mac);
  if (!entry) {
    return fail(run, netns, packet, { verdict: "dropped", code: "no-forwarding-entry", message: `${device.name} has no forwarding entry for ${to.mac}, and learning is off`, device: device.name, rule: to.rule });
  }
  const outer = typeof device.local === "number" ? 4 : 6;
  const overhead = encapsulationOverhead("vxlan", outer);
  const made: Omit<Packet, "src"> = {
    dst: entry.dst,
    ttl: 64,
    // IFLA_VXLAN_DF defaults to unset: the outer packet may be fragmented.
    df: false,
    length: packet.length + overhead,
    mark: packet.mark,
    body: { kind: "udp", sport: flowSourcePort(packet), dport: device.port, carries: { kind: "vxlan", vni: device.vni, inner: packet, src: device.mac ?? "", dst: to.mac } },
  };
  step(run, netns, device.name, null, "encapsulate", `in VXLAN ${device.vni} to ${formatIp(entry.dst)}, UDP port ${device.port}, ${overhead} bytes more`, { ...made, src: device.local }, {
    table: "fdb",
    text: `${entry.mac} dev ${device.name} dst ${formatIp(entry.dst)} self permanent`,
    why: `neighbour ${to.rule.text}`,
    origin: entry.origin,
  });
  const egress = lookup(netns, localsOf(run, netns), { dst: entry.dst, src: device.local, oif: device.lower });
  if (egress?.nexthops.some((hop) => hop.dev === device.name)) return tunnelLoop(run, netns, device, packet);
  run.overhead += overhead;
  return originate(run, netns, made, device.local, device.lower);
}

/** ip_tunnel_xmit. The outer DF bit is the inner one (net/ipv4/ip_tunnel.c); without a far end the nexthop is it. */
function encapsulateIpip(run: Run, netns: Netns, device: Device & { kind: "ipip" }, packet: Packet, rule: StepRule): End {
  const found = lookup(netns, localsOf(run, netns), { dst: packet.dst, src: packet.src });
  const nexthop = found?.nexthops.find((hop) => hop.dev === device.name);
  const remote = device.remote ?? nexthop?.via ?? packet.dst;
  const overhead = encapsulationOverhead("ipip", 4);
  const made: Omit<Packet, "src"> = { dst: remote, ttl: 64, df: packet.df, length: packet.length + overhead, mark: packet.mark, body: { kind: "ipip", inner: packet } };
  step(run, netns, device.name, null, "encapsulate", `in IP (protocol 4) to ${formatIp(remote)}, ${overhead} bytes more`, { ...made, src: device.local ?? packet.src }, rule);
  const egress = lookup(netns, localsOf(run, netns), { dst: remote, src: device.local, oif: device.lower });
  if (egress?.nexthops.some((hop) => hop.dev === device.name)) return tunnelLoop(run, netns, device, packet);
  run.overhead += overhead;
  return originate(run, netns, made, device.local, device.lower);
}

function encapsulateTun(run: Run, netns: Netns, device: Device & { kind: "tun" }, packet: Packet): End {
  const { daemon } = device;
  const peer = daemon.lookup(packet.dst);
  if (!peer) {
    return fail(run, netns, packet, {
      verdict: "unreachable",
      code: "no-tunnel-peer",
      message: `${daemon.process} knows no peer for ${formatIp(packet.dst)}`,
      device: device.name,
      origin: device.origin,
      // The daemon writes its own ICMP into the TUN device, and none about ICMP.
      ...(packet.body.kind === "icmp" ? {} : { icmp: { kind: "net-unreachable", tun: device } }),
    });
  }
  const inner = daemonTtl(daemon.decrementsTtl, packet);
  if (!inner) return fail(run, netns, packet, { verdict: "looped", code: "ttl-exceeded", message: `${daemon.process} discards the packet: its TTL is used up`, device: device.name });
  const overhead = encapsulationOverhead("ip-in-udp", typeof daemon.local === "number" ? 4 : 6);
  const made: Omit<Packet, "src"> = {
    dst: peer.peer,
    ttl: 64,
    // An ordinary socket (IP_PMTUDISC_WANT): DF set while the packet fits.
    df: false,
    length: inner.length + overhead,
    mark: 0,
    body: { kind: "udp", sport: daemon.port, dport: daemon.port, carries: { kind: "ip", inner } },
  };
  step(run, netns, device.name, null, "encapsulate", `${daemon.process} sends it over UDP port ${daemon.port} to ${formatIp(peer.peer)}, ${overhead} bytes more`, { ...made, src: daemon.local }, {
    table: daemon.process,
    text: peer.text,
    origin: peer.origin,
  });
  run.overhead += overhead;
  const found = lookup(netns, localsOf(run, netns), { dst: peer.peer, src: daemon.local });
  const egress = found?.nexthops[0] && netns.devices.get(found.nexthops[0].dev);
  const fits = egress === undefined || made.length <= (found?.route.mtu ?? egress.mtu);
  return originate(run, netns, { ...made, df: fits }, daemon.local);
}

function daemonTtl(decrements: boolean, packet: Packet): Packet | undefined {
  if (!decrements) return packet;
  return packet.ttl <= 1 ? undefined : { ...packet, ttl: packet.ttl - 1 };
}

function tunnelLoop(run: Run, netns: Netns, device: Device, packet: Packet): End {
  return fail(run, netns, packet, { verdict: "looped", code: "tunnel-loop", message: `the tunnel's far end is routed into ${device.name} itself`, device: device.name, origin: device.origin });
}

/* ----------------------------------------------------------------- receive */

/** netif_receive_skb: a frame comes in by a device. */
function receive(run: Run, id: NetnsId, deviceName: string, packet: Packet, to: Neighbour): End {
  const netns = run.network.netns(id);
  const device = netns?.devices.get(deviceName);
  if (!netns || !device) throw new Error(`no device ${deviceName} in ${id}`);
  if (device.kind === "veth" && packet.length > device.mtu + VLAN_ROOM) {
    // __dev_forward_skb: a veth end takes no frame that is larger than its own MTU allows.
    return fail(run, netns, packet, { verdict: "dropped", code: "too-big", message: `${deviceName} of ${id} has MTU ${device.mtu} and drops a frame of ${packet.length} bytes without a word`, device: deviceName, origin: device.origin });
  }
  if (device.kind === "veth" && run.overhead === 0) limitMtu(run, device.mtu);
  step(run, netns, deviceName, "in", "receive", `${id} receives it on ${deviceName}`, packet);
  if (device.master !== undefined) return bridgeIn(run, netns, device, packet, to);
  return receiveIp(run, netns, device, packet, false);
}

/** br_handle_frame: up to the host of the bridge, or on to another port. */
function bridgeIn(run: Run, netns: Netns, port: Device, arrived: Packet, to: Neighbour): End {
  const bridge = port.master === undefined ? undefined : netns.devices.get(port.master);
  if (bridge?.kind !== "bridge") return fail(run, netns, arrived, { verdict: "dropped", code: "no-device", message: `${port.name} belongs to no bridge`, device: port.name });
  const calls = familyOf(arrived) === 4 ? netns.sysctls.bridgeNfCallIptables : netns.sysctls.bridgeNfCallIp6tables;
  let packet = arrived;
  let target = to;
  let tracking: Tracking | undefined;
  if (calls) {
    // br_nf_pre_routing: the IP layer's PREROUTING runs on the port, before the frame is handed up.
    tracking = track(connectionsOf(run, netns), packet);
    const pre = hook(run, netns, "PREROUTING", packet, tracking, { in: bridge.name });
    if (pre.end) return pre.end;
    if (pre.packet.dst !== packet.dst) {
      // br_nf_pre_routing_finish: a translated destination behind the same bridge is bridged on, any other goes up.
      const found = lookup(netns, localsOf(run, netns), { dst: pre.packet.dst, src: pre.packet.src, iif: bridge.name });
      const behind = found?.route.type === "unicast" && found.nexthops.some((hop) => hop.dev === bridge.name) ? bridge.portFor(pre.packet.dst) : undefined;
      target = behind ? { kind: "bridge-port", port: behind.port } : { kind: "bridge-host" };
    }
    packet = pre.packet;
  }
  if (target.kind !== "bridge-port") {
    step(run, netns, bridge.name, "in", "receive", `the frame is for ${bridge.name} itself`, packet);
    return receiveIp(run, netns, bridge, packet, calls, tracking);
  }
  if (target.port === port.name && !port.hairpin) {
    return fail(run, netns, packet, { verdict: "dropped", code: "hairpin-off", message: `${bridge.name} does not send a frame back by the port by which it came (hairpin mode is off)`, device: port.name, origin: port.origin });
  }
  if (tracking) {
    const forward = hook(run, netns, "FORWARD", packet, tracking, { in: bridge.name, out: bridge.name });
    if (forward.end) return forward.end;
    const destination = forward.packet.dst;
    const post = hook(run, netns, "POSTROUTING", forward.packet, tracking, { out: bridge.name }, () => masqueradeSource(netns, bridge, destination));
    if (post.end) return post.end;
    packet = post.packet;
    if (target !== to) step(run, netns, bridge.name, "out", "bridge", `bridged on to its new destination`, packet);
  }
  return bridgeOut(run, netns, target.port, packet, bridge);
}

/** ip_rcv: PREROUTING, the routing decision, then in or on. */
function receiveIp(run: Run, netns: Netns, device: Device, arrived: Packet, prerouted: boolean, known?: Tracking): End {
  const tracking = known ?? track(connectionsOf(run, netns), arrived);
  let packet = arrived;
  if (!prerouted) {
    const pre = hook(run, netns, "PREROUTING", packet, tracking, { in: device.name });
    if (pre.end) return pre.end;
    packet = pre.packet;
  }
  const refused = validateSource(run, netns, device, packet);
  if (refused) return refused;
  const found = lookup(netns, localsOf(run, netns), { dst: packet.dst, src: packet.src, iif: device.name, mark: packet.mark });
  if (found?.route.type === "local") {
    // ip_route_input: 127.0.0.0/8 from outside is a martian.
    if (isLoopback(packet.dst) && device.kind !== "loopback") {
      return fail(run, netns, packet, { verdict: "dropped", code: "martian-source", message: `${formatIp(packet.dst)} came in by ${device.name}: a martian`, device: device.name });
    }
    return deliver(run, netns, packet, device, tracking);
  }
  const forwards = familyOf(packet) === 4 ? netns.sysctls.ipForward : netns.sysctls.ip6Forward;
  if (!forwards) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "forwarding-off",
      message: `${netns.id} does not forward packets (${familyOf(packet) === 4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding"} is 0) and discards what is not for it`,
      device: device.name,
      origin: netns.origin,
    });
  }
  const no = refusedByRoute(run, netns, packet, found, device);
  if (no) return no;
  if (!found) throw new Error("unreachable");
  return forward(run, netns, device, packet, found, tracking);
}

/** fib_validate_source: own addresses cannot come from outside; rp_filter asks where the source would be answered. */
function validateSource(run: Run, netns: Netns, device: Device, packet: Packet): End | undefined {
  if (device.kind === "loopback") return undefined;
  if (isOwn(run, netns, packet.src)) {
    return fail(run, netns, packet, { verdict: "dropped", code: "martian-source", message: `${netns.id} discards a packet from ${formatIp(packet.src)}, which is its own address`, device: device.name, origin: device.origin });
  }
  const mode = familyOf(packet) === 4 ? netns.sysctls.rpFilter(device.name) : 0;
  if (mode === 0) return undefined;
  const back = lookup(netns, localsOf(run, netns), { dst: packet.src, mark: packet.mark });
  const usable = back && (back.route.type === "unicast" || back.route.type === "local");
  if (usable && (mode === 2 || back.nexthops.some((hop) => hop.dev === device.name))) return undefined;
  const elsewhere = usable ? `answers to ${formatIp(packet.src)} leave by ${back.nexthops.map((hop) => hop.dev).join(", ")}, not by ${device.name}` : `there is no route back to ${formatIp(packet.src)}`;
  return fail(run, netns, packet, {
    verdict: "dropped",
    code: "reverse-path-filter",
    message: `rp_filter=${mode} on ${device.name} of ${netns.id}: ${elsewhere}`,
    device: device.name,
    rule: { table: "sysctl", text: `net.ipv4.conf.${device.name}.rp_filter = ${mode}`, origin: netns.origin },
  });
}

/** ip_forward: TTL, MTU, FORWARD. */
function forward(run: Run, netns: Netns, device: Device, arrived: Packet, found: Found, tracking: Tracking): End {
  if (arrived.ttl <= 1) {
    return fail(run, netns, arrived, { verdict: "looped", code: "ttl-exceeded", message: `the TTL is used up at ${netns.id}`, device: device.name, icmp: { kind: "ttl-exceeded" } });
  }
  const nexthop = pickNexthop(run, found);
  const mtu = tooBigFor(run, netns, arrived, found, nexthop);
  if (mtu !== undefined && (arrived.df || familyOf(arrived) === 6)) {
    const egress = nexthop && netns.devices.get(nexthop.dev);
    return fail(run, netns, arrived, {
      verdict: "dropped",
      code: "too-big",
      message: `the packet of ${arrived.length} bytes is larger than the MTU ${mtu} of ${nexthop?.dev ?? "the route"} at ${netns.id} and may not be fragmented`,
      device: device.name,
      rule: routeRule(found, nexthop),
      origin: egress?.origin,
      icmp: { kind: "packet-too-big", mtu },
    });
  }
  const lowered: Packet = { ...arrived, ttl: arrived.ttl - 1 };
  const passed = hook(run, netns, "FORWARD", lowered, tracking, { in: device.name, out: nexthop?.dev });
  if (passed.end) return passed.end;
  return output_(run, netns, passed.packet, found, nexthop, tracking, device);
}

/* ----------------------------------------------------------------- deliver */

/** ip_local_deliver: INPUT, then the protocol. */
function deliver(run: Run, netns: Netns, arrived: Packet, device: Device | undefined, tracking: Tracking): End {
  const name = device?.name ?? "lo";
  const input = hook(run, netns, "INPUT", arrived, tracking, { in: name });
  if (input.end) return input.end;
  const packet = input.packet;
  const inner = innerOf(packet);
  if (inner) return decapsulate(run, netns, packet, inner, name);
  if (run.waiting) return deliverAnswer(run, netns, packet, name, run.waiting);
  const body = packet.body;
  switch (body.kind) {
    case "icmp":
      if (body.message.kind === "echo-request") return delivered(run, netns, packet, name, "the kernel answers the ping", undefined, undefined);
      return fail(run, netns, packet, { verdict: "dropped", code: "protocol-unknown", message: "an ICMP message that nobody waits for", device: name });
    case "tcp":
    case "udp":
    case "sctp": {
      const socket = netns.sockets.find((one) => one.proto === body.kind && one.port === body.dport && (one.address === undefined || one.address === packet.dst));
      if (socket) return delivered(run, netns, packet, name, `${socket.process} listens on ${body.dport}/${body.kind}`, socket.process, socket.origin);
      return fail(run, netns, packet, {
        verdict: "rejected",
        code: "closed-port",
        message: `nobody listens on ${body.dport}/${body.kind} in ${netns.id}`,
        device: name,
        origin: netns.origin,
        ...(body.kind === "udp" ? { icmp: { kind: "port-unreachable", toLocal: true } } : {}),
      });
    }
    case "ipip":
      throw new Error("handled by decapsulate");
  }
}

function delivered(run: Run, netns: Netns, packet: Packet, device: string, text: string, process: string | undefined, origin: Source | undefined): End {
  step(run, netns, device, null, "deliver", text, packet, { table: "socket", text: `local ${formatIp(packet.dst)}`, origin });
  return { verdict: "delivered", netns, packet, reason: undefined, process };
}

/** The socket that sent the request takes only what comes from where it sent to. */
function deliverAnswer(run: Run, netns: Netns, packet: Packet, device: string, waiting: { netns: NetnsId; packet: Packet }): End {
  const sent = waiting.packet;
  const error = icmpErrorOf(packet);
  const quoted = error?.about;
  const mine = quoted
    ? netns.id === waiting.netns && quoted.src === sent.src && quoted.dst === sent.dst && samePorts(quoted, sent, false)
    : netns.id === waiting.netns && packet.dst === sent.src && packet.src === sent.dst && samePorts(packet, sent, true);
  if (mine) return delivered(run, netns, packet, device, error ? "the sender learns of it" : "the sender has its answer", undefined, undefined);
  return fail(run, netns, packet, {
    verdict: "rejected",
    code: "unexpected-reply",
    message:
      netns.id === waiting.netns
        ? `the answer comes from ${formatIp(packet.src)}, the request went to ${formatIp(sent.dst)}: no socket takes it`
        : `the answer ends at ${netns.id}, which did not ask`,
    device,
    origin: netns.origin,
  });
}

function samePorts(packet: Packet, sent: Packet, swapped: boolean): boolean {
  const a = packet.body;
  const b = sent.body;
  if (a.kind === "icmp" && b.kind === "icmp") return "id" in a.message && "id" in b.message && a.message.id === b.message.id;
  if ((a.kind === "tcp" || a.kind === "udp" || a.kind === "sctp") && a.kind === b.kind) {
    return swapped ? a.sport === b.dport && a.dport === b.sport : a.sport === b.sport && a.dport === b.dport;
  }
  return false;
}

/** The receiving end of a tunnel: vxlan_rcv, tunnel4_rcv, the daemon behind a TUN device. */
function decapsulate(run: Run, netns: Netns, packet: Packet, inner: Packet, ingress: string): End {
  const body = packet.body;
  if (body.kind === "ipip") {
    const device = [...netns.devices.values()].find((one) => one.kind === "ipip" && (one.local === undefined || one.local === packet.dst) && (one.remote === undefined || one.remote === packet.src));
    if (!device) {
      return fail(run, netns, packet, { verdict: "dropped", code: "tunnel-port-closed", message: `${netns.id} has no IPIP tunnel that takes packets of protocol 4`, device: ingress, origin: netns.origin });
    }
    return unwrapped(run, netns, device, packet, inner, encapsulationOverhead("ipip", 4));
  }
  if (body.kind !== "udp" || !body.carries) throw new Error("not a tunnel packet");
  const carries = body.carries;
  if (carries.kind === "ip") {
    const device = [...netns.devices.values()].find((one) => one.kind === "tun" && one.daemon.port === body.dport);
    if (device?.kind !== "tun") return closedTunnel(run, netns, packet, body.dport, ingress);
    const lowered = daemonTtl(device.daemon.decrementsTtl, inner);
    if (!lowered) return fail(run, netns, packet, { verdict: "looped", code: "ttl-exceeded", message: `${device.daemon.process} discards the packet: its TTL is used up`, device: device.name });
    return unwrapped(run, netns, device, packet, lowered, encapsulationOverhead("ip-in-udp", familyOf(packet)));
  }
  const listening = [...netns.devices.values()].filter((one) => one.kind === "vxlan" && one.port === body.dport && typeof one.local === typeof packet.dst);
  if (listening.length === 0) return closedTunnel(run, netns, packet, body.dport, ingress);
  const device = listening.find((one) => one.kind === "vxlan" && one.vni === carries.vni);
  if (!device) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "tunnel-vni-unknown",
      message: `${netns.id} has no VXLAN device with VNI ${carries.vni} on port ${body.dport} (it has ${listening.map((one) => (one.kind === "vxlan" ? one.vni : 0)).join(", ")})`,
      device: ingress,
      origin: listening[0]?.origin,
    });
  }
  if (device.mac !== undefined && carries.dst !== device.mac) {
    return fail(run, netns, packet, { verdict: "dropped", code: "wrong-mac", message: `the inner frame is for ${carries.dst}, ${device.name} of ${netns.id} is ${device.mac}`, device: device.name, origin: device.origin });
  }
  return unwrapped(run, netns, device, packet, inner, encapsulationOverhead("vxlan", familyOf(packet)));
}

function closedTunnel(run: Run, netns: Netns, packet: Packet, port: number, ingress: string): End {
  return fail(run, netns, packet, {
    verdict: "dropped",
    code: "tunnel-port-closed",
    message: `no tunnel of ${netns.id} listens on UDP port ${port}; the node that sent it gets a port-unreachable, the pod hears nothing`,
    device: ingress,
    origin: netns.origin,
  });
}

function unwrapped(run: Run, netns: Netns, device: Device, outer: Packet, inner: Packet, overhead: number): End {
  step(run, netns, device.name, null, "decapsulate", `${device.name} takes the packet out of its envelope from ${formatIp(outer.src)}`, outer);
  run.overhead = Math.max(0, run.overhead - overhead);
  const fresh: Packet = { ...inner, mark: 0 };
  step(run, netns, device.name, "in", "receive", `${netns.id} receives it on ${device.name}`, fresh);
  return receiveIp(run, netns, device, fresh, false);
}
