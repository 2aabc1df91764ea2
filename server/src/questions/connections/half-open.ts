/**
 * Why replies are lost although their requests arrive. Each lost reply is attributed to one place in the file, and all connections with
 * the same cause are one result.
 */
import { family, type Ip, isNear, type Prefix, prefixContains } from "../../addressing/ip.ts";
import { type MasqueradeSetting, masqueradeSetting } from "../../cni/masquerade-setting.ts";
import type { Journey, ReasonCode, Step } from "../../dataplane/journey.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { wholeText } from "../../declared/text.ts";
import { memo } from "../../memo/memo.ts";
import type { Interface, Station, Topology } from "../../topology/model.ts";
import { type Stations, stationsByPath } from "../../topology/stations.ts";
import { filterSetting } from "../blame.ts";
import { isInvolved } from "../causes.ts";
import type { Explained } from "../effect.ts";
import { probesOf } from "../probes.ts";
import { type Connection, connectionsOf, type HalfOpenConnection, isHalfOpen, touchesDisputed } from "./connections.ts";
import { type Turn, turnOf, visitsOf } from "./path.ts";

export type HalfOpenCause =
  /** The receiver sees the pod's address, and a machine along the return path has no route to it. */
  | { readonly kind: "no-masquerade"; readonly setting: MasqueradeSetting; readonly turn: Turn }
  /** A machine has no route back to the sender. */
  | { readonly kind: "no-return-route"; readonly station: Station; readonly turn: Turn }
  /** A router sends packets with private addresses to a host that represents the Internet. */
  | { readonly kind: "no-nat"; readonly station: Station; readonly exit: Interface; readonly host: Station }
  /** The sender's address belongs to another interface than the one through which the request leaves. */
  | {
      readonly kind: "source-address";
      readonly station: Station;
      readonly chosen: Interface;
      readonly used: Interface;
      readonly range: Prefix | undefined;
    }
  | { readonly kind: "reverse-path-filter"; readonly device: string }
  /** A rule drops replies to requests that took another path. */
  | { readonly kind: "one-direction"; readonly station: Station | undefined }
  /** The reply leaves through another interface than the request arrived on. */
  | {
      readonly kind: "other-network";
      readonly station: Station;
      readonly arrived: Interface;
      readonly left: Interface;
      readonly turn: Turn;
    }
  /** The reply does not pass the machine that rewrote the destination. */
  | { readonly kind: "nat-bypassed"; readonly station: Station | undefined; readonly step: Step };

export interface HalfOpen<C extends HalfOpenCause = HalfOpenCause> {
  readonly cause: C;
  readonly source: Origin;
  /** The connection that the message describes. */
  readonly example: Connection;
  /** The reply, or the request if reverse path filtering dropped it. */
  readonly lost: Journey;
  readonly isReply: boolean;
  /** Number of further connections with this cause. */
  readonly others: number;
}

type Blamed = Pick<HalfOpen, "cause" | "source">;

const allHalfOpen = memo(findHalfOpen);

export function halfOpenOf<K extends HalfOpenCause["kind"]>(
  context: Explained,
  kind: K,
): readonly HalfOpen<Extract<HalfOpenCause, { readonly kind: K }>>[] {
  return allHalfOpen(context).filter(
    (one): one is HalfOpen<Extract<HalfOpenCause, { readonly kind: K }>> => one.cause.kind === kind,
  );
}

