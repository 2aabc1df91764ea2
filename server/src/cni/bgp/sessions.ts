/** The sessions between classes of speakers, and the configured sessions that do not come up. */
import type { Ip } from "../../addressing/ip.ts";
import { formatIp } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import { t } from "../../text/l10n.ts";
import type { Topology, TopologyProblem } from "../../topology/model.ts";
import { CODES, problem } from "../problems.ts";
import { type AccessLists, accessLists, BGP_PORT } from "./acl.ts";
import { means, type SpeakerClass } from "./classes.ts";
import { nameOf, ofFamily, type PeerRule, type Speaker, titleOf } from "./model.ts";

/** One direction of a session: `to` receives routes from `from`. */
export interface Session {
  readonly from: SpeakerClass;
  readonly to: SpeakerClass;
  readonly ebgp: boolean;
  /** Option of the sender. */
  readonly asOverride: boolean;
  /** The receiver is the sender's client. */
  readonly toClient: boolean;
  /** The sender is the receiver's client. */
  readonly fromClient: boolean;
  /** Option of the receiver. */
  readonly allowAsIn: number;
}

export interface Sessions {
  /** The sessions on which each class receives routes, by its index. */
  readonly heardBy: readonly (readonly Session[])[];
  readonly problems: readonly TopologyProblem[];
}

export function sessionsOf(topology: Topology, classes: readonly SpeakerClass[], family: 4 | 6): Sessions {
  const lists = accessLists(topology);
  const heardBy: Session[][] = classes.map(() => []);
  const problems: TopologyProblem[] = [];
  const met = new Set<PeerRule>();
  for (const one of classes) {
    for (const other of classes.slice(one.index)) {
      const a = one.members[0];
      const b = other === one ? one.members[1] : other.members[0];
      if (!a || !b) continue;
      const mine = ruleFor(a, b, family);
      const theirs = ruleFor(b, a, family);
      for (const rule of [mine, theirs]) if (typeof rule === "object") met.add(rule);
      const made = mine && theirs ? refusal(lists, a, mine, b, theirs, family) : oneSided(a, mine, b, theirs);
      if (made === "up" && mine && theirs) {
        heardBy[other.index]?.push(direction(one, a, mine, other, b, theirs));
        if (other !== one) heardBy[one.index]?.push(direction(other, b, theirs, one, a, mine));
      } else if (made !== undefined && made !== "up") problems.push(made);
    }
  }
  return { heardBy, problems: [...problems, ...unmet(classes, met, family)] };
}

/** The speaker's rule for the peer; "mesh" if both are members of one mesh. */
type Configured = PeerRule | "mesh" | undefined;

function ruleFor(speaker: Speaker, peer: Speaker, family: 4 | 6): Configured {
  const rule = speaker.rules.find((one) => means(one, peer, family));
  if (rule) return rule;
  return speaker.mesh !== undefined && speaker.mesh === peer.mesh ? "mesh" : undefined;
}

function refusal(
  lists: AccessLists,
  a: Speaker,
  mine: PeerRule | "mesh",
  b: Speaker,
  theirs: PeerRule | "mesh",
  family: 4 | 6,
): TopologyProblem | "up" {
  const wrong = wrongAs(a, mine, b) ?? wrongAs(b, theirs, a);
  if (wrong) return wrong;
  const from = sessionAddress(a, b, theirs, family);
  const to = sessionAddress(b, a, mine, family);
  if (from === undefined || to === undefined) return "up";
  const there = lists.blocking(a.station, from, b.station, to, BGP_PORT);
  // Either side can connect; one open direction is sufficient.
  if (!there || !lists.blocking(b.station, to, a.station, from, BGP_PORT)) return "up";
  const data = { node: nameOf(a), peer: nameOf(b), port: BGP_PORT };
  return problem(CODES.bgpBlocked, there, data, [
    { source: a.source, message: t`${titleOf(a)} (${formatIp(from)})` },
    { source: b.source, message: t`${titleOf(b)} (${formatIp(to)})` },
  ]);
}

function wrongAs(speaker: Speaker, rule: PeerRule | "mesh", peer: Speaker): TopologyProblem | undefined {
  if (rule === "mesh" || rule.as === undefined || rule.as === peer.as) return undefined;
  const data = { node: nameOf(speaker), as: rule.as, peer: nameOf(peer), peerAs: peer.as };
  return problem(CODES.bgpAsNumber, rule.source, data, [
    { source: peer.source, message: t`${titleOf(peer)} is in AS ${peer.as}` },
  ]);
}

function oneSided(a: Speaker, mine: Configured, b: Speaker, theirs: Configured): TopologyProblem | undefined {
  const [speaker, rule, peer] = mine ? [a, mine, b] : [b, theirs, a];
  if (rule === undefined || rule === "mesh" || rule.implied || rule.to.kind === "range") return undefined;
  return problem(CODES.bgpOneSided, rule.source, { node: nameOf(speaker), as: speaker.as, peer: nameOf(peer) }, [
    { source: peer.source, message: t`${titleOf(peer)} has no peer ${titleOf(speaker)}` },
  ]);
}

/** Rules that match no BGP speaker. */
function unmet(classes: readonly SpeakerClass[], met: ReadonlySet<PeerRule>, family: 4 | 6): TopologyProblem[] {
  const reported = new Set<Source>();
  const problems: TopologyProblem[] = [];
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
        problems.push(problem(CODES.bgpNobody, rule.source, { node: nameOf(speaker), peer }));
      }
    }
  }
  return problems;
}

function direction(
  from: SpeakerClass,
  sender: Speaker,
  sends: PeerRule | "mesh",
  to: SpeakerClass,
  receiver: Speaker,
  takes: PeerRule | "mesh",
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
  };
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
