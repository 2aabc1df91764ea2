/**
 * How routes of one class's members spread to all classes: each speaker selects the best of the routes it receives,
 * until nothing changes. Rules of RFC 4271 section 9 and RFC 4456: an AS path that contains the receiver's own number
 * is a loop; the shorter path wins, then eBGP over iBGP; only a route reflector advertises routes learned from iBGP
 * peers to iBGP peers.
 */
import type { Ip } from "../../addressing/ip.ts";
import type { SpeakerClass } from "./classes.ts";
import type { Speaker } from "./model.ts";
import type { Session } from "./sessions.ts";

/**
 * A next hop, in terms of classes: the origin itself, or any member of a class, with the address that `seenFrom` uses.
 */
export interface Hop {
  readonly kind: "origin" | "member";
  readonly of: SpeakerClass;
  readonly seenFrom: SpeakerClass;
}

/** The route that the members of a class have learned. */
export interface Known {
  readonly path: readonly number[];
  readonly ebgp: boolean;
  readonly hops: readonly Hop[];
  /** Learned from a client of this route reflector. */
  readonly fromClient: boolean;
  /** Clusters that it was reflected through. */
  readonly clusters: readonly Ip[];
}

/** Why a class has no route although a peer has one. */
export type Refused =
  /** The receiver's own AS is in the path. */
  | { readonly kind: "loop"; readonly from: SpeakerClass; readonly as: number }
  /** An iBGP route that the peer does not forward, because it is not a route reflector. */
  | { readonly kind: "not-reflected"; readonly from: SpeakerClass }
  | { readonly kind: "filtered"; readonly from: SpeakerClass };

export interface Spread {
  /** By class index; at the index of the origin's own class, the route of its other members. */
  readonly known: readonly (Known | undefined)[];
  readonly refused: readonly (Refused | undefined)[];
}

export function spread(
  classes: readonly SpeakerClass[],
  heardBy: readonly (readonly Session[])[],
  origin: SpeakerClass,
  announces: (speaker: Speaker) => boolean,
): Spread {
  const known: (Known | undefined)[] = classes.map(() => undefined);
  const refused: (Refused | undefined)[] = classes.map(() => undefined);
  // A path passes each class at most once.
  for (let round = 0; round <= classes.length + 1; round++) {
    let changed = false;
    for (const receiver of classes) {
      if (receiver === origin && receiver.members.length < 2) continue;
      const offers: Known[] = [];
      let reason: Refused | undefined;
      for (const session of heardBy[receiver.index] ?? []) {
        for (const offer of offered(session, receiver, origin, known, announces)) {
          if ("path" in offer) offers.push(offer);
          else if (reason?.kind !== "loop") reason = offer;
        }
      }
      const best = bestOf(offers);
      if (!same(best, known[receiver.index])) changed = true;
      known[receiver.index] = best;
      refused[receiver.index] = best === undefined ? reason : undefined;
    }
    if (!changed) break;
  }
  return { known, refused };
}

/** Routes offered on the session: from the origin itself, and from a member of its class that has learned the route. */
function* offered(
  session: Session,
  receiver: SpeakerClass,
  origin: SpeakerClass,
  known: readonly (Known | undefined)[],
  announces: (speaker: Speaker) => boolean,
): Iterable<Known | Refused> {
  const { from } = session;
  const sender = from.members[0];
  if (!sender) return;
  const others = from.members.length - (from === origin ? 1 : 0) - (from === receiver ? 1 : 0);
  const learned = others > 0 ? known[from.index] : undefined;
  if (from !== origin && !learned) return;
  if (!announces(sender)) {
    yield { kind: "filtered", from };
    return;
  }
  if (from === origin) yield received(session, undefined);
  if (learned) yield received(session, learned);
}

/** The route as received; `learned` undefined: the sender is its origin. */
function received(session: Session, learned: Known | undefined): Known | Refused {
  const { from, to, ebgp } = session;
  const [sender] = from.members;
  const [receiver] = to.members;
  if (!sender || !receiver) throw new Error("a class has members");
  if (ebgp) {
    const sent = learned?.path ?? [];
    const path = [sender.as, ...(session.asOverride ? sent.map((as) => (as === receiver.as ? sender.as : as)) : sent)];
    if (path.filter((as) => as === receiver.as).length > session.allowAsIn)
      return { kind: "loop", from, as: receiver.as };
    // The sender of an eBGP session is the next hop.
    const hop: Hop = { kind: learned ? "member" : "origin", of: from, seenFrom: to };
    return { path, ebgp: true, hops: [hop], fromClient: false, clusters: [] };
  }
  if (!learned) {
    const hop: Hop = { kind: "origin", of: from, seenFrom: to };
    return { path: [], ebgp: false, hops: [hop], fromClient: session.fromClient, clusters: [] };
  }
  const base = { path: learned.path, ebgp: false, hops: learned.hops, fromClient: session.fromClient };
  if (learned.ebgp) return { ...base, clusters: [] };
  if (!session.toClient && !learned.fromClient) return { kind: "not-reflected", from };
  const id = clusterIdOf(sender);
  const clusters = id === undefined ? learned.clusters : [...learned.clusters, id];
  if (receiver.clusterId !== undefined && clusters.includes(receiver.clusterId)) return { kind: "not-reflected", from };
  return { ...base, clusters };
}

function clusterIdOf({ clusterId, addresses }: Speaker): Ip | undefined {
  return clusterId ?? addresses[0];
}

function bestOf(offers: readonly Known[]): Known | undefined {
  let best: Known | undefined;
  for (const offer of offers) {
    const rank = best ? compare(offer, best) : -1;
    if (rank < 0) best = offer;
    else if (rank === 0 && best) best = { ...best, hops: merged(best.hops, offer.hops) };
  }
  return best;
}

function compare(a: Known, b: Known): number {
  return a.path.length - b.path.length || Number(b.ebgp) - Number(a.ebgp);
}

function merged(a: readonly Hop[], b: readonly Hop[]): readonly Hop[] {
  const known = new Set(a.map(keyOf));
  return [...a, ...b.filter((hop) => !known.has(keyOf(hop)))];
}

/** The origin is the same next hop, regardless of the speaker that advertised it. */
function keyOf({ kind, of, seenFrom }: Hop): string {
  return `${kind} ${of.index} ${of.members[0]?.station.kind === "router" ? seenFrom.index : ""}`;
}

function same(a: Known | undefined, b: Known | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.ebgp === b.ebgp &&
    a.fromClient === b.fromClient &&
    a.path.join() === b.path.join() &&
    a.clusters.join() === b.clusters.join() &&
    a.hops.map(keyOf).join() === b.hops.map(keyOf).join()
  );
}
