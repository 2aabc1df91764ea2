/**
 * Connections to the declared listeners and their outcome, one per class of senders and of listeners: from pods, nodes, and hosts to hosts
 * and services, from pods to their own node, and from hosts to pods. Policies are ignored, and a connection that policies deny is
 * answered or lost on purpose.
 */
import { family, formatIp, type Ip, isLinkLocal } from "../../addressing/ip.ts";
import type { Journey, Question, Reason } from "../../dataplane/journey.ts";
import type { Network } from "../../dataplane/model.ts";
import { innerOf, type Packet } from "../../dataplane/packet.ts";
import { simulate } from "../../dataplane/simulator/simulate.ts";
import type { Origin } from "../../declared/origin.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { t } from "../../text/l10n.ts";
import type { ExternalHost, Service, Topology } from "../../topology/model.ts";
import { endpointText } from "../../topology/service-endpoints.ts";
import { aimAt } from "../../trace/aim.ts";
import { endpointOf } from "../../trace/endpoints.ts";
import { planOf } from "../plan.ts";
import type { View } from "../view.ts";
import {
  type Forwarded,
  forwardedPorts,
  hostListeners,
  hostSenders,
  type Listening,
  nodeListeners,
  outsideHosts,
  type Place,
  placesOf,
  podListener,
  type Sender,
  type Served,
  servedBy,
} from "./ends.ts";

/** Limit of connections; the remaining ones are skipped. */
const MOST_CONNECTIONS = 1500;
/** Addresses of one machine that are tried. */
const MOST_ADDRESSES = 3;
const CLIENT_PORT = 40_000;

export type Target =
  | { readonly kind: "host" | "node" | "own-node" | "pod"; readonly at: Listening }
  | { readonly kind: "service"; readonly served: Served }
  | { readonly kind: "forwarded"; readonly forwarded: Forwarded }
  /** An address beyond a host with `answers any`. */
  | { readonly kind: "outside"; readonly host: ExternalHost };

export interface Connection {
  readonly from: Sender;
  readonly to: Target;
  /** "host `db` (192.168.20.9:5432/tcp)". */
  readonly name: string;
  readonly ip: Ip;
  readonly port: number;
  readonly proto: "tcp" | "udp" | "sctp";
  /** The place of the listener or service. */
  readonly source: Origin;
  readonly outcome: Outcome;
}

export type Outcome =
  | { readonly kind: "answered"; readonly journey: Journey }
  /** The request did not arrive. */
  | { readonly kind: "lost"; readonly journey: Journey }
  /** The request arrived, and its reply was lost. */
  | { readonly kind: "half-open"; readonly journey: Journey; readonly reply: Journey };

export const connectionsOf = memo(connectAll);

/** A connection whose reply was lost. */
export interface HalfOpenConnection extends Connection {
  readonly outcome: Extract<Outcome, { readonly kind: "half-open" }>;
}

export function isHalfOpen(one: Connection): one is HalfOpenConnection {
  return one.outcome.kind === "half-open";
}

/** A connection to try. */
interface Try {
  readonly from: Sender;
  readonly to: Target;
  readonly ip: Ip;
  readonly port: number;
  readonly proto: "tcp" | "udp" | "sctp";
}

function connectAll(context: View): readonly Connection[] {
  const { peopled } = context;
  const known = new Map<string, Outcome>();
  const done: Connection[] = [];
  for (const one of tries(peopled)) {
    if (context.cancelled() || done.length === MOST_CONNECTIONS) break;
    const { from, to, ip, port, proto } = one;
    if (isDisputed(peopled, from.ip) || isDisputed(peopled, ip)) continue;
    const outcome = valueAt(known, `${from.netns} ${formatIp(ip)} ${port} ${proto}`, () => outcomeOf(context, one));
    const { name, source } = targetText(one);
    done.push({ from, to, name, ip, port, proto, source, outcome });
  }
  return done;
}

