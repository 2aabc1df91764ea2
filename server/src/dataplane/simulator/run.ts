/**
 * A run: one packet on one path, with its state: connection tracking, forks, and the steps so far. Also the operations that
 * all parts of the stack share.
 */

import { formatIp, type Ip } from "../../addressing/ip.ts";
import type { Origin } from "../../declared/origin.ts";
import { list, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Connection, Tracking } from "../conntrack.ts";
import { type Found, localAddressesOf } from "../fib.ts";
import type { Journey, Reason, ReasonCode, Step, StepAction, StepRule, Verdict } from "../journey.ts";
import { repetitionIn } from "../loop.ts";
import type { Device, Netns, NetnsId, Network, Nexthop } from "../model.ts";
import type { IcmpErrorKind, Packet } from "../packet.ts";
import type { Flow, TunnelKey } from "../program.ts";
import { routeText, whyOf } from "../text.ts";
import type { Neighbour } from "./neighbour.ts";

/** A TTL of 64 with tunnels causes a few hundred steps; more than this indicates an error in the model. */
const MAX_STEPS = 4000;

/**
 * Entry points of the stack. The stack is recursive (the outer packet of a tunnel is sent like any other packet); lower
 * layers call upper layers through this interface, so imports have one direction only.
 */
export interface Stack {
  readonly originate: (host: Host, made: Omit<Packet, "src">, src: Ip | undefined, oif?: string) => End;
  readonly receive: (run: Run, at: DeviceOf, packet: Packet, to: Neighbour) => End;
  readonly enter: (run: Run, at: DeviceOf, packet: Packet, to: Neighbour) => End;
  readonly arrive: (host: Host, device: Device, packet: Packet, arrival?: Arrival) => End;
  readonly transmit: (host: Host, device: Device, packet: Packet, to: Neighbour, why: RouteStep) => End;
  readonly balance: (
    host: Host,
    packet: Packet,
    tracking: Tracking,
    ingress: Device | undefined,
  ) => Balanced | undefined;
  readonly deliver: (host: Host, packet: Packet, device: Device | undefined, tracking: Tracking) => End;
}

/** A device by name. */
export interface DeviceOf {
  readonly netns: NetnsId;
  readonly device: string;
}

/** Link layer of a received frame. */
export interface Arrival {
  /** The neighbor that the frame is addressed to; required on bridge ports and below stacked devices. */
  readonly to?: Neighbour | undefined;
  /** The tunnel key of a decapsulated packet. */
  readonly tunnel?: TunnelKey | undefined;
}

/** Why a packet leaves through a device. */
export interface RouteStep {
  readonly rule: StepRule;
  readonly text: string;
}

/** A fork of a run. `likelihood`: the probability of the path up to and including a branch. */
export interface Choice {
  readonly taken: number;
  readonly of: number;
  readonly likelihood: (branch: number) => number;
}

/** A packet to a virtual server: on its way to another machine, or for a real server on this machine. */
export type Balanced =
  | { readonly kind: "sent"; readonly end: End }
  | { readonly kind: "local"; readonly packet: Packet };

export interface Run {
  readonly stack: Stack;
  readonly network: Network;
  readonly connections: Map<NetnsId, Connection[]>;
  readonly script: readonly number[];
  readonly choices: Choice[];
  probability: number;
  /** Of the current journey. */
  steps: Step[];
  mtu: number;
  /** Current encapsulation overhead in bytes. */
  overhead: number;
  /** The socket that waits for the reply, while the reply is on its path. */
  waiting: Waiting | undefined;
  budget: number;
  /** The number of redirects by programs. */
  redirects: number;
  /** See `Journey`. */
  race: Journey["race"];
  /** Key exchanges and neighbor requests of this run, with the reason of their failure. */
  readonly sessions: Map<string, { readonly failure: Reason | undefined }>;
  /** Endpoints learned from received WireGuard packets, and the local address that received them. */
  readonly roamed: Map<string, { readonly ip: Ip; readonly port: number; readonly own: Ip }>;
  /** The next hop that a machine selected per address pair (ECMP). */
  readonly hashed: Map<string, number>;
  /** See `ProgramContext`. */
  readonly maps: Map<string, Flow>;
}

/** A socket that sent a packet; `toAnycast`: an echo request, whose reply has another source. */
export interface Waiting {
  readonly netns: NetnsId;
  readonly packet: Packet;
  readonly toAnycast: boolean;
}

/** Where a packet is during a run: the network namespace whose tables and rules apply to it. */
export interface Host {
  readonly run: Run;
  readonly netns: Netns;
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
    redirects: 0,
    race: undefined,
    sessions: new Map(),
    roamed: new Map(),
    hashed: new Map(),
    maps: new Map(),
  };
}

/** The end of a walk. `icmp`: the error that the machine sends to the source of the packet; `errno`: the error of a local sender. */
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
        /** The failed packet was generated by the same machine. */
        readonly own?: boolean;
        readonly tun?: Device;
        /** A tunnel device that is a bridge port sends the error with the receiver's address, as if the frame had arrived on the port. */
        readonly port?: Device;
      }
    | undefined;
  /** The ICMP error about the outer packet of a tunnel, which is sent to the tunnel endpoint. */
  readonly outer?:
    | { readonly kind: IcmpErrorKind; readonly mtu?: number | undefined; readonly netns: NetnsId }
    | undefined;
  readonly errno?: { readonly name: string; readonly mtu?: number | undefined } | undefined;
  /** The machine sends a TCP reset to the source of the packet, with the packet's destination as source. */
  readonly reset?: true | undefined;
  readonly process?: string | undefined;
}

