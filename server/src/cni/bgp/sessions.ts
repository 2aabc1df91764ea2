/** The sessions between classes of speakers, and the configured sessions that do not come up. */
import { formatIp, type Ip } from "../../addressing/ip.ts";
import type { Origin } from "../../declared/origin.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";
import { CODES, type NetworkProblem, problem } from "../problems.ts";
import { type AccessLists, accessLists, BGP_PORT } from "./acl.ts";
import { means, type SpeakerClass } from "./classes.ts";
import { ofFamily, type PeerRule, refOf, type Speaker, titleOf } from "./model.ts";
import type { Session } from "./session.ts";
import { type Connects, connections, isLoopback, isOnLink, type Underlay } from "./underlay.ts";

export interface Sessions {
  /** The sessions on which each class receives routes, by its index. */
  readonly heardBy: readonly (readonly Session[])[];
  readonly problems: readonly NetworkProblem[];
  /** Whether a session is down because there is no route between the peers. */
  readonly unrouted: boolean;
}

export function sessionsOf(
  topology: Topology,
  classes: readonly SpeakerClass[],
  routes: Underlay,
  family: 4 | 6,
): Sessions {
  const around: Around = { lists: accessLists(topology), connects: connections(topology, routes), family };
  const isDown = downBetween(topology);
  let unrouted = false;
  const heardBy: Session[][] = classes.map(() => []);
  const problems: NetworkProblem[] = [];
  const met = new Set<PeerRule>();
  for (const one of classes) {
    for (const other of classes.slice(one.index)) {
      const a = one.members[0];
      const b = other === one ? one.members[1] : other.members[0];
      if (!a || !b || isDown(a.station.path, b.station.path)) continue;
      const mine = ruleFor(a, b, family);
      const theirs = ruleFor(b, a, family);
      for (const rule of [mine, theirs]) if (typeof rule === "object") met.add(rule);
      const made = mine && theirs ? refusal(around, a, mine, b, theirs) : oneSided(a, mine, b, theirs);
      if (made === "up" && mine && theirs) {
        const link = a.as === b.as ? undefined : sharedSegment(a, mine, b, theirs, family);
        const left: End = { of: one, speaker: a, rule: mine };
        const right: End = { of: other, speaker: b, rule: theirs };
        heardBy[other.index]?.push(direction(left, right, link));
        if (other !== one) heardBy[one.index]?.push(direction(right, left, link));
      } else if (made === "unrouted") {
        unrouted = true;
        const found = unroutable(a, mine, b, theirs);
        if (found) problems.push(found);
      } else if (typeof made === "object") problems.push(made);
    }
  }
  return { heardBy, problems: [...problems, ...unmet(classes, met, family)], unrouted };
}

/** Speakers with a session that is down are each a class of one. */
function downBetween({ downSessions = [] }: Topology): (a: string, b: string) => boolean {
  return (a, b) => downSessions.some(([one, other]) => (one === a && other === b) || (one === b && other === a));
}

/** The speaker's rule for the peer; "mesh" if both are members of one mesh. */
type Configured = PeerRule | "mesh" | undefined;

function ruleFor(speaker: Speaker, peer: Speaker, family: 4 | 6): Configured {
  const rule = speaker.rules.find((one) => means(one, peer, family));
  if (rule) return rule;
  return speaker.mesh !== undefined && speaker.mesh === peer.mesh ? "mesh" : undefined;
}

interface Around {
  readonly lists: AccessLists;
  readonly connects: Connects;
  readonly family: 4 | 6;
}

function refusal(
  { lists, connects, family }: Around,
  a: Speaker,
  mine: PeerRule | "mesh",
  b: Speaker,
  theirs: PeerRule | "mesh",
): NetworkProblem | "up" | "unrouted" {
  const wrong = wrongAs(a, mine, b) ?? wrongAs(b, theirs, a);
  if (wrong) return wrong;
  const from = sessionAddress(a, b, theirs, family);
  const to = sessionAddress(b, a, mine, family);
  if (from === undefined || to === undefined) return "up";
  const apart = offLink(a, mine, from, b, to) ?? offLink(b, theirs, to, a, from);
  if (apart) return apart;
  if (!connects(a.station, from, b.station, to)) return "unrouted";
  const there = lists.blocking(a.station, from, b.station, to, BGP_PORT);
  // Either side can connect; one open direction is sufficient.
  if (!there || !lists.blocking(b.station, to, a.station, from, BGP_PORT)) return "up";
  const data = { node: refOf(a), peer: refOf(b), port: BGP_PORT };
  return problem(CODES.bgpBlocked, there, data, [
    { source: a.source, message: t`${titleOf(a)} (${formatIp(from)})` },
    { source: b.source, message: t`${titleOf(b)} (${formatIp(to)})` },
  ]);
}

/** An eBGP peer of a router must be directly connected, unless `ebgp-multihop` is configured (RFC 4271 section 5.1.3). */
function offLink(
  speaker: Speaker,
  rule: PeerRule | "mesh",
  own: Ip,
  peer: Speaker,
  to: Ip,
): NetworkProblem | undefined {
  if (rule === "mesh" || speaker.daemon === "bird" || speaker.as === peer.as || isOnLink(speaker.station, to))
    return undefined;
  if (isLoopback(peer.station, to) || isLoopback(speaker.station, own)) return undefined;
  return cannotConnect(speaker, rule, peer, "off-link");
}

