/**
 * The simulator: walks a packet and its reply through a network like Linux. It works on devices, tables, and rules, and does
 * not depend on CNI modes. Function names in comments are kernel functions.
 *
 * A run takes one branch at each fork (ECMP, for example); `simulate` repeats the run for all combinations.
 */
import type { Ip } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { isAnycast } from "../fib.ts";
import type { Journey, Question, SenderError } from "../journey.ts";
import type { Device, NetnsId, Network } from "../model.ts";
import { errnoOf, familyOf, icmpAbout, ipHeaderLength, type Packet } from "../packet.ts";
import { deliver } from "./deliver.ts";
import { destinationOf, refusedBySocket, ttlTo, unspecified } from "./destinations.ts";
import { balance } from "./ipvs.ts";
import { frameTo } from "./neighbours.ts";
import { atConnect } from "./programs.ts";
import { arrive, enter, receive } from "./receive.ts";
import { type End, type Host, isOwn, newRun, type Run, type Stack, step } from "./run.ts";
import { originate } from "./send.ts";
import { keyExchange } from "./session.ts";
import { transmit } from "./transmit.ts";

const STACK: Stack = { originate, receive, enter, arrive, transmit, balance, deliver };

/**
 * Maximum number of paths per packet, based on the recommended maximum of 250 endpoints per service (Kubernetes
 * sig-scalability). Further paths are omitted, and the probabilities then sum to less than 1.
 */
const MAX_PATHS = 256;
/** Paths beyond this total are omitted: a packet that two nodes could bounce between each other until its TTL expires (2⁻⁶⁰). */
const COVERED = 0.9999;

/** All possible paths of the packet, with replies. Never empty; the probabilities sum to 1 unless paths were omitted. */
export function simulate(network: Network, question: Question): readonly Journey[] {
  const walked: Walked[] = [];
  const pending: Branch[] = [{ script: [], likelihood: 1 }];
  let covered = 0;
  while (pending.length > 0 && walked.length < MAX_PATHS && covered < COVERED) {
    const script = takeLikeliest(pending);
    const run = newRun(STACK, network, script);
    const journey = request(run, question);
    covered += journey.probability;
    walked.push({ journey, choices: run.choices.map(({ taken }) => taken) });
    // New forks of this run: the remaining branches are walked in separate runs.
    for (let i = script.length; i < run.choices.length; i += 1) {
      const choice = run.choices[i];
      const taken = run.choices.slice(0, i).map((one) => one.taken);
      for (let branch = 1; branch < (choice?.of ?? 1); branch += 1)
        pending.push({ script: [...taken, branch], likelihood: choice?.likelihood(branch) ?? 0 });
    }
  }
  return walked.length === 1 ? walked.map(({ journey }) => journey) : inOrder(likeliest(walked));
}

/** Whether the IKE exchange between two tunnel endpoints succeeds; one of the addresses belongs to `id`. */
export function keysAgreed(
  network: Network,
  id: NetnsId,
  ends: { readonly src: Ip; readonly dst: Ip; readonly inUdp: boolean },
): boolean {
  const netns = network.netns(id);
  if (!netns) return false;
  const [own, peer] = isOwn(netns, ends.src) ? [ends.src, ends.dst] : [ends.dst, ends.src];
  return keyExchange({ run: newRun(STACK, network, []), netns }, own, peer, ends.inUdp) === undefined;
}

/** The choices that start a run: the last one is a branch that no run has taken yet. */
interface Branch {
  readonly script: readonly number[];
  readonly likelihood: number;
}
interface Walked {
  readonly journey: Journey;
  readonly choices: readonly number[];
}

/** Removes and returns the likeliest branch, the earliest among equals. */
function takeLikeliest(pending: Branch[]): readonly number[] {
  let best = 0;
  for (let i = 1; i < pending.length; i += 1)
    if ((pending[i]?.likelihood ?? 0) > (pending[best]?.likelihood ?? 0)) best = i;
  return pending.splice(best, 1)[0]?.script ?? [];
}

/** Without the paths beyond `COVERED`: the first run follows the first branches, even unlikely ones. */
function likeliest(walked: readonly Walked[]): readonly Walked[] {
  const sorted = [...walked].sort((a, b) => b.journey.probability - a.journey.probability);
  let sum = 0;
  const kept = sorted.findIndex(({ journey }) => {
    sum += journey.probability;
    return sum >= COVERED;
  });
  return kept < 0 ? sorted : sorted.slice(0, kept + 1);
}