function findHalfOpen(context: Explained): readonly HalfOpen[] {
  const stations = stationsByPath(context.peopled);
  const found: { -readonly [K in keyof HalfOpen]: HalfOpen[K] }[] = [];
  for (const example of connectionsOf(context)) {
    const { outcome } = example;
    const lost = isHalfOpen(example) ? example.outcome.reply : outcome.journey;
    // Requests are also blocked on purpose, but not by reverse path filtering.
    if (outcome.kind !== "half-open" && lost.reason?.code !== "reverse-path-filter") continue;
    if (isExplained(context, example, lost) || reachesInternet(context, example)) continue;
    const blamed = filteredByPath(lost, stations) ?? (isHalfOpen(example) && attributed(context, example, stations));
    if (!blamed || (blamed.cause.kind === "no-nat" && !isNatPartOf(context, blamed.cause.host))) continue;
    const same = found.find(
      ({ cause, source }) =>
        cause.kind === blamed.cause.kind &&
        source.decl.handle === blamed.source.decl.handle &&
        String(source.part) === String(blamed.source.part),
    );
    if (same) same.others += 1;
    else found.push({ ...blamed, example, lost, isReply: outcome.kind === "half-open", others: 0 });
  }
  return found;
}

/** Whether the file describes how replies from the host return: otherwise, NAT at the edge is left to machines outside the file. */
function isNatPartOf(context: Explained, host: Station): boolean {
  return (
    context.peopled.routers.some(({ edge }) => edge?.nat.some(({ kind }) => kind === "masquerade")) ||
    connectionsOf(context).some(
      ({ to, outcome }) => to.kind === "outside" && to.host === host && outcome.kind === "answered",
    )
  );
}

/**
 * Whether the sender reaches the machines beyond a host that represents all of them: its own address can be in a range that nodes
 * do not masquerade (ranges for documentation, GKE).
 */
function reachesInternet(context: Explained, { from, to }: Connection): boolean {
  const host = "at" in to ? to.at.station : undefined;
  if (host?.kind !== "host" || !host.edge?.answersAny) return false;
  return connectionsOf(context).some(
    (one) =>
      one.to.kind === "outside" &&
      one.to.host === host &&
      one.from.netns === from.netns &&
      one.outcome.kind === "answered",
  );
}

/** Whether another finding explains the loss: an error in a part of the file that the path depends on, or packets between pods that are lost there. */
export function isExplained(context: Explained, { from, to }: Connection, lost: Journey): boolean {
  const { peopled } = context;
  if (touchesDisputed(peopled, lost)) return true;
  const { reason } = lost;
  if (
    probesOf(context).failures.some(
      (one) =>
        one.reason?.netns === reason?.netns && one.reason?.code === reason?.code && from.cluster === one.probe.cluster,
    )
  )
    return true;
  const suspects = context.explaining("lost-packets").map(({ source }) => source.decl.handle);
  if (suspects.length === 0) return false;
  const there = "at" in to ? to.at.cluster : to.kind === "service" ? to.served.cluster : undefined;
  const station = "at" in to ? to.at.station : undefined;
  return isInvolved(peopled, stationsByPath(peopled), suspects, {
    clusters: [from.cluster, there].flatMap((cluster) => cluster ?? []),
    origins: [from.source, ...(station ? [station.source] : [])],
    machines: [from.station.path, ...(station ? [station.path] : []), ...lost.steps.map(({ netns }) => netns)],
  });
}

/* ------------------------------------------------------------- attribution */

/** Losses for lack of a route: the packet is dropped, follows a default route to another network, or returns to the machine that sent it. */
const ASTRAY: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  "no-route",
  "unreachable-route",
  "blackhole-route",
  "prohibit-route",
  "neighbour-failed",
  "ttl-exceeded",
  "step-limit",
  "martian-source",
  "unexpected-reply",
]);

function attributed(context: Explained, one: HalfOpenConnection, stations: Stations): Blamed | undefined {
  const { from, outcome } = one;
  const { journey, reply } = outcome;
  const { reason } = reply;
  if (reason?.code === "filtered" || reason?.code === "rejected-by-rule") return oneDirection(one, stations);
  if (reason?.code === "unexpected-reply" && reason.netns === from.netns) return bypassed(journey, stations);
  if (reason && !ASTRAY.has(reason.code)) return undefined;
  const turn = turnOf(journey, reply);
  if (!turn) return undefined;
  return (
    sourceAddress(one, stations) ??
    unmasqueraded(one, turn) ??
    otherNetwork(context.peopled, turn, stations) ??
    withoutNat(turn, stations) ??
    noRoute(reply, turn, stations)
  );
}