/** Not for a session of a mesh, whose problem is reported as missing routes. */
function unroutable(a: Speaker, mine: Configured, b: Speaker, theirs: Configured): NetworkProblem | undefined {
  if (mine && mine !== "mesh") return cannotConnect(a, mine, b, "no-route");
  return theirs && theirs !== "mesh" ? cannotConnect(b, theirs, a, "no-route") : undefined;
}

function cannotConnect(
  speaker: Speaker,
  rule: PeerRule,
  peer: Speaker,
  cause: "off-link" | "no-route",
): NetworkProblem {
  const data = { node: refOf(speaker), peer: refOf(peer), cause };
  return problem(CODES.bgpNobody, rule.source, data, [{ source: peer.source, message: titleOf(peer) }]);
}

function wrongAs(speaker: Speaker, rule: PeerRule | "mesh", peer: Speaker): NetworkProblem | undefined {
  if (rule === "mesh" || rule.as === undefined || rule.as === peer.as) return undefined;
  const data = { node: refOf(speaker), as: rule.as, peer: refOf(peer), peerAs: peer.as };
  return problem(CODES.bgpAsNumber, rule.source, data, [
    { source: peer.source, message: t`${titleOf(peer)} is in AS ${peer.as}` },
  ]);
}

function oneSided(a: Speaker, mine: Configured, b: Speaker, theirs: Configured): NetworkProblem | undefined {
  const [speaker, rule, peer] = mine ? [a, mine, b] : [b, theirs, a];
  if (rule === undefined || rule === "mesh" || rule.implied || rule.to.kind === "range") return undefined;
  return problem(CODES.bgpOneSided, rule.source, { node: refOf(speaker), as: speaker.as, peer: refOf(peer) }, [
    { source: peer.source, message: t`${titleOf(peer)} has no peer ${titleOf(speaker)}` },
  ]);
}

/** Rules that match no BGP speaker. */
function unmet(classes: readonly SpeakerClass[], met: ReadonlySet<PeerRule>, family: 4 | 6): NetworkProblem[] {
  const reported = new Set<Origin>();
  const problems: NetworkProblem[] = [];
  for (const { members } of classes) {
    for (const speaker of members) {
      for (const rule of speaker.rules) {
        if (met.has(rule) || rule.implied || reported.has(rule.source)) continue;
        const { to } = rule;
        // The rule might match a speaker of the same class (a node of a pool by its name), or be about the other
        // family.
        if (to.kind === "range" || (to.kind === "address" && (typeof to.ip === "number") !== (family === 4))) continue;
        if (classes.some((one) => one.members.some((peer) => peer !== speaker && means(rule, peer, family)))) continue;
        reported.add(rule.source);
        const peer = to.kind === "address" ? formatIp(to.ip) : to.kind === "station" ? to.path : t`the selected nodes`;
        const address = to.kind === "address" ? to.ip : undefined;
        problems.push(problem(CODES.bgpNobody, rule.source, { node: refOf(speaker), peer, address, cause: "nobody" }));
      }
    }
  }
  return problems;
}

/** One side of a session. */
interface End {
  readonly of: SpeakerClass;
  readonly speaker: Speaker;
  readonly rule: PeerRule | "mesh";
}

function direction(
  { of: from, speaker: sender, rule: sends }: End,
  { of: to, speaker: receiver, rule: takes }: End,
  link: string | undefined,
): Session {
  const ebgp = sender.as !== receiver.as;
  return {
    from,
    to,
    ebgp,
    asOverride: sends !== "mesh" && sends.asOverride,
    toClient: !ebgp && sends !== "mesh" && sends.client(sender, receiver),
    fromClient: !ebgp && takes !== "mesh" && takes.client(receiver, sender),
    allowAsIn: takes === "mesh" ? 0 : takes.allowAsIn,
    addPaths: sender.daemon === "bird" && receiver.daemon === "bird",
    sentOn: sender.daemon === "bird" ? undefined : link,
    heardOn: receiver.daemon === "bird" ? undefined : link,
  };
}

/** The segment on which both session addresses are. */
function sharedSegment(
  a: Speaker,
  mine: PeerRule | "mesh",
  b: Speaker,
  theirs: PeerRule | "mesh",
  family: 4 | 6,
): string | undefined {
  const from = sessionAddress(a, b, theirs, family);
  const to = sessionAddress(b, a, mine, family);
  const segment = (speaker: Speaker, ip: Ip | undefined) =>
    speaker.station.interfaces.find(({ addresses }) => addresses.some((own) => own.ip === ip))?.segment;
  const found = segment(a, from);
  return found === segment(b, to) ? found : undefined;
}

/** The address of `speaker` that `peer` connects to: the one in the peer's rule, else one on a shared segment. */
function sessionAddress(
  speaker: Speaker,
  peer: Speaker,
  rule: PeerRule | "mesh" | undefined,
  family: 4 | 6,
): Ip | undefined {
  const own = ofFamily(speaker, family);
  if (own.length < 2) return own[0];
  if (typeof rule === "object" && rule.to.kind === "address" && own.includes(rule.to.ip)) return rule.to.ip;
  const near = new Set(peer.station.interfaces.map(({ segment }) => segment));
  for (const { segment, addresses } of speaker.station.interfaces) {
    const found = near.has(segment) ? addresses.find(({ ip }) => own.includes(ip)) : undefined;
    if (found) return found.ip;
  }
  return own[0];
}

/** Same as `sessionAddress`, with the rule that `peer` has for `speaker`. */
export function addressSeenFrom(speaker: Speaker, peer: Speaker, family: 4 | 6): Ip | undefined {
  return sessionAddress(speaker, peer, ruleFor(peer, speaker, family), family);
}
