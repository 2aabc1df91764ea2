/**
 * A run: one packet on one way, with everything that it meets on it: connection tracking, forks, the steps so far. And the
 * few operations that every part of the stack needs.
 */

import type { Ip } from "../../addressing/ip.ts";
import { formatIp } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import { type Found, localAddressesOf, lookup } from "../fib.ts";
import type { Reason, ReasonCode, Step, StepAction, StepRule, Verdict } from "../journey.ts";
import type { Device, Explanation, Netns, NetnsId, Network, Nexthop, NfHook } from "../model.ts";
import { type Connection, type Decision, type HookContext, runHook, type Tracking } from "../netfilter.ts";
import type { IcmpErrorKind, Packet } from "../packet.ts";
import { routeText } from "../text.ts";
import type { Neighbour } from "./neighbours.ts";

/** A TTL of 64 with tunnels makes some hundreds of steps; beyond this something is wrong with the model. */
const MAX_STEPS = 4000;

/**
 * The stack's entry points. The stack is recursive (a tunnel's outer packet is sent like any other); parts that stand below
 * call those above through this, so that files import one way only.
 */
export interface Stack {
  readonly originate: (run: Run, netns: Netns, made: Omit<Packet, "src">, src: Ip | undefined, oif?: string) => End;
  readonly receive: (run: Run, id: NetnsId, device: string, packet: Packet, to: Neighbour) => End;
  readonly bridgeIn: (run: Run, netns: Netns, port: Device, packet: Packet, to: Neighbour) => End;
  readonly receiveIp: (run: Run, netns: Netns, device: Device, packet: Packet, prerouted: boolean) => End;
  readonly balance: (
    run: Run,
    netns: Netns,
    packet: Packet,
    tracking: Tracking,
    ingress: Device | undefined,
  ) => End | undefined;
  readonly deliver: (run: Run, netns: Netns, packet: Packet, device: Device | undefined, tracking: Tracking) => End;
}

export interface Run {
  readonly stack: Stack;
  readonly network: Network;
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
  /** See Journey. */
  askedFirst: boolean;
  /** Key exchanges and questions for neighbours that were tried, with the reason why they failed. */
  readonly sessions: Map<string, { readonly failure: Reason | undefined }>;
  /** Where WireGuard's peers were heard from, and at which own address. */
  readonly roamed: Map<string, { readonly ip: Ip; readonly port: number; readonly own: Ip }>;
  /** Which of several next hops a host takes for a pair of addresses. */
  readonly hashed: Map<string, number>;
}

export function newRun(stack: Stack, network: Network, script: readonly number[]): Run {
  return {
    stack,
    network,
    connections: new Map(),
    script,
    choices: [],
    probability: 1,
    steps: [],
    mtu: Number.POSITIVE_INFINITY,
    overhead: 0,
    waiting: undefined,
    budget: MAX_STEPS,
    askedFirst: false,
    sessions: new Map(),
    roamed: new Map(),
    hashed: new Map(),
  };
}

/** How a walk ended. `icmp` is what the failing host tells the packet's source, `errno` what a local sender is told. */
export interface End {
  readonly verdict: Verdict;
  readonly netns: Netns;
  readonly packet: Packet;
  readonly reason: Reason | undefined;
  readonly icmp?:
    | {
        readonly kind: IcmpErrorKind;
        readonly mtu?: number | undefined;
        readonly toLocal?: boolean;
        /** The packet was the failing host's own. */
        readonly own?: boolean;
        readonly tun?: Device;
        /** A tunnel that is a bridge's port answers in the receiver's name, as if the frame came in by it. */
        readonly port?: Device;
      }
    | undefined;
  readonly errno?: { readonly name: string; readonly mtu?: number | undefined } | undefined;
  readonly process?: string | undefined;
}

export function step(
  run: Run,
  netns: Netns,
  device: string,
  direction: "in" | "out" | null,
  action: StepAction,
  text: string,
  packet: Packet,
  rule?: StepRule,
): void {
  run.steps.push({ netns: netns.id, device, direction, action, text, rule, packet });
  run.budget -= 1;
}

