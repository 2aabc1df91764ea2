/** A netfilter hook on a host: runs the chains and records the decisions of rules as steps. */
import { formatIp, type Ip } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Connection, Tracking } from "../conntrack.ts";
import { localAddressesOf, lookup } from "../fib.ts";
import type { StepRule } from "../journey.ts";
import { matchOf } from "../match.ts";
import type { Explanation, Netns, NfHook, NfRule, RejectWith } from "../model.ts";
import { type Decision, runHook } from "../netfilter.ts";
import { familyOf, type IcmpErrorKind, type Packet } from "../packet.ts";
import type { HookContext } from "../seen.ts";
import { choose, connectionsOf, type End, endOf, fail, type Host, isOwn, machine, sendErrno, step } from "./run.ts";

/** The devices of a packet at a netfilter hook. */
export interface HookDevices {
  readonly in?: string | undefined;
  readonly out?: string | undefined;
  /** The packet was generated locally. */
  readonly own?: boolean;
  /** Only the base chains with a priority in this range, `before` excluded. */
  readonly from?: number;
  readonly before?: number;
  /** The source address that MASQUERADE uses; absent: none. */
  readonly masqueradeAs?: () => Ip | undefined;
}

/** A decision of a rule at a hook of a host, with the packet that the rule saw. */
interface Decided {
  readonly decision: Decision;
  readonly packet: Packet;
  readonly hook: NfHook;
  readonly dev: HookDevices;
}

/** Runs a hook and records its decisions as steps. If `end` is undefined, the walk continues with `packet`. */
export function hook(
  host: Host,
  name: NfHook,
  packet: Packet,
  tracking: Tracking,
  dev: HookDevices,
): { packet: Packet; end: End | undefined; tracking: Tracking } {
  const result = runHook(host.netns.netfilter, name, packet, tracking, contextOf(host, dev));
  let end: End | undefined;
  for (const { decision, packet: seen } of result.decisions)
    end = record(host, { decision, packet: seen, hook: name, dev }) ?? end;
  const isLast = name === "POSTROUTING" || (name === "INPUT" && dev.before === undefined);
  if (isLast && !end && result.tracking.connection) result.tracking.connection.confirmed = true;
  if (result.tracking !== tracking && result.tracking.connection === undefined) forget(connectionsOf(host), tracking);
  return { packet: result.packet, end, tracking: result.tracking };
}

function contextOf(host: Host, dev: HookDevices): HookContext {
  const { run, netns } = host;
  return {
    in: dev.in,
    out: dev.out,
    from: dev.from,
    before: dev.before,
    isLocal: (ip) => isOwn(netns, ip),
    isOf: (ip, device) => netns.devices.get(device)?.addresses.some((own) => own.ip === ip) === true,
    reversePath: (one, device) => leavesBy(netns, one, device),
    pathMtu: (packet) => pathMtu(netns, packet, dev.in),
    masqueradeAs: dev.masqueradeAs ?? (() => undefined),
    redirectTo: (one) => redirectAddress(netns, one, dev),
    chance: (probability) => choose(run, 2, (i) => (i === 0 ? probability : 1 - probability)) === 0,
    connections: connectionsOf(host),
  };
}

/** nf_nat_redirect: the first address of the ingress device, or the loopback address for a packet of this machine. */
function redirectAddress({ devices }: Netns, packet: Packet, dev: HookDevices): Ip | undefined {
  const family = familyOf(packet);
  if (dev.own || dev.in === undefined) return family === 4 ? 0x7f000001 : 1n;
  return devices.get(dev.in)?.addresses.find(({ ip }) => (typeof ip === "number" ? 4 : 6) === family)?.ip;
}

/** The step of a decision; an end if the packet does not continue. */
function record(host: Host, decided: Decided): End | undefined {
  const { decision, packet, dev } = decided;
  const device = dev.out ?? dev.in ?? "lo";
  const rule: StepRule = {
    table: `${decision.table}/${decision.chain}`,
    text: decision.text,
    why: decision.rule && matchOf(decision.rule, "comment")?.text,
    origin: decision.explanation?.origin ?? decision.rule?.origin ?? decision.origin,
  };
  switch (decision.effect) {
    case "accept":
    case "return":
      step(host, { device, action: "filter", text: filterText(decision, rule.table), packet, rule });
      return undefined;
    case "dnat":
      step(host, { device, action: "dnat", text: dnatText(packet, decision), packet, rule });
      return undefined;
    case "snat":
      step(host, { device, action: "snat", text: t`source rewritten to ${formatIp(packet.src)} (SNAT)`, packet, rule });
      return undefined;
    case "drop":
    case "reject":
      return refused(host, decided, rule, device);
  }
}