/** In the order of the choices, like rules and next hops are listed. */
function inOrder(walked: readonly Walked[]): readonly Journey[] {
  const before = (a: readonly number[], b: readonly number[]): number => {
    const at = a.findIndex((taken, i) => taken !== b[i]);
    return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
  };
  return [...walked].sort((a, b) => before(a.choices, b.choices)).map(({ journey }) => journey);
}

function request(run: Run, asked: Question): Journey {
  const question = { ...asked, dst: destinationOf(asked.dst, asked.src, asked.proto) };
  const from = run.network.netns(question.from);
  if (!from) throw new Error(`no network namespace ${question.from}`);
  const packet = firstPacket(question);
  const end = connect({ run, netns: from }, packet, question.src);
  const steps = run.steps;
  const mtu = run.mtu;
  const sent = steps.find((step) => step.direction === "out" || step.action === "send")?.packet ?? {
    ...packet,
    src: question.src ?? question.dst,
  };
  const answer = answerTo(run, end, from.id, sent);
  const receiver =
    end.verdict === "delivered"
      ? { src: end.packet.src, sport: sourcePort(end.packet), process: end.process }
      : undefined;
  return {
    steps,
    verdict: end.verdict,
    reason: end.reason,
    error: answer.error,
    end: end.netns.id,
    receiver,
    mtu: Number.isFinite(mtu) ? mtu : 65535,
    probability: run.probability,
    race: run.race,
    reply: answer.reply,
  };
}

/** connect() or sendmsg() of the sender: its program can rewrite the destination. */
function connect(host: Host, made: Omit<Packet, "src">, src: Ip | undefined): End {
  const refused = refusedBySocket(host, { ...made, src: src ?? unspecified(made.dst) });
  if (refused) return refused;
  const program = host.netns.connect;
  if (!program) return originate(host, made, src);
  const { packet, end } = atConnect(host, program, { ...made, src: src ?? unspecified(made.dst) });
  // A program can also bind the socket to an address.
  return end ?? originate(host, packet, packet.src === unspecified(packet.dst) ? undefined : packet.src);
}

