/**
 * The order of probes, chosen to keep probes independent of each other. Probes are sent in rounds; all network namespaces
 * flush learned path MTUs between two rounds.
 */
import type { Path, Trace } from "../trace/schema.ts";

export interface Scheduled<T> {
  readonly item: T;
  /** Seconds after the round's start. */
  readonly delay: number;
}

interface Ask {
  readonly from: string;
  /** TCP retransmits if the first error was rate limited. */
  readonly proto: string;
  readonly dst: string;
  readonly size: number | undefined;
  readonly trace: Trace;
  /** The outcome changes after an earlier neighbor request: must be sent before all other probes. */
  readonly unlessAsked: boolean;
  /** Keys (router and sender) of failing neighbor requests that cause ICMP errors of the router. */
  readonly refusedQuestions: readonly string[];
}

/** ip_error() sends a burst of five errors to a sender, then one per second (net.ipv4.route.error_cost, error_burst). */
const ERRORS_AT_ONCE = 4;
const ERROR_PACE = 1.1;
/** ARP sends three requests (net.ipv4.neigh.default.mcast_solicit). */
const ASKED = 3;
/** Bytes of a fragment on a link with a small MTU. */
const SMALLEST_FRAGMENT = 1200;
/** Upper bound, regardless of the number of requests: they are complete after two seconds, and the rate limit recovers shortly after. */
const MOST_SPENT = 2 * ERRORS_AT_ONCE;

export function schedule<T extends Ask>(items: readonly T[]): readonly (readonly Scheduled<T>[])[] {
  const rounds: { readonly busy: Set<string>; readonly list: Scheduled<T>[]; readonly ignorant: boolean }[] = [];
  const errors = new Map<string, number>();
  // Neighbor requests are not delayed: all of them can precede the first expected error.
  for (const { refusedQuestions, proto } of items)
    for (const key of refusedQuestions)
      errors.set(key, Math.min(MOST_SPENT, (errors.get(key) ?? 0) + ASKED * timesSent(proto, undefined)));
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
    for (const key of limited) errors.set(key, before + timesSent(item.proto, item.size));
    round.list.push({ item, delay: Math.max(0, before - ERRORS_AT_ONCE + 1) * ERROR_PACE });
  }
  return rounds.map(({ list }) => list);
}

/** Packets that can cause an error: TCP retransmits after 1 second, and each fragment of a large packet can cause one. */
function timesSent(proto: string, size: number | undefined): number {
  return proto === "tcp" ? 2 : Math.ceil((size ?? 1) / SMALLEST_FRAGMENT);
}

/**
 * Places that can learn a path MTU from a large packet: its sender, the tunnel endpoints along the path, and the tunnel
 * endpoint that rejects it (tnl_update_pmtu in net/ipv4/ip_tunnel.c).
 */
function learning({ from, dst, trace }: Ask): readonly string[] {
  const tunnels = trace.paths
    .flatMap((path) => [path, ...(path.reply ? [path.reply] : [])])
    .flatMap(({ hops, reason }) =>
      hops.filter((hop, i) => hop.action === "encapsulate" || (reason?.code === "too-big" && i === hops.length - 1)),
    )
    .map((hop) => hop.netns);
  return [...new Set([`${from} ${dst}`, ...tunnels])];
}

/** Keys (router and sender) of ICMP errors from the routing decision, about a packet or its reply. */
function rateLimited(path: Path): readonly string[] {
  return [path, ...(path.reply ? [path.reply] : [])].flatMap(({ reason, hops }) => {
    const last = hops.at(-1);
    const ip = last?.packet.headers.find((header) => header.kind === "ip");
    return isRefusedByRoute(reason?.code) && ip?.kind === "ip" ? [`${last?.netns} ${ip.src}`] : [];
  });
}

/** Whether the routing decision itself sends the ICMP error (ip_error, net/ipv4/route.c). */
export function isRefusedByRoute(code: string | undefined): boolean {
  return code === "no-route" || code === "unreachable-route" || code === "prohibit-route";
}