export interface Failure {
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
export function fail(run: Run, netns: Netns, packet: Packet, failure: Failure): End {
  const action = failure.verdict === "rejected" ? "reject" : "drop";
  step(run, netns, failure.device, null, action, failure.message, packet, failure.rule);
  const told = run.overhead === 0 && run.waiting === undefined;
  return {
    verdict: failure.verdict,
    netns,
    packet,
    reason: {
      code: failure.code,
      message: failure.message,
      netns: netns.id,
      origin: failure.origin ?? failure.rule?.origin,
    },
    icmp: told ? failure.icmp : undefined,
    errno: told ? failure.errno : undefined,
  };
}

export function choose(run: Run, count: number, weight: (i: number) => number): number {
  if (count <= 1) return 0;
  const position = run.choices.length;
  const taken = run.script[position] ?? 0;
  run.choices.push({ taken, of: count });
  let total = 0;
  for (let i = 0; i < count; i += 1) total += weight(i);
  run.probability *= weight(taken) / total;
  return taken;
}

export function isOwn(netns: Netns, ip: Ip): boolean {
  return localAddressesOf(netns).route(ip)?.type === "local";
}

export function connectionsOf(run: Run, netns: Netns): Connection[] {
  let connections = run.connections.get(netns.id);
  if (!connections) {
    connections = [];
    run.connections.set(netns.id, connections);
  }
  return connections;
}

/** is_skb_forwardable() grants the room of a VLAN tag (net/core/dev.c). */
export const VLAN_ROOM = 4;

export function limitMtu(run: Run, size: number): void {
  run.mtu = Math.min(run.mtu, size - run.overhead);
}

export function routeRule(found: Found, nexthop: Nexthop | undefined): StepRule {
  return {
    table: found.table,
    text: routeText(found.route, nexthop),
    why: found.route.why,
    origin: found.route.origin,
  };
}

/**
 * fib_multipath_hash with its default policy: by source and destination, so that a host that sees the same pair again, in a loop or
 * for the next packet, takes the same way again. Different hosts hash with different seeds.
 */
export function pickNexthop(run: Run, netns: Netns, found: Found, src: Ip | undefined, dst: Ip): Nexthop | undefined {
  if (found.nexthops.length < 2) return found.nexthops[0];
  const key = `${netns.id} ${src ?? ""} ${dst} ${found.table} ${found.route.dst.ip}/${found.route.dst.len}`;
  const known = run.hashed.get(key);
  const taken = known ?? choose(run, found.nexthops.length, (i) => found.nexthops[i]?.weight ?? 1);
  run.hashed.set(key, taken);
  return found.nexthops[taken];
}

/** With the port, where it has one. */
function endOf({ dst, body }: Packet): string {
  if (!("dport" in body)) return formatIp(dst);
  return typeof dst === "bigint" ? `[${formatIp(dst)}]:${body.dport}` : `${formatIp(dst)}:${body.dport}`;
}

/** Chains of chains say more than the last one: "KUBE-SERVICES → KUBE-SVC-… → KUBE-SEP-…". */
function byWayOf({ chains }: Decision): string {
  return chains.length > 2 ? ` (${chains.join(" → ")})` : "";
}

function because(message: string, explanation: Explanation | undefined): string {
  return explanation === undefined ? message : `${message}: ${explanation.note}`;
}

/** Runs a hook and writes down what it decided. Undefined as end: go on with `packet`. */
export function hook(
  run: Run,
  netns: Netns,
  name: NfHook,
  packet: Packet,
  tracking: Tracking,
  dev: { in?: string | undefined; out?: string | undefined },
  masqueradeAs?: () => Ip | undefined,
): { packet: Packet; end: End | undefined; tracking: Tracking } {
  const context: HookContext = {
    in: dev.in,
    out: dev.out,
    isLocal: (ip) => isOwn(netns, ip),
    isOf: (ip, device) => netns.devices.get(device)?.addresses.some((own) => own.ip === ip) === true,
    reversePath: (one, device) => leavesBy(netns, one, device),
    masqueradeAs: masqueradeAs ?? (() => undefined),
    chance: (probability) => choose(run, 2, (i) => (i === 0 ? probability : 1 - probability)) === 0,
  };
  const result = runHook(netns.netfilter, name, packet, tracking, context);
  const device = dev.out ?? dev.in ?? "lo";
  let end: End | undefined;
  for (const { decision, packet: seen } of result.decisions) {
    const rule: StepRule = {
      table: `${decision.table}/${decision.chain}`,
      text: decision.text,
      why: decision.rule?.comment,
      origin: decision.explanation?.origin ?? decision.rule?.origin,
    };
    const where = `${decision.table} ${decision.chain}`;
    switch (decision.effect) {
      case "accept":
      case "return":
        step(
          run,
          netns,
          device,
          null,
          "filter",
          decision.explanation?.note ??
            (decision.effect === "accept" ? `accepted in ${where}` : `left as it is by ${where}`),
          seen,
          rule,
        );
        break;
      case "dnat":
        step(run, netns, device, null, "dnat", `destination is now ${endOf(seen)}${byWayOf(decision)}`, seen, rule);
        break;
      case "snat":
        step(run, netns, device, null, "snat", `source is now ${formatIp(seen.src)}`, seen, rule);
        break;
      case "drop":
        end = fail(run, netns, seen, {
          verdict: "dropped",
          code: "filtered",
          message: because(`${netns.id} drops it in ${decision.rule ? where : decision.text}`, decision.explanation),
          device,
          rule,
          ...(name === "OUTPUT" ? { errno: { name: "EPERM" } } : {}),
        });
        break;
      case "reject":
        end = fail(run, netns, seen, {
          verdict: "rejected",
          code: "rejected-by-rule",
          message: because(`${netns.id} rejects it in ${where}`, decision.explanation),
          device,
          rule,
          ...(name === "OUTPUT"
            ? { errno: { name: "ECONNREFUSED" } }
            : {
                icmp: {
                  kind: decision.rejectWith === "icmp-admin-prohibited" ? "admin-prohibited" : "port-unreachable",
                  // icmp_send: about what is for this host, from the address that was asked.
                  ...(name === "INPUT" ? { toLocal: true } : {}),
                },
              }),
        });
        break;
    }
  }
  if (result.tracking !== tracking && result.tracking.connection === undefined)
    forget(connectionsOf(run, netns), tracking);
  return { packet: result.packet, end, tracking: result.tracking };
}

/** A connection that was made for a packet before a rule of table raw said that there is to be none. */
function forget(connections: Connection[], { connection }: Tracking): void {
  const index = connection === undefined ? -1 : connections.indexOf(connection);
  if (index >= 0) connections.splice(index, 1);
}

/** rpfilter_lookup_reverse (net/ipv4/netfilter/ipt_rpfilter.c): is the source reached by the device by which it came? */
function leavesBy(netns: Netns, { src, dst, mark }: Packet, device: string): boolean {
  const back = lookup(netns, localAddressesOf(netns), { dst: src, src: dst, mark });
  return back?.route.type === "unicast" && back.nexthops.some((hop) => hop.dev === device);
}
