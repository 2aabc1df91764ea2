/**
 * How a route spreads from its origins to all classes: each speaker selects the best of the routes it receives, until
 * nothing changes. Rules of RFC 4271 section 9 and RFC 4456 in the order of BIRD (bgp_rte_better, proto/bgp/attrs.c): an
 * AS path that contains the receiver's own number is a loop; the shorter path wins, then eBGP over iBGP, then the lower
 * router ID; only a route reflector advertises routes learned from iBGP peers to iBGP peers. A speaker uses all routes
 * that are equal up to the router ID, but advertises only the best one unless the session has ADD-PATH.
 */
import type { Ip } from "../../addressing/ip.ts";
import type { SpeakerClass } from "./classes.ts";
import { clusterIdOf, type Rank, type Speaker } from "./model.ts";
import type { Session } from "./session.ts";

/** Next hops in terms of classes, each with the address that `seenFrom` uses. */
export interface Hop {
  /** The origins in the class, or its other members. */
  readonly among: "origins" | "others";
  /** Only the one with the lowest router ID. */
  readonly first: boolean;
  readonly of: SpeakerClass;
  readonly seenFrom: SpeakerClass;
  /** A gateway instead, which need not run BGP. */
  readonly gateway?: Ip | undefined;
}

/** A route that the members of a class have accepted. */
export interface Known {
  readonly path: readonly number[];
  readonly ebgp: boolean;
  readonly hop: Hop;
  /** The peer that advertised it. */
  readonly from: SpeakerClass;
  /** Learned from a client of this route reflector. */
  readonly fromClient: boolean;
  /** Clusters that it was reflected through. */
  readonly clusters: readonly Ip[];
  /** ORIGINATOR_ID of a reflected route. */
  readonly originator: number | undefined;
  /** Router ID of the peer that advertised it. */
  readonly peer: number;
  /** Segment of a single-hop eBGP session. */
  readonly heardOn: string | undefined;
  readonly rank: Rank;
}

/** Why a class has no route although a peer has one. */
export type Refused =
  /** The receiver's own AS is in the path. */
  | { readonly kind: "loop"; readonly from: SpeakerClass; readonly as: number }
  /** An iBGP route that the peer does not forward, because it is not a route reflector. */
  | { readonly kind: "not-reflected"; readonly from: SpeakerClass }
  | { readonly kind: "filtered"; readonly from: SpeakerClass };

export interface Spread {
  /** By class index, best first; for the class of an origin, the routes of its other members. */
  readonly known: readonly (readonly Known[])[];
  readonly refused: readonly (Refused | undefined)[];
}

export interface SpreadInput {
  readonly classes: readonly SpeakerClass[];
  /** The sessions on which each class receives routes, by its index. */
  readonly heardBy: readonly (readonly Session[])[];
  readonly origins: ReadonlySet<Speaker>;
  /** Whether the speaker's filter allows the route. */
  readonly announces: (speaker: Speaker) => boolean;
  readonly rank: (receiver: SpeakerClass, hop: Hop, origins: ReadonlySet<Speaker>) => Rank;
  /** Through which address on the segment the class reaches the next hop; "itself": directly; undefined: not on it. */
  readonly gateway: (
    sender: SpeakerClass,
    hop: Hop,
    segment: string,
    origins: ReadonlySet<Speaker>,
  ) => Ip | "itself" | undefined;
}

export function spread(input: SpreadInput): Spread {
  const { classes, heardBy } = input;
  const known: (readonly Known[])[] = classes.map(() => []);
  const refused: (Refused | undefined)[] = classes.map(() => undefined);
  const counts = classes.map(({ members }) => members.filter((one) => input.origins.has(one)).length);
  // A path passes each class at most once; a speaker that changes its mind needs further rounds.
  for (let round = 0; round <= 2 * classes.length + 2; round++) {
    let changed = false;
    for (const receiver of classes) {
      if (counts[receiver.index] === receiver.members.length) continue;
      const offers: Known[] = [];
      let reason: Refused | undefined;
      for (const session of heardBy[receiver.index] ?? []) {
        for (const offer of offered(input, session, counts[session.from.index] ?? 0, known)) {
          if ("path" in offer) {
            if (offer.rank !== "own") offers.push(offer);
          } else if (reason?.kind !== "loop") reason = offer;
        }
      }
      const sorted = offers.sort(compare);
      if (!same(sorted, known[receiver.index] ?? [])) changed = true;
      known[receiver.index] = sorted;
      refused[receiver.index] = sorted.length === 0 ? reason : undefined;
    }
    if (!changed) break;
  }
  return { known, refused };
}

/** Routes offered on the session: from the origins in its class, and from the other members that have learned the route. */
function* offered(
  input: SpreadInput,
  session: Session,
  origins: number,
  known: readonly (readonly Known[])[],
): Iterable<Known | Refused> {
  const { from, to } = session;
  const [sender] = from.members;
  if (!sender) return;
  const others = from.members.length - origins - (from === to ? 1 : 0);
  const learned = others > 0 ? (known[from.index] ?? []) : [];
  if (origins === 0 && learned.length === 0) return;
  if (!input.announces(sender)) {
    yield { kind: "filtered", from };
    return;
  }
  if (origins > 0) yield received(input, session, undefined);
  for (const one of session.addPaths ? learned : learned.slice(0, 1)) {
    // A route is not advertised to the peer that it was learned from.
    if (one.from === to && to.members.length === 1) continue;
    yield received(input, session, one);
  }
}

