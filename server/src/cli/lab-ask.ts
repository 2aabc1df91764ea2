/** The probes of a lab and their predicted traces: the file's expectations, random packets, and path MTU tests. */
import { formatIp, prefixContains } from "../addressing/ip.ts";
import { isAnycast } from "../dataplane/fib.ts";
import type { Journey, Reason, Step } from "../dataplane/journey.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { portsOf } from "../dataplane/packet.ts";
import { simulate } from "../dataplane/simulator/simulate.ts";
import { incomplete, type Lacks, SCTP, SOURCE_HOP, whyLacking } from "../lab/features.ts";
import { keyOf, mtuProbes, type Probe, randomProbes } from "../lab/probes.ts";
import { seeded } from "../lab/random.ts";
import { isRefusedByRoute } from "../lab/schedule.ts";
import { endsOf } from "../questions/expectations.ts";
import type { Analysis } from "../service/analysis.ts";
import { t } from "../text/l10n.ts";
import type { Expectation, Topology } from "../topology/model.ts";
import { toTrace } from "../trace/convert.ts";
import { netnsOfPod } from "../trace/endpoints.ts";
import { type Receiver, receiverOf } from "../trace/receivers.ts";
import type { Trace } from "../trace/schema.ts";

/** A packet to send, with its predicted trace. */
export interface LabProbe extends Probe {
  /** Source port, or ICMP echo id: identifies the packet in the captures. */
  readonly sport: number;
  /** One line for the report. */
  readonly label: string;
  /** Whether the probe is from an expectation of the file, as opposed to a random one. */
  readonly expected: boolean;
  readonly trace: Trace;
  readonly journeys: readonly Journey[];
  /** Whether the outcome differs if a neighbor entry already exists. */
  readonly unlessAsked: boolean;
  /** The error is about the second packet. */
  readonly twice: boolean;
  /**
   * The lab's ping does not connect its socket: the destination is an anycast address, or connect() would look the route up again
   * with a source address for which the machine has rules, unlike ping.
   */
  readonly unconnected: boolean;
  /** `<router> <address>`: routers that sent an ICMP "no route" error about an ARP packet inside a tunnel, and to which address. */
  readonly refusedQuestions: readonly string[];
}

/** A probe that is not sent, and why. */
export interface Skipped {
  readonly label: string;
  readonly why: string;
}

export interface Questions {
  readonly probes: readonly LabProbe[];
  readonly skipped: readonly Skipped[];
}

/** The network namespaces of the lab: at most `nodes` nodes per cluster and `pods` pods per node. */
export function namespacesOf(topology: Topology, nodes: number, pods: number): readonly NetnsId[] {
  const ids = new Set<NetnsId>();
  for (const { path } of [...topology.routers, ...topology.hosts]) ids.add(path);
  for (const cluster of topology.clusters) for (const node of cluster.nodes.slice(0, nodes)) ids.add(node.path);
  for (const cluster of topology.clusters) {
    for (const node of cluster.nodes.slice(0, nodes)) {
      let left = pods;
      for (const pod of cluster.pods.podsOn(node)) {
        if (left-- <= 0) break;
        ids.add(netnsOfPod(pod, node));
      }
    }
  }
  return [...ids];
}

/** The number of network namespaces of the whole topology, without listing them. */
export function namespaceCount(topology: Topology): number {
  let count = topology.routers.length + topology.hosts.length;
  for (const cluster of topology.clusters) count += cluster.nodes.length + cluster.pods.count;
  return count;
}

/** First source port; each probe has its own. */
const FIRST_PORT = 20000;

export interface Wanted {
  readonly random: number;
  readonly seed: number;
  readonly expectations: boolean;
}

