/**
 * Which speakers learn which routes from which peers. Solved once per topology; the cost depends on the number of
 * classes of speakers, and routes are created when read.
 */

import { formatPrefix, hostPrefix, type Ip, type Prefix } from "../../addressing/ip.ts";
import {
  buildPrefixTable,
  emptyPrefixTable,
  mapPrefixTable,
  type PrefixMatch,
  type PrefixTable,
} from "../../addressing/prefix-table.ts";
import { valueAt } from "../../memo/memo.ts";
import type { Topology } from "../../topology/model.ts";
import type { NetworkProblem } from "../problems.ts";
import { classesOf, type SpeakerClass } from "./classes.ts";
import {
  type Learned,
  type LearnedTable,
  MOST_PATHS,
  type Originated,
  ofFamily,
  type Rank,
  type Speaker,
} from "./model.ts";
import { addressSeenFrom, type Sessions, sessionsOf } from "./sessions.ts";
import {
  comparePreference,
  type Hop,
  type Known,
  type Refused,
  type Spread,
  type SpreadInput,
  speakersOf,
  spread,
} from "./spread.ts";
import { hostStates, type Underlay, underlay } from "./underlay.ts";

export interface Bgp {
  /** Sessions that do not come up. */
  problems(): readonly NetworkProblem[];
  /** Pairs of classes with a session, by one family or the other; a class that is paired with itself has two members. */
  sessions(): readonly SessionPair[];
  /** Equal for speakers that learn the same routes; undefined for machines that do not run BGP. */
  groupOf(path: string): string | undefined;
  /**
   * Routes that the speakers of a group learn, by prefix; undefined for prefixes of which they receive no route. A
   * route to a speaker's own prefix does not apply to that speaker.
   */
  learned(group: string, family: 4 | 6): PrefixTable<Learned | undefined>;
  /** Pairs of groups where the first has no routes to the second. `wanted`: the speakers whose routes matter. */
  missing(family: 4 | 6, wanted: (speaker: Speaker) => boolean): Iterable<Missing>;
}

export interface SessionPair {
  readonly from: readonly Speaker[];
  readonly to: readonly Speaker[];
}

export interface Missing {
  /** A speaker without a route to the prefixes of `origin`. */
  readonly speaker: Speaker;
  readonly origin: Speaker;
  /** Ordered pairs of speakers. */
  readonly pairs: number;
  readonly refused: Refused | undefined;
}

/** Prefixes that spread in the same way. */
interface Group {
  /** Class of the first origin. */
  readonly of: SpeakerClass;
  readonly entries: { readonly of: SpeakerClass; readonly speaker: Speaker; readonly origin: Originated }[];
  /** The origins of its first prefix; the other prefixes spread in the same way from their own origins. */
  readonly origins: ReadonlySet<Speaker>;
  readonly announces: (speaker: Speaker) => boolean;
  /** The only prefix of a group whose prefix contains the address of a speaker, and therefore of a next hop. */
  readonly around: Prefix | undefined;
}

/** What does not depend on sessions. */
interface Announcements {
  readonly classes: readonly SpeakerClass[];
  readonly classOf: ReadonlyMap<string, SpeakerClass>;
  readonly groups: readonly Group[];
  readonly announced: () => PrefixTable<Announced>;
}

interface Solved extends Announcements {
  readonly sessions: Sessions;
  spread(group: Group): Spread;
  learned(index: number): LearnedTable;
}

interface Announced {
  readonly group: Group;
  readonly speaker: Speaker;
  readonly origin: Originated;
}

export function solveBgp(topology: Topology, speakers: readonly Speaker[]): Bgp {
  const solved = new Map<4 | 6, Solved>();
  const of = (family: 4 | 6): Solved => {
    const known = solved.get(family) ?? solveFamily(topology, speakers, family);
    solved.set(family, known);
    return known;
  };
  const families = ([4, 6] as const).filter((family) => speakers.some((one) => ofFamily(one, family).length > 0));
  return {
    problems() {
      const found = families.flatMap((family) => of(family).sessions.problems);
      // A session that fails for both families is one problem.
      return found.filter(
        (one, i) => !found.slice(0, i).some((other) => other.code === one.code && other.source === one.source),
      );
    },
    sessions: () => families.flatMap((family) => pairsOf(of(family).sessions)),
    groupOf: (path) => {
      const groups = families.map((family) => of(family).classOf.get(path)?.index ?? "");
      return groups.every((group) => group === "") ? undefined : groups.join(" ");
    },
    learned: (group, family) => {
      const index = group.split(" ")[families.indexOf(family)] ?? "";
      return index === "" ? emptyPrefixTable : of(family).learned(Number(index));
    },
    missing: (family, wanted) => missingIn(of(family), wanted),
  };
}

function pairsOf({ heardBy }: Sessions): readonly SessionPair[] {
  return heardBy.flatMap((list) =>
    list
      .filter(({ from, to }) => from.index <= to.index)
      .map(({ from, to }) => ({ from: from.members, to: to.members })),
  );
}

/**
 * Sessions and next hops can depend on routes that other sessions provide. Each pass takes these from the previous pass,
 * the first one from connected and static routes alone; all of them are computed only where they are needed.
 */
