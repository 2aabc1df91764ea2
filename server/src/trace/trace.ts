/** Computes traces. The only place that fills in missing arguments: port, protocol, addresses. */
import { type Family, family, type Ip, parseIp, unmapped } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import { list, plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { Service, Topology } from "../topology/model.ts";
import { aimAt, choiceOf, familyError, journeysTo } from "./aim.ts";
import { type Surroundings, toTrace } from "./convert.ts";
import { destinationOf } from "./destination.ts";
import { type Endpoint, endpointOf } from "./endpoints.ts";
import { isAnswered, type Lookup, lookupOf } from "./lookup.ts";
import { secondLeg } from "./proxied.ts";
import { receiverOfAll, receiverOfTarget } from "./receivers.ts";
import type { Query, Trace } from "./schema.ts";

export interface World extends Surroundings {
  readonly topology: Topology;
}

export interface Ask {
  /** A path or a declared address. */
  readonly from: string;
  /** A URL, or a path or any address, optionally followed by `:port` or `:port/protocol`. */
  readonly to: string;
  readonly port?: number | undefined;
  readonly proto?: Query["proto"] | undefined;
  readonly size?: number | undefined;
  readonly df?: boolean | undefined;
  /** Address family of the target; default: the first family of the target's cluster that the sender also has. */
  readonly family?: Family | undefined;
}

export type Answer =
  | { readonly ok: true; readonly trace: Trace; readonly journeys: readonly Journey[]; readonly from: Endpoint }
  | { readonly ok: false; readonly error: string; readonly candidates: readonly string[] };

/** Source port of traced packets: in the local port range, and constant to keep traces comparable. */
const SOURCE_PORT = 40000;
const DEFAULT_PORT = 80;

/** Bytes of the headers: IPv4 (RFC 791) or IPv6 (RFC 8200) without options, and TCP, UDP, SCTP (RFC 9260), or ICMP echo. */
const HEADERS = { tcp: 20, udp: 8, sctp: 12, icmp: 8 } as const;

function smallest(proto: Query["proto"], ip: Ip | undefined): number {
  const reached = proto === "icmp" || ip === undefined ? ip : unmapped(ip);
  return (typeof reached === "bigint" ? 40 : 20) + HEADERS[proto];
}

/** Traces one packet and its reply. Errors concern the arguments only. */
export function ask(world: World, question: Ask): Answer {
  const { topology } = world;
  const fromIp = parseIp(question.from);
  const from = endpointOf(topology, question.from);
  if (!from.ok) return from;
  const destination = destinationOf(topology, question);
  if (typeof destination === "string") return { ok: false, error: destination, candidates: [] };
  const { target, proxied, port: wanted } = destination;
  const ipFamily = question.family ?? (fromIp === undefined ? undefined : family(fromIp));
  const to = aimAt(topology, target, from.endpoint, wanted, ipFamily);
  if (!to.ok) return to.unresolved ? withoutAddress(world, question, from.endpoint, to.unresolved) : to;
  const mixed = familyError(fromIp, to.targets[0]?.ip);
  if (mixed !== undefined) return { ok: false, error: mixed, candidates: [] };
  const guess = wanted === undefined ? to.ports[0] : to.ports.find((one) => one.port === wanted);
  const proto = destination.proto ?? guess?.proto ?? "tcp";
  const port =
    proto === "icmp" ? undefined : (wanted ?? (guess?.proto === proto ? guess.port : undefined) ?? DEFAULT_PORT);
  const least = smallest(proto, to.targets[0]?.ip);
  if (question.size !== undefined && question.size < least)
    return { ok: false, error: t`size ${question.size}: the headers alone have ${least} bytes`, candidates: [] };
  if (!world.network.netns(from.endpoint.netns))
    return { ok: false, error: t`${from.endpoint.path} has no network namespace`, candidates: [] };
  const df = question.df ?? false;
  const lookup = lookupOf(world, target, from.endpoint, ipFamily);
  if (typeof lookup === "string") return { ok: false, error: lookup, candidates: [] };
  // Without a DNS answer, no packet is sent: the trace consists of the query.
  const unanswered = lookup && !isAnswered(lookup) ? lookup.journeys : undefined;
  const journeys =
    unanswered ??
    journeysTo(
      world.network,
      {
        from: from.endpoint.netns,
        src: fromIp,
        proto,
        sport: SOURCE_PORT,
        dport: port ?? 0,
        size: question.size,
        df,
      },
      to.targets,
    );
  const onward = proxied && {
    by: proxied.ingress.path,
    ...secondLeg(world.network, proxied, journeys),
    receiver: receiverOfAll(topology, proxied.backends),
  };
  // Without a DNS answer, the journeys are queries to the DNS service.
  const receiver = unanswered ? undefined : receiverOfTarget(topology, to, parseIp(target) !== undefined);
  const sender = choiceOf(question.from, topology.resolve(question.from, "sender"));
  const notes = [
    ...(sender === undefined ? [] : [sender]),
    ...notesOf(to.notes, lookup),
    ...(proxied?.notes ?? []),
    ...raceNote(journeys),
    ...cutNote(journeys),
  ];
  const query = queryOf(question, proto, port);
  return {
    ok: true,
    trace: toTrace(query, journeys, world, notes, { lookup, proxied: onward, receiver }),
    journeys,
    from: from.endpoint,
  };
}

function queryOf(question: Ask, proto: Query["proto"], port: number | undefined): Query {
  return {
    from: question.from,
    to: question.to,
    proto,
    ...(port === undefined ? {} : { port }),
    ...(question.size === undefined ? {} : { size: question.size }),
    df: question.df ?? false,
  };
}

/** A headless service without endpoints: the client has no address, so it sends no packet. */
function withoutAddress(world: World, question: Ask, from: Endpoint, service: Service): Answer {
  const journey: Journey = {
    steps: [],
    verdict: "unreachable",
    reason: {
      code: "name-not-resolved",
      message: t`DNS returns no address for service ${service.path}, which is headless and has no endpoints: no packet is sent`,
      netns: from.netns,
      origin: service.source,
    },
    // getaddrinfo(3)
    error: { kind: "local", errno: "EAI_NONAME" },
    end: from.netns,
    receiver: undefined,
    mtu: 0,
    probability: 1,
    race: undefined,
    reply: undefined,
  };
  const port = question.port ?? service.ports[0]?.port;
  const proto = question.proto ?? service.ports[0]?.proto ?? "tcp";
  const query = queryOf(question, proto, proto === "icmp" ? undefined : (port ?? DEFAULT_PORT));
  return { ok: true, trace: toTrace(query, [journey], world), journeys: [journey], from };
}

/** A note if the first of several replies determines the path. */
function raceNote(journeys: readonly Journey[]): readonly string[] {
  const isOpen = journeys.some((one) => one.race === "first-reply" || one.reply?.race === "first-reply");
  return isOpen
    ? [t`several routers have the anycast address, and the packet can reach any of them: the first one is shown`]
    : [];
}

/** A note if paths were omitted. */
function cutNote(journeys: readonly Journey[]): readonly string[] {
  const sum = journeys.reduce((all, { probability }) => all + probability, 0);
  // Rounding errors of up to 256 summands.
  if (sum > 1 - 1e-9) return [];
  if (sum > 0.9999) return [t`paths with a total probability below 0.01% are omitted`];
  const percent = Math.round(sum * 1000) / 10;
  return [t`${plural(journeys.length, "path")} shown, covering ${percent}% of the packets; further paths are omitted`];
}

function notesOf(notes: readonly string[], lookup: Lookup | undefined): readonly string[] {
  if (!lookup) return notes;
  const { name, server, answers } = lookup;
  const answer = answers.length === 0 ? t`no address` : list(answers, 8);
  if (!server)
    return [
      ...notes,
      t`DNS returns ${answer} for ${name}; the query is not traced, because service kube-system/kube-dns is not declared`,
    ];
  if (isAnswered(lookup)) return [...notes, t`DNS returns ${answer} for ${name}`];
  return [t`${name} is not resolved: no DNS response from ${server}; the packet is never sent`];
}