function filteredByPath(lost: Journey, stations: Stations): Blamed | undefined {
  const { reason, steps } = lost;
  const source = reason?.code === "reverse-path-filter" ? filterSetting(stations(reason.netns), lost) : undefined;
  return source && { cause: { kind: "reverse-path-filter", device: steps.at(-1)?.device ?? "" }, source };
}

/** A rule that names both ends denies exactly these packets. */
function oneDirection({ outcome: { journey, reply } }: HalfOpenConnection, stations: Stations): Blamed | undefined {
  const source = reply.reason?.origin;
  const station = stations(reply.reason?.netns ?? "");
  const rule = station?.acl.find((one) => one.source.decl.handle === source?.decl.handle);
  if (!source || !rule || (rule.from.length > 0 && rule.to.length > 0)) return undefined;
  if (visitsOf(journey).some(({ netns }) => netns === station?.path)) return undefined;
  return { cause: { kind: "one-direction", station }, source: sourceAt(source, "whole") };
}

function bypassed({ steps }: Journey, stations: Stations): Blamed | undefined {
  const step = steps.findLast(({ action }) => action === "dnat");
  const source = step?.rule?.origin;
  // Services have KN515.
  if (!step || source?.decl.spec?.keyword !== "port-forward") return undefined;
  return { cause: { kind: "nat-bypassed", station: stations(step.netns), step }, source };
}

/** Without NAT: a machine with two interfaces chose the address before kube-proxy rewrote the destination. */
function sourceAddress({ from, to, outcome }: HalfOpenConnection, stations: Stations): Blamed | undefined {
  const { journey } = outcome;
  const station = stations(from.netns);
  const src = journey.receiver?.src;
  const [first] = visitsOf(journey);
  if (!station || src === undefined || !first) return undefined;
  const used = station.interfaces.find(({ device }) => device === first.left);
  const chosen = station.interfaces.find(({ addresses }) => addresses.some(({ ip }) => ip === src));
  if (!used || !chosen || used === chosen) return undefined;
  const { routes } = station;
  const by = routes.find(
    ({ dst, via }) => dst.len === 0 && via.some((hop) => chosen.addresses.some((own) => isNear(own, hop))),
  );
  const range =
    to.kind === "service"
      ? to.served.cluster.serviceCidrs.find(({ prefix }) => typeof prefix.ip === typeof src)
      : undefined;
  return {
    cause: { kind: "source-address", station, chosen, used, range: range?.prefix },
    source: by?.source ?? chosen.source,
  };
}

function unmasqueraded({ from, outcome, ip }: HalfOpenConnection, turn: Turn): Blamed | undefined {
  if (from.kind !== "pod" || !from.cluster || from.station.kind !== "node") return undefined;
  const node = visitsOf(outcome.journey).find(({ netns }) => netns === from.station.path);
  // Routers on the path can still masquerade the packet.
  if (node?.last.packet.src !== from.ip) return undefined;
  const setting = masqueradeSetting(from.cluster, from.station, { src: from.ip, dst: ip });
  return setting && { cause: { kind: "no-masquerade", setting, turn }, source: setting.source };
}

/** A node or host that replies through another of its interfaces. */
function otherNetwork(topology: Topology, turn: Turn, stations: Stations): Blamed | undefined {
  const station = stations(turn.reply.netns);
  if (!station || station.kind === "router") return undefined;
  const interfaceAt = (device: string | undefined): Interface | undefined =>
    station.interfaces.find((one) => one.device === device);
  const arrived = interfaceAt(turn.request.arrived);
  const left = interfaceAt(turn.reply.left);
  if (!arrived || !left || arrived === left || !topology.segments.has(left.segment)) return undefined;
  const source = turn.reply.route?.rule?.origin ?? station.source;
  return { cause: { kind: "other-network", station, arrived, left, turn }, source };
}