const FURTHER_PASSES = 2;

function solveFamily(topology: Topology, all: readonly Speaker[], family: 4 | 6): Solved {
  const speakers = all.filter((speaker) => ofFamily(speaker, family).length > 0);
  const classes = classesOf(topology, speakers, family);
  const classOf = new Map<string, SpeakerClass>();
  for (const one of classes) for (const { station } of one.members) classOf.set(station.path, one);
  const groups = groupsOf(classes, family);
  let announced: PrefixTable<Announced> | undefined;
  const announcements: Announcements = {
    classes,
    classOf,
    groups,
    announced: () => {
      announced ??= announcedIn(groups);
      return announced;
    },
  };
  const hostOf = hostStates();
  const before = underlay(hostOf, () => undefined);
  let solved = solvedOver(announcements, sessionsOf(topology, classes, before, family), UNKNOWN, family);
  for (let pass = 0; pass < FURTHER_PASSES; pass++) {
    const previous = solved;
    const routes = underlay(hostOf, (station) => {
      const own = classOf.get(station.path);
      return own && previous.learned(own.index);
    });
    const sessions = previous.sessions.unrouted ? sessionsOf(topology, classes, routes, family) : previous.sessions;
    solved = solvedOver(announcements, sessions, reachingIn(routes, family), family);
  }
  return solved;
}

function solvedOver(announcements: Announcements, sessions: Sessions, reaching: Reaching, family: 4 | 6): Solved {
  const { classes, announced } = announcements;
  const spreads = new Map<Group, Spread>();
  const tables = new Map<number, LearnedTable>();
  const { heardBy } = sessions;
  const spreadOf = (group: Group): Spread =>
    valueAt(spreads, group, () => {
      const { origins, announces, around } = group;
      return spread({ classes, heardBy, origins, announces, ...reaching(around) });
    });
  return {
    ...announcements,
    sessions,
    spread: spreadOf,
    learned: (index) =>
      valueAt(tables, index, () =>
        mapPrefixTable(announced(), family, (match) => learnedAt(match, spreadOf, index, family)),
      ),
  };
}

/** How classes reach next hops, by the addresses that these have there. */
type Reaching = (around: Prefix | undefined) => Pick<SpreadInput, "rank" | "gateway">;

const UNKNOWN: Reaching = () => ({ rank: () => 0, gateway: () => undefined });

function reachingIn(routes: Underlay, family: 4 | 6): Reaching {
  const known = new Map<string, Rank>();
  return (around) => ({
    rank: (receiver, hop, origins) => {
      const { speaker, ip } = firstAddress(hop, origins, family);
      const self = receiver.members.find((member) => member !== speaker) ?? speaker;
      if (!self || ip === undefined) return 0;
      return valueAt(known, `${receiver.index} ${ip} ${around ? formatPrefix(around) : ""}`, () =>
        routes.rank(self, ip, around),
      );
    },
    gateway: ({ members: [sender] }, hop, segment, origins) => {
      const { ip } = firstAddress(hop, origins, family);
      const next = sender && ip !== undefined ? routes.forward(sender.station, ip) : undefined;
      const on = sender?.station.interfaces.find(({ device }) => device === next?.dev)?.segment;
      if (on !== segment) return undefined;
      return next?.via === undefined || next.via === ip ? "itself" : next.via;
    },
  });
}

function firstAddress(
  hop: Hop,
  origins: ReadonlySet<Speaker>,
  family: 4 | 6,
): { readonly speaker: Speaker | undefined; readonly ip: Ip | undefined } {
  const [from] = hop.seenFrom.members;
  for (const speaker of speakersOf(hop, origins)) {
    if (hop.gateway !== undefined) return { speaker: undefined, ip: hop.gateway };
    return { speaker, ip: from && addressSeenFrom(speaker, from, family) };
  }
  return { speaker: undefined, ip: undefined };
}

type Entry = Group["entries"][number];

/**
 * One group per class for prefixes with one origin, unless a comparison of router IDs can have another result; one per
 * set of origins for other prefixes.
 */
function groupsOf(classes: readonly SpeakerClass[], family: 4 | 6): readonly Group[] {
  const filters = [...new Set(classes.flatMap(({ members }) => members[0]?.exports ?? []))];
  const groups = new Map<string, Group>();
  const ranks = ranksOf(classes);
  const addresses = buildPrefixTable(
    classes.flatMap(({ members }) =>
      members.flatMap((one) => ofFamily(one, family).map((ip) => [hostPrefix(ip), ip] as const)),
    ),
  );
  for (const entries of entriesByPrefix(classes, family)) {
    const [{ of, speaker, origin }] = entries;
    const passed = filters.filter((filter) => filter(origin.prefix));
    const from = entries.length === 1 ? ranks(of, speaker) : entries.map((one) => one.speaker.station.path).join(" ");
    const around = isEmpty(addresses.coveredBy(origin.prefix)) ? undefined : origin.prefix;
    const key = `${of.index} ${from} ${around ? formatPrefix(around) : ""} ${filters.map((filter) => (passed.includes(filter) ? 1 : 0)).join("")}`;
    const group = valueAt(groups, key, () => ({
      of,
      entries: [],
      origins: new Set(entries.map((one) => one.speaker)),
      announces: ({ exports }) => exports === undefined || passed.includes(exports),
      around,
    }));
    group.entries.push(...entries);
  }
  return [...groups.values()];
}