function firstPacket(question: Question): Omit<Packet, "src"> {
  const header = typeof question.dst === "number" ? 20 : 40;
  const length = question.size ?? (question.proto === "icmp" ? header + 64 : header + 40);
  const common = {
    dst: question.dst,
    ttl: question.ttl ?? ttlTo(question.dst, question.proto),
    // TCP and SCTP discover the path MTU and adapt their segments: DF is always set (ip_dont_fragment; SPP_PMTUD_ENABLE in sctp_v4_xmit).
    df: question.df || question.size === undefined || question.proto === "tcp" || question.proto === "sctp",
    length,
    mark: 0,
  };
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

/** The reply to a request: a response, a RST, an ICMP error, or nothing. */
function answerTo(
  run: Run,
  end: End,
  sender: NetnsId,
  sent: Packet,
): { error: SenderError | undefined; reply: Journey | undefined } {
  const local: SenderError | undefined = end.errno && { kind: "local", errno: end.errno.name, mtu: end.errno.mtu };
  if (local && !end.icmp) return { error: local, reply: undefined };
  const back = (packet: Omit<Packet, "src">, src: Ip | undefined, toAnycast = false): Journey => {
    run.steps = [];
    run.mtu = Number.POSITIVE_INFINITY;
    run.overhead = 0;
    run.waiting = { netns: sender, packet: sent, toAnycast };
    const at: Host = { run, netns: end.netns };
    const over = end.icmp?.port
      ? answerByPort(at, end.icmp.port, { ...packet, src: src ?? 0 })
      : end.icmp?.tun
        ? arrive(at, end.icmp.tun, { ...packet, src: src ?? 0 })
        : originate(at, packet, src);
    return {
      steps: run.steps,
      verdict: over.verdict,
      reason: over.reason,
      error: undefined,
      end: over.netns.id,
      receiver:
        over.verdict === "delivered"
          ? { src: over.packet.src, sport: sourcePort(over.packet), process: over.process }
          : undefined,
      mtu: Number.isFinite(run.mtu) ? run.mtu : 65535,
      probability: run.probability,
      race: run.race,
      reply: undefined,
    };
  };
  const { packet } = end;
  if (end.verdict === "delivered") {
    // icmpv6_echo_reply: an anycast address is not used as source (net.ipv6.anycast_src_echo_reply = 0).
    const ingress = run.steps.at(-1)?.device ?? "lo";
    const toAnycast = packet.body.kind === "icmp" && isAnycast(end.netns, packet.dst, ingress);
    return { error: undefined, reply: back(replyTo(packet), toAnycast ? undefined : packet.dst, toAnycast) };
  }
  // nf_send_reset (net/ipv4/netfilter/nf_reject_ipv4.c): like the reset of the closed port.
  if (end.reset || (end.reason?.code === "closed-port" && packet.body.kind !== "udp")) {
    const reply = back(end.reset ? { ...refusalOf(packet), attached: true } : refusalOf(packet), packet.dst);
    return { error: reply.verdict === "delivered" ? { kind: "rst", errno: "ECONNREFUSED" } : undefined, reply };
  }
  if (end.icmp) {
    const error = icmpAbout(packet, end.icmp.kind, end.icmp.mtu);
    if (!error) return { error: local, reply: undefined };
    const { tun, port, toLocal } = end.icmp;
    const src = tun ? tun.addresses[0]?.ip : toLocal || port ? packet.dst : undefined;
    const reply = back(tun ? { ...error, ttl: 8 } : port ? asBuiltByPort(error, packet) : error, src);
    // The error of sendmsg precedes the ICMP error.
    return { error: local ?? (reply.verdict === "delivered" ? errorSeen(end.icmp, packet, reply) : undefined), reply };
  }
  return { error: undefined, reply: undefined };
}

/** iptunnel_pmtud_build_icmp and iptunnel_pmtud_build_icmpv6 (net/ipv4/ip_tunnel_core.c) copy the TTL; only IPv4 has DF. */
function asBuiltByPort(error: Omit<Packet, "src">, packet: Packet): Omit<Packet, "src"> {
  return { ...error, ttl: packet.ttl, df: familyOf(packet) === 4 };
}

/** iptunnel_pmtud_build_icmp, vxlan_encap_bypass: the error arrives on the tunnel device and is bridged from there. */
function answerByPort(host: Host, port: Device, packet: Packet): End {
  const text = t`ICMP error received on ${port.name}`;
  step(host, { device: port.name, direction: "in", action: "receive", text, packet });
  return arrive(host, port, packet, { to: frameTo(host.netns, port, packet.dst) ?? { kind: "bridge-host" } });
}

/** The error that the sender's socket reports for the received ICMP error. */
function errorSeen(icmp: NonNullable<End["icmp"]>, packet: Packet, reply: Journey): SenderError | undefined {
  const errno = errnoOf(icmp.kind, packet);
  if (icmp.own) return errno === undefined ? undefined : { kind: "local", errno };
  const from = reply.receiver?.src;
  return from === undefined ? undefined : { kind: "icmp", error: icmp.kind, from, mtu: icmp.mtu, errno };
}

function replyTo(packet: Packet): Omit<Packet, "src"> {
  const common = { dst: packet.src, ttl: 64, df: packet.df, mark: 0 };
  const header = ipHeaderLength(familyOf(packet));
  const body = packet.body;
  switch (body.kind) {
    case "tcp":
      return {
        ...common,
        length: header + 40,
        body: { kind: "tcp", sport: body.dport, dport: body.sport, flags: "SYN,ACK" },
      };
    case "udp":
      return {
        ...common,
        length: packet.length,
        body: { kind: "udp", sport: body.dport, dport: body.sport, carries: undefined },
      };
    case "sctp":
      return {
        ...common,
        length: packet.length,
        body: { kind: "sctp", sport: body.dport, dport: body.sport, chunk: "INIT-ACK" },
      };
    case "icmp":
      // icmp_reply() builds a new header without DF.
      return {
        ...common,
        df: false,
        length: packet.length,
        body: { kind: "icmp", message: { kind: "echo-reply", id: "id" in body.message ? body.message.id : 0 } },
      };
    case "esp":
    case "ipip":
      throw new Error("a tunnel packet has no reply");
  }
}

/** tcp_v4_send_reset, sctp_sf_ootb: the reply to a segment for a closed port. Both set DF (observed on Linux 6.1 for SCTP). */
function refusalOf(packet: Packet): Omit<Packet, "src"> {
  const length = ipHeaderLength(familyOf(packet)) + 20;
  const common = { dst: packet.src, ttl: 64, df: true, length, mark: 0 };
  const body = packet.body;
  if (body.kind === "sctp")
    return { ...common, body: { kind: "sctp", sport: body.dport, dport: body.sport, chunk: "ABORT" } };
  if (body.kind === "tcp")
    return { ...common, body: { kind: "tcp", sport: body.dport, dport: body.sport, flags: "RST,ACK" } };
  throw new Error(`no reset for ${body.kind}`);
}

function sourcePort(packet: Packet): number | undefined {
  const body = packet.body;
  return body.kind === "tcp" || body.kind === "udp" || body.kind === "sctp" ? body.sport : undefined;
}
