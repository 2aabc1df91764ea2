/**
 * In which order probes are sent, so that none changes what another sees. Rounds follow each other; between two of them all
 * namespaces forget what they learnt of path MTUs.
 */
import type { Path, Trace } from "../trace/schema.ts";

export interface Scheduled<T> {
  readonly item: T;
  /** Seconds after the round's start. */
  readonly delay: number;
}

interface Ask {
  readonly from: string;
  /** TCP sends again where the first error came too early. */
  readonly proto: string;
  readonly dst: string;
  readonly size: number | undefined;
  readonly trace: Trace;
  /** The outcome is another where a neighbour has asked before: to be sent before everything else. */
  readonly unlessAsked: boolean;
  /** Router and sender, of whose questions for a neighbour the router makes errors. */
  readonly refusedQuestions: readonly string[];
}

/** ip_error() answers a sender with five packets at once, then one a second (net.ipv4.route.error_cost, error_burst). */
const ERRORS_AT_ONCE = 4;
const ERROR_PACE = 1.1;
/** ARP asks three times (net.ipv4.neigh.default.mcast_solicit). */
const ASKED = 3;
/** However many ask: they are through after two seconds, and the account is full again soon after. */
const MOST_SPENT = 2 * ERRORS_AT_ONCE;

export function schedule<T extends Ask>(items: readonly T[]): readonly (readonly Scheduled<T>[])[] {
  const rounds: { readonly busy: Set<string>; readonly list: Scheduled<T>[]; readonly ignorant: boolean }[] = [];
  const errors = new Map<string, number>();
  // Questions wait for nothing: all of them may be asked before the first error that is looked for.
  for (const { refusedQuestions, proto } of items)
    for (const key of refusedQuestions)
      errors.set(key, Math.min(MOST_SPENT, (errors.get(key) ?? 0) + ASKED * timesSent(proto)));
  const first = items.filter(({ unlessAsked }) => unlessAsked);
  for (const item of [...first, ...items.filter(({ unlessAsked }) => !unlessAsked)]) {
    const places = item.size === undefined ? [] : learning(item);
    let round = rounds.find(
      ({ busy, ignorant }) => ignorant === item.unlessAsked && places.every((place) => !busy.has(place)),
    );
    if (!round) {
      round = { busy: new Set(), list: [], ignorant: item.unlessAsked };
      rounds.push(round);
    }
    for (const place of places) round.busy.add(place);
    const limited = item.trace.paths.flatMap(rateLimited);
    const before = Math.max(0, ...limited.map((key) => errors.get(key) ?? 0));
    for (const key of limited) errors.set(key, before + timesSent(item.proto));
    round.list.push({ item, delay: Math.max(0, before - ERRORS_AT_ONCE + 1) * ERROR_PACE });
  }
  return rounds.map(({ list }) => list);
}

/** TCP sends again after a second. */
function timesSent(proto: string): number {
  return proto === "tcp" ? 2 : 1;
}

/** Who may learn a path MTU by a large packet: its sender, and the ends of tunnels on the way. */
function learning({ from, dst, trace }: Ask): readonly string[] {
  const tunnels = trace.paths
    .flatMap((path) => [...path.hops, ...(path.reply?.hops ?? [])])
    .filter((hop) => hop.action === "encapsulate")
    .map((hop) => hop.netns);
  return [...new Set([`${from} ${dst}`, ...tunnels])];
}

/** Errors that come from the routing decision itself, about a packet or its answer: one key for each pair of router and sender. */
function rateLimited(path: Path): readonly string[] {
  return [path, ...(path.reply ? [path.reply] : [])].flatMap(({ reason, hops }) => {
    const last = hops.at(-1);
    const ip = last?.packet.headers.find((header) => header.kind === "ip");
    return isRefusedByRoute(reason?.code) && ip?.kind === "ip" ? [`${last?.netns} ${ip.src}`] : [];
  });
}

/** Does the routing decision itself make an error of it (ip_error, net/ipv4/route.c)? */
export function isRefusedByRoute(code: string | undefined): boolean {
  return code === "no-route" || code === "unreachable-route" || code === "prohibit-route";
}