function isEmpty(list: Iterable<unknown>): boolean {
  for (const _ of list) return false;
  return true;
}

type Entries = readonly [Entry, ...Entry[]];

function entriesByPrefix(classes: readonly SpeakerClass[], family: 4 | 6): Iterable<Entries> {
  const found = new Map<string, [Entry, ...Entry[]]>();
  for (const of of classes) {
    for (const speaker of of.byId) {
      for (const origin of speaker.originates) {
        if ((typeof origin.prefix.ip === "number") !== (family === 4)) continue;
        const key = `${origin.prefix.ip}/${origin.prefix.len}`;
        const same = found.get(key);
        if (!same) found.set(key, [{ of, speaker, origin }]);
        else if (!same.some((one) => one.speaker === speaker)) same.push({ of, speaker, origin });
      }
    }
  }
  return found.values();
}

/**
 * The position of a speaker's router ID among the lowest ones of the classes in its AS: only they advertise its route
 * with a path of the same length.
 */
function ranksOf(classes: readonly SpeakerClass[]): (of: SpeakerClass, speaker: Speaker) => string {
  const lowest = new Map<number, number[]>();
  for (const { byId } of classes) {
    for (const { as, routerId } of byId.slice(0, 2)) {
      const ids = lowest.get(as) ?? [];
      ids.push(routerId);
      lowest.set(as, ids);
    }
  }
  for (const ids of lowest.values()) ids.sort((a, b) => a - b);
  return ({ byId }, { as, routerId }) => {
    if (byId.length === 1) return "";
    const ids = lowest.get(as) ?? [];
    let [low, high] = [0, ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ids[middle] ?? 0) < routerId) low = middle + 1;
      else high = middle;
    }
    return `${low}${ids[low] === routerId ? "=" : ""}`;
  };
}

/* ------------------------------------------------------------------ routes */

/** Every advertised prefix with its origins: built once, and read by each class from its own point of view. */
function announcedIn(groups: readonly Group[]): PrefixTable<Announced> {
  return buildPrefixTable(
    groups.flatMap((group) => group.entries.map((entry) => [entry.origin.prefix, { ...entry, group }] as const)),
  );
}

/** The route that the class has learned to a prefix. */
function learnedAt(
  { prefix, values }: PrefixMatch<Announced>,
  spreadOf: (group: Group) => Spread,
  index: number,
  family: 4 | 6,
): Learned | undefined {
  const [first] = values;
  const known = first && spreadOf(first.group).known[index];
  const best = known?.[0];
  if (!first || !known || !best) return undefined;
  const origins = values.map(({ speaker }) => speaker);
  const [via = [], ...worse] = ranked(known).map((equal) => hopsOf(equal, new Set(origins), family));
  return { prefix, via, path: best.path, origin: first.origin, from: first.speaker, origins, worse };
}

/** Routes that are used together, best first. */
function ranked(known: readonly Known[]): readonly (readonly Known[])[] {
  const groups: Known[][] = [];
  for (const one of known) {
    const last = groups.at(-1);
    const [first] = last ?? [];
    if (last && first && comparePreference(first, one) === 0) last.push(one);
    else groups.push([one]);
  }
  return groups;
}

function hopsOf(known: readonly Known[], origins: ReadonlySet<Speaker>, family: 4 | 6): readonly Ip[] {
  const addresses: Ip[] = [];
  for (const { hop } of known) {
    for (const speaker of speakersOf(hop, origins)) {
      const [from] = hop.seenFrom.members;
      const ip = hop.gateway ?? (from && addressSeenFrom(speaker, from, family));
      if (ip !== undefined && !addresses.includes(ip)) addresses.push(ip);
      if (addresses.length >= MOST_PATHS) return addresses;
    }
  }
  return addresses;
}

/* ----------------------------------------------------------------- missing */

function* missingIn(
  { classes, groups, spread: spreadOf }: Solved,
  wanted: (speaker: Speaker) => boolean,
): Iterable<Missing> {
  const counted = classes.map(() => new Set<Speaker>());
  for (const group of groups) {
    const { entries, origins } = group;
    const [origin] = origins;
    if (!origin || !wanted(origin)) continue;
    const { known, refused } = spreadOf(group);
    for (const one of classes) {
      const speaker = one.members.find((member) => !origins.has(member));
      if (!speaker || !wanted(speaker) || (known[one.index] ?? []).length > 0) continue;
      let pairs = 0;
      for (const entry of entries) {
        if (counted[one.index]?.has(entry.speaker)) continue;
        counted[one.index]?.add(entry.speaker);
        pairs += one.members.length - (entry.of === one ? 1 : 0);
      }
      if (pairs > 0) yield { speaker, origin, pairs, refused: refused[one.index] };
    }
  }
}