function withoutNat({ reply, before }: Turn, stations: Stations): Blamed | undefined {
  const host = stations(reply.netns);
  const station = stations(before?.netns ?? "");
  const exit = station?.interfaces.find(({ device }) => device === before?.left);
  if (!host?.edge?.answersAny || station?.kind !== "router" || !exit) return undefined;
  // A rule for this segment that does not match the packets is probably meant to.
  const rule = station.edge?.nat.find((one) => one.kind === "masquerade" && one.segment?.name === exit.segment);
  return { cause: { kind: "no-nat", station, exit, host }, source: rule?.source ?? station.source };
}

function noRoute(reply: Journey, turn: Turn, stations: Stations): Blamed | undefined {
  // The router without a route, or the last shared hop, which sent the reply elsewhere.
  const { reason } = reply;
  const isLost = reason?.code === "no-route" || reason?.code === "unreachable-route";
  const station = stations(isLost ? reason.netns : turn.reply.netns) ?? stations(turn.reply.netns);
  return station && { cause: { kind: "no-return-route", station, turn }, source: station.source };
}

/* --------------------------------------------------------------- way back */

/** A route for replies, along the path of the request. */
export interface WayBack {
  readonly prefix: Prefix;
  readonly via: Ip;
}

/** Via the previous hop of the request, which must have an address on one of the machine's segments. */
export function wayBackOf(
  topology: Topology,
  station: Station,
  { example, lost: reply }: HalfOpen,
): WayBack | undefined {
  const { journey } = example.outcome;
  const dst = reply.steps.findLast(({ netns }) => netns === station.path)?.packet.dst ?? reply.steps.at(-1)?.packet.dst;
  const prefix = dst === undefined ? undefined : rangeOf(topology, dst);
  if (!prefix) return undefined;
  const stations = stationsByPath(topology);
  const there = visitsOf(journey).map(({ netns }) => netns);
  const until = there.indexOf(station.path);
  // The nearest hop of the request first.
  for (const netns of (until < 0 ? there : there.slice(0, until)).reverse()) {
    const via = addressNear(stations(netns), station, prefix);
    if (netns !== station.path && via !== undefined) return { prefix, via };
  }
  return undefined;
}

/** An address of the machine on a segment that it shares with the other machine, in the family of the prefix. */
export function addressNear(machine: Station | undefined, other: Station, { ip }: Prefix): Ip | undefined {
  const shared = new Set(other.interfaces.map(({ segment }) => segment));
  return machine?.interfaces
    .filter(({ segment }) => shared.has(segment))
    .flatMap(({ addresses }) => addresses.map((one) => one.ip))
    .find((one) => family(one) === family(ip));
}

/** The range of the address: its segment's, or the pods' of its cluster. */
export function rangeOf({ segments, clusters }: Topology, ip: Ip): Prefix | undefined {
  for (const { cidrs } of segments.values()) for (const cidr of cidrs) if (prefixContains(cidr, ip)) return cidr;
  for (const { podCidrs } of clusters) for (const { prefix } of podCidrs) if (prefixContains(prefix, ip)) return prefix;
  return undefined;
}

/** The machine, and the nodes of its cluster with the same networks and routes. */
export function alikeTo({ clusters }: Topology, station: Station): readonly Station[] {
  if (station.kind !== "node") return [station];
  const key = routingOf(station);
  const nodes = clusters.find(({ name }) => name === station.cluster)?.nodes ?? [];
  return nodes.filter((one) => routingOf(one) === key);
}

function routingOf({ interfaces, routes }: Station): string {
  const own = routes.map(({ implied, source }) => (implied ? "" : wholeText(source.decl)));
  return [...interfaces.map(({ segment }) => segment), ...own].join("|");
}