function refused(host: Host, { decision, packet, hook: name, dev }: Decided, rule: StepRule, device: string): End {
  const { netns } = host;
  const where = rule.table;
  if (decision.effect === "drop")
    return fail(host, packet, {
      verdict: "dropped",
      code: "filtered",
      message: because(
        t`${machine(netns)} drops the packet (${decision.rule ? where : decision.text})`,
        decision.explanation,
      ),
      device,
      rule,
      // A packet that IPVS sends passes OUTPUT again, and its sender is not told (ip_vs_nat_send_or_cont, NF_STOLEN).
      ...((name === "OUTPUT" && !isOfIpvs(decision.rule)) || dev.own ? { errno: sendErrno(packet, "EPERM") } : {}),
    });
  return fail(host, packet, {
    verdict: "rejected",
    code: "rejected-by-rule",
    message: because(t`${machine(netns)} rejects the packet (${where})`, decision.explanation),
    device,
    rule,
    ...(decision.rejectWith === "tcp-reset" ? { reset: true } : {}),
    icmp: {
      kind: ICMP_ERRORS[decision.rejectWith ?? "icmp-port-unreachable"],
      // icmp_send: for locally addressed packets, the error is sent from the destination address.
      ...(name === "INPUT" || (name === "OUTPUT" && isOwn(netns, packet.dst)) ? { toLocal: true } : {}),
    },
    // In OUTPUT, the ICMP error reaches the sender through lo; the hook itself returns NF_DROP.
    ...(name === "OUTPUT" ? { errno: sendErrno(packet, "EPERM") } : {}),
  });
}

/** A TCP reset has no ICMP error; `reset` precedes it. */
const ICMP_ERRORS: Readonly<Record<RejectWith, IcmpErrorKind>> = {
  "icmp-port-unreachable": "port-unreachable",
  "icmp-admin-prohibited": "admin-prohibited",
  "icmp-host-prohibited": "host-prohibited",
  "icmp-host-unreachable": "host-unreachable",
  "icmp-net-unreachable": "net-unreachable",
  "tcp-reset": "port-unreachable",
};

function pathMtu(netns: Netns, { src, dst, mark }: Packet, iif: string | undefined): number {
  const locals = localAddressesOf(netns);
  const routes = [lookup(netns, locals, { dst, src, iif, mark }), lookup(netns, locals, { dst: src })];
  const mtus = routes.map((found) => found?.route.mtu ?? netns.devices.get(found?.nexthops[0]?.dev ?? "")?.mtu);
  return Math.min(...mtus.map((mtu) => mtu ?? Number.POSITIVE_INFINITY));
}

/** Removes a connection that was created for a packet before a rule of table raw disabled tracking. */
function forget(connections: Connection[], { connection }: Tracking): void {
  const index = connection === undefined ? -1 : connections.indexOf(connection);
  if (index >= 0) connections.splice(index, 1);
}

/** rpfilter_lookup_reverse (net/ipv4/netfilter/ipt_rpfilter.c): whether the route to the source uses the ingress device. */
function leavesBy(netns: Netns, { src, dst, mark }: Packet, device: string): boolean {
  const back = lookup(netns, localAddressesOf(netns), { dst: src, src: dst, mark });
  return back?.route.type === "unicast" && back.nexthops.some((hop) => hop.dev === device);
}

/** Whether the rule matches packets that IPVS sends. */
function isOfIpvs(rule: NfRule | undefined): boolean {
  return rule !== undefined && matchOf(rule, "ipvs") !== undefined;
}

/** With the path through nested chains, if there is one: "KUBE-SERVICES → KUBE-SVC-… → KUBE-SEP-…". */
function dnatText(packet: Packet, { chains }: Decision): string {
  const destination = endOf(packet);
  return chains.length > 2
    ? t`destination rewritten to ${destination} (DNAT: ${chains.join(" → ")})`
    : t`destination rewritten to ${destination} (DNAT)`;
}

function filterText({ effect, explanation }: Decision, where: string): string {
  if (explanation) return explanation.note;
  return effect === "accept" ? t`accepted by ${where}` : t`not modified by ${where}`;
}

function because(message: string, explanation: Explanation | undefined): string {
  return explanation === undefined ? message : `${message}: ${explanation.note}`;
}