function targetText({ to, ip, port, proto }: Try): { readonly name: string; readonly source: Origin } {
  const at = `${endpointText({ ip, port })}/${proto}`;
  switch (to.kind) {
    case "forwarded": {
      const { router, source } = to.forwarded;
      return { name: t`port ${port}/${proto} of router \`${router.path}\` (${formatIp(ip)})`, source };
    }
    case "outside":
      return { name: t`${at} beyond host \`${to.host.path}\``, source: to.host.source };
    case "service":
      return { name: t`service \`${to.served.service.path}\` (${at})`, source: to.served.service.source };
    case "host":
    case "node":
    case "own-node":
    case "pod":
      return { name: `${to.at.name} (${at})`, source: to.at.source };
  }
}

/* ----------------------------------------------------------------- outcome */

/** The worst of the possible outcomes. */
function outcomeOf(context: View, one: Try): Outcome {
  const question: Question = {
    from: one.from.netns,
    dst: one.ip,
    proto: one.proto,
    sport: CLIENT_PORT,
    dport: one.port,
    df: false,
  };
  const open = worstOf(context.open, question, one);
  if (open.kind === "answered" || context.network === context.open || one.from.imagined) return open;
  // Of the paths that policies leave: a denied request is lost on purpose.
  if (!context.network.netns(question.from)) return open;
  const strict = worstOf(context.network, question, one);
  const isSame = strict.kind === open.kind && isSameLoss(strict.journey.reason, open.journey.reason);
  return isSame ? open : { kind: "answered", journey: open.journey };
}

function isSameLoss(a: Reason | undefined, b: Reason | undefined): boolean {
  return a?.netns === b?.netns && a?.code === b?.code && a?.origin?.decl.handle === b?.origin?.decl.handle;
}

function worstOf(network: Network, question: Question, one: Try): Outcome {
  const outcomes = simulate(network, question).map((journey) => classify(journey, one));
  return (
    outcomes.find(({ kind }) => kind === "half-open") ??
    outcomes.find(({ kind }) => kind === "lost") ??
    (outcomes[0] as Outcome)
  );
}

function classify(journey: Journey, { from, to }: Try): Outcome {
  const isReset = journey.reason?.code === "closed-port";
  if ((journey.verdict !== "delivered" && !isReset) || isAstray(journey, to)) return { kind: "lost", journey };
  const { reply } = journey;
  if (reply && (reply.verdict !== "delivered" || reply.end !== from.netns))
    return { kind: "half-open", journey, reply };
  return { kind: "answered", journey };
}

/** Whether another machine accepted the packet: a host that accepts any address. */
function isAstray({ end }: Journey, to: Target): boolean {
  return ("at" in to && end !== to.at.netns) || (to.kind === "outside" && end !== to.host.path);
}

/** Whether the address has two owners, which has its own finding. */
export function isDisputed(topology: Topology, ip: Ip): boolean {
  const plan = planOf(topology);
  return plan.conflicts.length > 0 && !isLinkLocal(ip) && plan.disputed(ip);
}

/** Whether a packet of the journey has an address with two owners. */
export function touchesDisputed(topology: Topology, { steps }: Journey): boolean {
  const isOf = (packet: Packet): boolean => {
    const inner = innerOf(packet);
    return isDisputed(topology, packet.src) || isDisputed(topology, packet.dst) || (inner !== undefined && isOf(inner));
  };
  return planOf(topology).conflicts.length > 0 && steps.some(({ packet }) => isOf(packet));
}

/* ------------------------------------------------------------- connections */

function* tries(topology: Topology): Iterable<Try> {
  const places = placesOf(topology);
  const hosts = hostSenders(topology);
  const open = hostListeners(topology);
  const services = servedBy(topology);
  const forwards = forwardedPorts(topology);
  for (const place of places) {
    for (const from of [...place.pods, ...place.machine]) for (const at of open) yield* toListener(from, at, "host");
    for (const from of [...place.pods, ...place.machine]) yield* toOutside(topology, from);
    yield* toNodes(topology, place, places);
    yield* toServices(place, services);
  }
  for (const from of hosts) {
    for (const served of services) if (served.isExposed) yield* toService(topology, from, served);
    for (const at of open) if (at.netns !== from.netns) yield* toListener(from, at, "host");
    for (const forwarded of forwards)
      if (family(from.ip) === family(forwarded.ip)) yield { from, to: { kind: "forwarded", forwarded }, ...forwarded };
    for (const place of places) {
      const pod = podListener(place);
      if (pod) yield* toListener(from, pod, "pod");
      for (const at of nodeListeners(topology, place.cluster, place.node)) yield* toListener(from, at, "node");
    }
  }
}

