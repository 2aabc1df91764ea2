/** Questions → traces. The one place where a question's gaps are filled: port, protocol, addresses. */
import { type Family, parseIp } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import { readUrl } from "../topology/ingress.ts";
import type { Topology } from "../topology/model.ts";
import { aimAt, journeysTo } from "./aim.ts";
import { type Surroundings, toTrace } from "./convert.ts";
import { type Endpoint, endpointOf } from "./endpoints.ts";
import { isAnswered, type Lookup, lookupOf } from "./lookup.ts";
import { proxiedBy, secondLeg } from "./proxied.ts";
import type { Query, Trace } from "./schema.ts";

export interface World extends Surroundings {
  readonly topology: Topology;
}

export interface Ask {
  /** A path or an address that somebody has. */
  readonly from: string;
  /** A path or any address; `:port` may follow. */
  readonly to: string;
  readonly port?: number | undefined;
  readonly proto?: Query["proto"] | undefined;
  readonly size?: number | undefined;
  readonly df?: boolean | undefined;
  /** Which of the target's addresses; default: of the families that the sender has, the one that the target's cluster names first. */
  readonly family?: Family | undefined;
}

export type Answer =
  | { readonly ok: true; readonly trace: Trace; readonly journeys: readonly Journey[]; readonly from: Endpoint }
  | { readonly ok: false; readonly error: string; readonly candidates: readonly string[] };

/** Source port of traced packets: from the range of local ports, the same each time so that traces can be compared. */
const SOURCE_PORT = 40000;
const DEFAULT_PORT = 80;

/** Traces one packet and its answer; errors are about the question, in one sentence. */
export function ask(world: World, question: Ask): Answer {
  const { topology } = world;
  const fromIp = parseIp(question.from);
  const from = endpointOf(topology, question.from);
  if (!from.ok) return from;
  const url = readUrl(question.to);
  const proxied = url && proxiedBy(topology, url);
  if (typeof proxied === "string") return { ok: false, error: proxied, candidates: [] };
  const { target, port: writtenPort } =
    url && proxied ? { target: proxied.entry.path, port: url.port } : splitPort(question.to);
  const wanted = question.port ?? writtenPort;
  const to = aimAt(topology, target, from.endpoint, wanted, question.family);
  if (!to.ok) return to;
  const guess = wanted === undefined ? to.ports[0] : to.ports.find((one) => one.port === wanted);
  const proto = question.proto ?? guess?.proto ?? "tcp";
  const port =
    proto === "icmp"
      ? undefined
      : (wanted ??
        (question.proto === undefined || guess?.proto === question.proto ? guess?.port : undefined) ??
        DEFAULT_PORT);
  if (!world.network.netns(from.endpoint.netns))
    return { ok: false, error: `${from.endpoint.path} has no network namespace`, candidates: [] };
  const df = question.df ?? false;
  const lookup = lookupOf(world, target, from.endpoint, question.family);
  if (typeof lookup === "string") return { ok: false, error: lookup, candidates: [] };
  // Who gets no address sends no packet: what happened to the question is what happened.
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
  };
  const notes = [...notesOf(to.notes, lookup), ...(proxied?.notes ?? []), ...cutNote(journeys)];
  const query: Query = {
    from: question.from,
    to: question.to,
    proto,
    ...(port === undefined ? {} : { port }),
    ...(question.size === undefined ? {} : { size: question.size }),
    df,
  };
  return {
    ok: true,
    trace: toTrace(query, journeys, world, notes, { lookup, proxied: onward }),
    journeys,
    from: from.endpoint,
  };
}

/** Too many ways to walk them all: what is missing is said. */
function cutNote(journeys: readonly Journey[]): readonly string[] {
  const sum = journeys.reduce((all, { probability }) => all + probability, 0);
  if (sum > 0.9999) return [];
  const percent = Math.round(sum * 1000) / 10;
  return [
    `there are more ways than these ${journeys.length}, which ${percent} % of such packets take; the others are not shown`,
  ];
}

function notesOf(notes: readonly string[], lookup: Lookup | undefined): readonly string[] {
  if (!lookup) return notes;
  const { name, server, answers } = lookup;
  const answer = answers.length === 0 ? "no address" : answers.join(", ");
  if (!server)
    return [
      ...notes,
      `DNS has ${answer} for ${name}; no service kube-system/kube-dns is declared, so nothing is sent to it`,
    ];
  if (isAnswered(lookup)) return [...notes, `DNS answers ${answer} for ${name}`];
  return [`${name} is not found out: no answer from ${server.path}; the packet is never sent`];
}

/** "shop/api:80" and "[fd00::1]:80"; an IPv6 address without brackets has no port. */
function splitPort(text: string): { target: string; port: number | undefined } {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  if (bracketed)
    return { target: bracketed[1] ?? text, port: bracketed[2] === undefined ? undefined : Number(bracketed[2]) };
  const match = /^([^:]+):(\d{1,5})$/.exec(text);
  if (match) return { target: match[1] ?? text, port: Number(match[2]) };
  return { target: text, port: undefined };
}