/** The route as received; `learned` undefined: the sender is its origin. */
function received(input: SpreadInput, session: Session, learned: Known | undefined): Known | Refused {
  const { from, to, ebgp } = session;
  const [sender] = from.members;
  const [receiver] = to.members;
  if (!sender || !receiver) throw new Error("a class has members");
  const self: Hop = { among: learned ? "others" : "origins", first: false, of: from, seenFrom: to };
  const peer = routerId(self, input.origins);
  const base = (hop: Hop) => ({
    from,
    peer,
    hop,
    heardOn: session.heardOn,
    fromClient: session.fromClient,
    rank: input.rank(to, hop, input.origins),
  });
  if (ebgp) {
    const sent = learned?.path ?? [];
    const path = [sender.as, ...(session.asOverride ? sent.map((as) => (as === receiver.as ? sender.as : as)) : sent)];
    if (isLoop(path, receiver, session)) return { kind: "loop", from, as: receiver.as };
    const hop = (learned && thirdParty(input, session, learned)) ?? self;
    return { ...base(hop), path, ebgp: true, clusters: [], originator: undefined };
  }
  if (!learned) return { ...base(self), path: [], ebgp: false, clusters: [], originator: undefined };
  // A peer in the same AS can have accepted such a path (allowas-in).
  if (isLoop(learned.path, receiver, session)) return { kind: "loop", from, as: receiver.as };
  const forwarded = {
    ...base(session.addPaths ? learned.hop : firstOf(learned.hop)),
    path: learned.path,
    ebgp: false,
  };
  if (learned.ebgp) return { ...forwarded, clusters: [], originator: undefined };
  if (!session.toClient && !learned.fromClient) return { kind: "not-reflected", from };
  const originator = learned.originator ?? learned.peer;
  const clusters = [...learned.clusters, clusterIdOf(sender)];
  // BIRD checks the cluster list on sessions with its clients only (bgp_decode_attrs), FRR always (bgp_cluster_filter).
  const checks = receiver.daemon === "frr" || session.fromClient;
  const isReflectedBack = checks && clusters.includes(clusterIdOf(receiver));
  if (isReflectedBack || (to.members.length === 1 && originator === receiver.routerId))
    return { kind: "not-reflected", from };
  return { ...forwarded, clusters, originator };
}

function isLoop(path: readonly number[], { as }: Speaker, { allowAsIn }: Session): boolean {
  return path.filter((one) => one === as).length > allowAsIn;
}

/**
 * RFC 4271 section 5.1.3: an eBGP peer that shares the subnet of the next hop sends packets to it directly. Between two
 * eBGP sessions on one subnet the next hop remains (bgp_use_next_hop, proto/bgp/attrs.c); an iBGP route is advertised
 * with the gateway on that subnet as its next hop (bgp_use_gateway).
 */
function thirdParty(input: SpreadInput, { from, sentOn }: Session, learned: Known): Hop | undefined {
  if (sentOn === undefined) return undefined;
  const hop = firstOf(learned.hop);
  if (learned.ebgp) return sentOn === learned.heardOn ? hop : undefined;
  const gateway = input.gateway(from, hop, sentOn, input.origins);
  return gateway === undefined || gateway === "itself" ? gateway && hop : { ...hop, gateway };
}

function firstOf(hop: Hop): Hop {
  return hop.first ? hop : { ...hop, first: true };
}

/** The speakers of the next hop, by router ID. */
export function* speakersOf({ among, first, of }: Hop, origins: ReadonlySet<Speaker>): Iterable<Speaker> {
  for (const member of of.byId) {
    if (origins.has(member) !== (among === "origins")) continue;
    yield member;
    if (first) return;
  }
}

function routerId(hop: Hop, origins: ReadonlySet<Speaker>): number {
  for (const speaker of speakersOf(hop, origins)) return speaker.routerId;
  return 0;
}

function compare(a: Known, b: Known): number {
  return (
    comparePreference(a, b) ||
    (a.originator ?? a.peer) - (b.originator ?? b.peer) ||
    a.clusters.length - b.clusters.length ||
    a.peer - b.peer
  );
}

/** 0: both are used, and share the traffic. */
export function comparePreference(a: Known, b: Known): number {
  return (
    Number(a.rank === undefined) - Number(b.rank === undefined) ||
    a.path.length - b.path.length ||
    Number(b.ebgp) - Number(a.ebgp) ||
    Number(a.rank ?? 0) - Number(b.rank ?? 0)
  );
}

function same(a: readonly Known[], b: readonly Known[]): boolean {
  return a.length === b.length && a.every((one, i) => keyOf(one) === keyOf(b[i]));
}

function keyOf(known: Known | undefined): string {
  if (!known) return "";
  const { path, ebgp, hop, from, fromClient, clusters, originator, heardOn, rank } = known;
  const next = `${hop.among} ${hop.first} ${hop.of.index} ${hop.seenFrom.index} ${hop.gateway ?? ""}`;
  return `${path.join(" ")}|${ebgp}|${next}|${from.index}|${fromClient}|${clusters.join(" ")}|${originator}|${heardOn}|${rank}`;
}