export function questionsOf(analysis: Analysis, ids: readonly NetnsId[], wanted: Wanted, lacks: Lacks): Questions {
  const { network, topology } = analysis;
  const skipped: Skipped[] = [];
  const probes = new Map<string, Labeled>();
  const add = (probe: Probe, label?: string, receiver?: Receiver): void => {
    const key = keyOf(probe);
    if (!probes.has(key)) probes.set(key, { probe, label, receiver });
  };
  for (const expectation of wanted.expectations ? topology.expectations : []) {
    const label = expectationText(expectation);
    const found = probesOf(analysis, expectation);
    if (typeof found === "string") skipped.push({ label, why: found });
    else for (const one of found) add(one.probe, one.label, one.receiver);
  }
  for (const probe of randomProbes(network, ids, wanted.random, seeded(wanted.seed))) add(probe);
  const world = worldOf(network, ids, lacks);
  const ports = freePorts(
    network,
    ids,
    [...probes.values()].map(({ probe }) => probe.dport),
  );
  const asked: LabProbe[] = [];
  for (const { probe, label, receiver } of probes.values()) {
    const sport = ports.next();
    const journeys = simulate(network, { ...probe, sport });
    if (label === undefined) for (const more of mtuProbes(probe, journeys)) add(more);
    const text = label ?? probeText(probe);
    const why = world.unable(probe, journeys);
    if (why !== undefined) skipped.push({ label: text, why });
    else
      asked.push({
        ...probe,
        sport,
        label: text,
        expected: label !== undefined,
        trace: traceOf(network, probe, journeys, receiver),
        journeys,
        unconnected: hasOwnRules(network, probe) || journeys.some((journey) => reachesAnycast(network, journey)),
        twice: reasonsOf(journeys).some(({ afterLoss }) => afterLoss),
        unlessAsked: reasonsOf(journeys).some(({ unlessAsked }) => unlessAsked),
        refusedQuestions: reasonsOf(journeys).flatMap(({ netns, lost, lostBy }) =>
          lost && isRefusedByRoute(lostBy) ? [`${netns} ${formatIp(lost.src)}`] : [],
        ),
      });
  }
  return { probes: asked, skipped };
}

/** Whether the sender has routing rules for its addresses. */
function hasOwnRules(network: Network, { from }: Pick<LabProbe, "from">): boolean {
  const netns = network.netns(from);
  const own = [...(netns?.devices.values() ?? [])].flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  return netns?.rules.some(({ from: prefix }) => prefix && own.some((ip) => prefixContains(prefix, ip))) ?? false;
}

function reachesAnycast(network: Network, { end, steps }: Journey): boolean {
  const last = steps.at(-1);
  const netns = network.netns(end);
  return last !== undefined && netns !== undefined && isAnycast(netns, last.packet.dst, last.device);
}

/** Whether a stateful filter dropped a datagram between two daemons with one port: both directions are one connection. */
function isFlowOfDaemons({ reason, steps }: Pick<Journey, "reason" | "steps">): boolean {
  const body = steps.at(-1)?.packet.body;
  return (
    reason?.code === "filtered" && body?.kind === "udp" && body.carries?.kind === "ip" && body.sport === body.dport
  );
}

function reasonsOf(journeys: readonly Journey[]): readonly Reason[] {
  return journeys.flatMap(({ reason, reply }) => [reason, reply?.reason].filter((one) => one !== undefined));
}

/** `label` and `receiver`: of an expectation. */
interface Labeled {
  readonly probe: Probe;
  readonly label: string | undefined;
  readonly receiver: Receiver | undefined;
}

function traceOf(network: Network, probe: Probe, journeys: readonly Journey[], receiver: Receiver | undefined): Trace {
  const { proto, dport, size, df } = probe;
  const query = {
    from: probe.from,
    to: formatIp(probe.dst),
    proto,
    df,
    ...(proto === "icmp" ? {} : { port: dport }),
    ...(size === undefined ? {} : { size }),
  };
  return toTrace(query, journeys, { network, locate: () => undefined }, [], { receiver });
}

function probesOf(analysis: Analysis, expectation: Expectation): readonly Labeled[] | string {
  const { proto, port, want } = expectation;
  const ends = endsOf(analysis, expectation);
  if (typeof ends === "string") return ends;
  const size = want.kind === "mtu" ? want.atLeast : undefined;
  const { from, src, aims } = ends;
  const probes: Labeled[] = [];
  for (const { targets, first, at, service, family } of aims) {
    const receiver = receiverOf(analysis.topology, { netns: at, service }, family);
    const asked = port === undefined && first !== undefined ? first : { port, proto };
    for (const { ip, port: own } of targets)
      probes.push({
        receiver,
        label: expectationText({ ...expectation, ...asked }),
        probe: {
          from: from.netns,
          src,
          dst: ip,
          proto: asked.proto,
          dport: own ?? asked.port ?? 0,
          size,
          df: size !== undefined,
          ttl: undefined,
        },
      });
  }
  return probes;
}

function expectationText({ from, to, port, proto, want }: Expectation): string {
  const end = `${from} -> ${to}${port === undefined ? "" : `:${port}`}${proto === "tcp" ? "" : ` ${proto}`}`;
  switch (want.kind) {
    case "reachable":
    case "blocked":
    case "preserves-source":
      return `${end} ${want.kind}`;
    case "survives":
      return `${end} survives ${want.any}`;
    case "via":
      return `${end} via ${want.station}`;
    case "mtu":
      return `${end} mtu >= ${want.atLeast}`;
  }
}