/** To the addresses of the sender's family: on a segment of the sender's machine if there are any, otherwise all. */
function* toListener(from: Sender, at: Listening, kind: "host" | "node" | "own-node" | "pod"): Iterable<Try> {
  const ips = at.ips.filter((ip) => family(ip) === family(from.ip));
  const segments = new Set(from.station.interfaces.map(({ segment }) => segment));
  const near = at.station.interfaces
    .filter(({ segment }) => segments.has(segment))
    .flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  const close = ips.filter((ip) => near.includes(ip));
  for (const ip of (close.length > 0 ? close : ips).slice(0, MOST_ADDRESSES))
    yield { from, to: { kind, at }, ip, port: at.port, proto: at.proto };
}

function* toOutside(topology: Topology, from: Sender): Iterable<Try> {
  for (const { host, port, ips } of outsideHosts(topology))
    for (const ip of ips.filter((one) => family(one) === family(from.ip)))
      yield { from, to: { kind: "outside", host }, ip, port, proto: "tcp" };
}

/** From pods to the daemons of the pods' node and of another node. */
function* toNodes(topology: Topology, { cluster, node, pods }: Place, places: readonly Place[]): Iterable<Try> {
  const own = nodeListeners(topology, cluster, node);
  if (own.length === 0 || pods.length === 0) return;
  const other = otherNode(node, cluster.name, places);
  for (const from of pods) {
    for (const at of own) yield* toListener(from, at, "own-node");
    for (const at of other ? nodeListeners(topology, cluster, other) : []) yield* toListener(from, at, "node");
  }
}

/** Another node of the cluster, preferably of the same class. */
function otherNode(node: Place["node"], cluster: string, places: readonly Place[]): Place["node"] | undefined {
  const own = places.filter((place) => place.cluster.name === cluster);
  const same = own.find(({ nodes }) => nodes.includes(node))?.nodes.find((one) => one !== node);
  return same ?? own.find((place) => place.node !== node)?.node;
}

/**
 * From nodes and pods if an endpoint is a machine. To pods, only from nodes with several interfaces: the address of the only interface
 * is the source, as in the probes between nodes and pods.
 */
function* toServices({ cluster, node, pods, machine }: Place, services: readonly Served[]): Iterable<Try> {
  const hasChoice = node.interfaces.length > 1;
  for (const served of services) {
    if (served.cluster.name !== cluster.name || !(served.onMachines || hasChoice)) continue;
    for (const from of served.onMachines ? [...pods, ...machine] : machine) yield* toClusterIp(from, served);
  }
}

function* toClusterIp(from: Sender, served: Served): Iterable<Try> {
  const { clusterIps, ports } = served.service;
  const ip = clusterIps.find((one) => family(one) === family(from.ip));
  const [port] = ports;
  if (ip !== undefined && port) yield { from, to: { kind: "service", served }, ip, port: port.port, proto: port.proto };
}

function* toService(topology: Topology, from: Sender, served: Served): Iterable<Try> {
  const [port] = served.service.ports;
  const sender = endpointOf(topology, from.netns);
  if (!port || !sender.ok) return;
  const aim = aimAt(topology, served.service.path, sender.endpoint, port.port, family(from.ip));
  for (const target of aim.ok && isOf(aim.service, served) ? aim.targets : [])
    yield { from, to: { kind: "service", served }, ip: target.ip, port: target.port ?? port.port, proto: port.proto };
}

function isOf(service: Service | undefined, served: Served): boolean {
  return service?.path === served.service.path;
}