/** A step of a packet on a host. `direction`: only for frames that enter or leave the device. */
export interface HostStep {
  readonly device: string;
  readonly direction?: "in" | "out";
  readonly action: StepAction;
  readonly text: string;
  readonly packet: Packet;
  readonly rule?: StepRule | undefined;
}

export function step({ run, netns }: Host, { device, direction, action, text, packet, rule }: HostStep): void {
  run.steps.push({ netns: netns.id, device, direction: direction ?? null, action, text, rule, packet });
  run.budget -= 1;
}

export interface Failure {
  readonly verdict: Verdict;
  readonly code: ReasonCode;
  readonly message: string;
  readonly device: string;
  readonly rule?: StepRule | undefined;
  readonly origin?: Origin | undefined;
  readonly icmp?: End["icmp"];
  readonly reset?: End["reset"];
  readonly errno?: End["errno"];
}

/**
 * Ends a walk. The sender receives an errno if the packet was generated locally, otherwise an ICMP error. Errors about the
 * outer packet of a tunnel reach only the tunnel endpoint and are not forwarded to the inner sender.
 */
export function fail(host: Host, packet: Packet, failure: Failure): End {
  const { run, netns } = host;
  const action = failure.verdict === "rejected" ? "reject" : "drop";
  step(host, { device: failure.device, action, text: failure.message, packet, rule: failure.rule });
  const reported = run.overhead === 0 && run.waiting === undefined;
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
    icmp: reported ? failure.icmp : undefined,
    outer: run.overhead > 0 && failure.icmp ? { ...failure.icmp, netns: netns.id } : undefined,
    errno: reported ? failure.errno : undefined,
    reset: reported ? failure.reset : undefined,
  };
}

export function choose(run: Run, count: number, weight: (i: number) => number): number {
  if (count <= 1) return 0;
  const position = run.choices.length;
  const taken = run.script[position] ?? 0;
  let total = 0;
  for (let i = 0; i < count; i += 1) total += weight(i);
  const before = run.probability;
  const likelihood = (branch: number): number => (before * weight(branch)) / total;
  run.choices.push({ taken, of: count, likelihood });
  run.probability = likelihood(taken);
  return taken;
}

/** Kind and path, like `owner` in a trace: "router tor". */
export function machine({ kind, id }: Netns): string {
  return `${kind} ${id}`;
}

/** `machine` of a network namespace by id. */
export function machineAt(run: Run, id: NetnsId): string {
  const netns = run.network.netns(id);
  return netns ? machine(netns) : id;
}

/** Why a packet with TTL 1 is not forwarded: a loop and the machines in it, or a TTL that is too small for the path. */
export function expiredText(host: Host): string {
  const { run, netns } = host;
  const loop = repetitionIn([...run.steps, { netns: netns.id, device: "", direction: null, action: "drop" }]);
  if (!loop) return t`TTL expired on ${machine(netns)}`;
  const ids = new Set(run.steps.slice(loop.first, loop.first + loop.period).map((one) => one.netns));
  const machines = [...ids].map((id) => machineAt(run, id));
  return t`TTL expired on ${machine(netns)}: routing loop of ${plural(machines.length, "machine")} (${list(machines, MOST_MACHINES)})`;
}

const MOST_MACHINES = 4;

export function isOwn(netns: Netns, ip: Ip): boolean {
  return localAddressesOf(netns).route(ip)?.type === "local";
}

export function connectionsOf(host: Host): Connection[] {
  const { run, netns } = host;
  let connections = run.connections.get(netns.id);
  if (!connections) {
    connections = [];
    run.connections.set(netns.id, connections);
  }
  return connections;
}

/** is_skb_forwardable() allows frames to exceed the MTU by a VLAN tag (net/core/dev.c). */
export const VLAN_ROOM = 4;

export function limitMtu(run: Run, size: number): void {
  run.mtu = Math.min(run.mtu, size - run.overhead);
}

/** A route and the next hop that was selected from it. */
export interface Routed {
  readonly found: Found;
  /** Undefined: the route does not have a next hop (a local route, for example). */
  readonly nexthop: Nexthop | undefined;
}

export function routeRule({ found, nexthop }: Routed): StepRule {
  return {
    table: found.table,
    text: routeText(found.route, nexthop),
    why: whyOf(found.route),
    origin: found.route.origin,
  };
}

/**
 * fib_multipath_hash with its default policy: hashes source and destination, so a machine always selects the same next hop
 * for the same address pair (in a loop, or for the next packet). Machines use different hash seeds.
 */
export function pickNexthop(host: Host, found: Found, src: Ip | undefined, dst: Ip): Nexthop | undefined {
  const { run, netns } = host;
  if (found.nexthops.length < 2) return found.nexthops[0];
  const key = `${netns.id} ${src ?? ""} ${dst} ${found.table} ${found.route.dst.ip}/${found.route.dst.len}`;
  const known = run.hashed.get(key);
  const taken = known ?? choose(run, found.nexthops.length, (i) => found.nexthops[i]?.weight ?? 1);
  run.hashed.set(key, taken);
  return found.nexthops[taken];
}

/**
 * The error that the socket of a local sender reports if the packet is lost after its first route lookup. Only sendmsg of UDP
 * and raw sockets returns it; TCP and SCTP treat the packet as lost and retransmit it (tcp_connect, net/ipv4/tcp_output.c,
 * returns only ECONNREFUSED).
 */
export function sendErrno({ body }: Packet, name: string): End["errno"] {
  return body.kind === "tcp" || body.kind === "sctp" ? undefined : { name };
}

/** Destination address, with the port if the packet has one. */
export function endOf({ dst, body }: Packet): string {
  if (!("dport" in body)) return formatIp(dst);
  return typeof dst === "bigint" ? `[${formatIp(dst)}]:${body.dport}` : `${formatIp(dst)}:${body.dport}`;
}