function probeText({ from, dst, proto, dport, size, df, ttl }: Probe): string {
  const bytes = size === undefined ? "" : t`, ${size} bytes${df ? t` with DF` : ""}`;
  const what = ttl === undefined ? bytes : t`${bytes}, TTL ${ttl}`;
  return proto === "icmp"
    ? t`${from} pings ${formatIp(dst)}${what}`
    : `${from} -> ${formatIp(dst)} ${proto} ${dport}${what}`;
}

/** Source ports that are not the destination port or the listening port of any other probe. */
function freePorts(network: Network, ids: readonly NetnsId[], dports: readonly number[]): { next(): number } {
  const taken = new Set(dports);
  for (const id of ids) for (const { port } of network.netns(id)?.sockets ?? []) taken.add(port);
  let port = FIRST_PORT - 1;
  return {
    next: () => {
      do port += 1;
      while (taken.has(port));
      return port;
    },
  };
}

/** Whether NAT changes the source port of the request because it is in use (nf_nat_l4proto_unique_tuple): captures are matched by port. */
function changesPort({ steps }: Journey): boolean {
  const sport = ({ packet }: Step): number | undefined => portsOf(packet)?.sport;
  return steps.some((step, i) => {
    const before = steps[i - 1];
    return step.action === "snat" && before !== undefined && sport(before) !== sport(step);
  });
}

/** Whether the next hop of a multipath route determines the source address. */
function dependsOnNexthop({ dst }: Probe, journeys: readonly Journey[]): boolean {
  return typeof dst === "number" && new Set(journeys.map(({ steps }) => steps[0]?.packet.src)).size > 1;
}

function raceText(race: NonNullable<Journey["race"]>): string {
  switch (race) {
    case "first-request":
      return t`depends on which neighbor sent an ARP request first`;
    case "first-reply":
      return t`depends on which router replies to neighbor discovery first`;
  }
}

/** The device of the route that a dropped packet would have taken; "" without such a route. */
function routedTo({ action, rule }: Step): string {
  return (action === "drop" && / dev (\S+)/.exec(rule?.text ?? "")?.[1]) || "";
}

/** Finds the probes that cannot be sent: packets that cross machines or devices that the lab does not build. */
function worldOf(network: Network, ids: readonly NetnsId[], lacks: Lacks) {
  const built = new Set(ids);
  const parts = new Map(
    ids.map((id) => {
      const netns = network.netns(id);
      return [id, netns && incomplete(netns, lacks)] as const;
    }),
  );
  const unableAt = (netns: NetnsId, device: string): string | undefined => {
    if (!built.has(netns)) return t`${netns} is not part of the lab`;
    const part = parts.get(netns);
    const lacking = part?.whole ?? part?.devices.get(device);
    return lacking === undefined ? undefined : whyLacking(lacking);
  };
  const lost = new Map(
    [...parts.values()].flatMap((part) =>
      [...(part?.addresses ?? [])].map((ip) => [ip, [...(part?.devices.values() ?? [])][0]] as const),
    ),
  );
  return {
    unable(probe: Probe, journeys: readonly Journey[]): string | undefined {
      if (!built.has(probe.from)) return t`${probe.from} is not part of the lab`;
      if (probe.proto === "sctp" && lacks.has(SCTP)) return whyLacking(SCTP);
      if (lacks.has(SOURCE_HOP) && dependsOnNexthop(probe, journeys)) return whyLacking(SOURCE_HOP);
      for (const journey of journeys) {
        if (journey.reason?.code === "ipv4-mapped")
          return t`the lab's raw ICMP socket accepts IPv4-mapped addresses, unlike ping`;
        if (changesPort(journey)) return t`the kernel selects a random source port`;
        const race = [journey.race, journey.reply?.race].find((one) => one !== undefined);
        if (race !== undefined) return raceText(race);
        if ([journey, journey.reply].some((walk) => walk && isFlowOfDaemons(walk)))
          return t`depends on which tunnel endpoint sent first: connection tracking accepts the other direction`;
        if ([journey, journey.reply].some((walk) => walk?.reason?.code === "source-check"))
          return t`the lab does not build a cloud's source check`;
        for (const step of [...journey.steps, ...(journey.reply?.steps ?? [])]) {
          const lacking = lost.get(step.packet.dst) ?? lost.get(step.packet.src);
          const why =
            lacking === undefined
              ? (unableAt(step.netns, step.device) ?? unableAt(step.netns, routedTo(step)))
              : whyLacking(lacking);
          if (why !== undefined) return why;
        }
      }
      return undefined;
    },
  };
}
