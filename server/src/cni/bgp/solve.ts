/** Who learns which routes from whom. Asked once for a topology; costs as much as there are kinds of speakers, and routes when read. */
import type { Ip, Prefix } from "../../addressing/ip.ts";
import type { Topology, TopologyProblem } from "../../topology/model.ts";
import { classesOf, type SpeakerClass } from "./classes.ts";
import { type Learned, MOST_PATHS, type Origin, ofFamily, type Speaker } from "./model.ts";
import { addressSeenFrom, sessionsOf } from "./sessions.ts";
import { type Hop, type Known, type Refused, type Spread, spread } from "./spread.ts";

export interface Bgp {
  /** Sessions that do not come up. */
  readonly problems: readonly TopologyProblem[];
  /** Equal for speakers that learn the same routes; undefined for who does not speak BGP. */
  groupOf(path: string): string | undefined;
  /** What the speakers of a group learn; a route to a speaker's own prefix is not for that one. */
  learned(group: string): Iterable<Learned>;
  /** Pairs of groups of which the first one lacks the other's routes. `wanted`: routes that matter. */
  missing(family: 4 | 6, wanted: (speaker: Speaker) => boolean): Iterable<Missing>;
}

export interface Missing {
  /** A speaker without a route to the prefixes of the other. */
  readonly speaker: Speaker;
  readonly origin: Speaker;
  /** Ordered pairs of speakers. */
  readonly pairs: number;
  readonly refused: Refused | undefined;
}

/** Prefixes of one class that all filters treat alike. */
interface Group {
  readonly of: SpeakerClass;
  readonly entries: { readonly speaker: Speaker; readonly origin: Origin }[];
  readonly spread: () => Spread;
}

interface Solved {
  readonly classes: readonly SpeakerClass[];
  readonly classOf: ReadonlyMap<string, SpeakerClass>;
  readonly groups: readonly Group[];
  readonly problems: readonly TopologyProblem[];
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
    get problems() {
      const found = families.flatMap((family) => of(family).problems);
      // A session without IPv6 is the same finding as the one without IPv4.
      return found.filter(
        (one, i) => !found.slice(0, i).some((other) => other.code === one.code && other.source === one.source),
      );
    },
    groupOf: (path) => {
      const groups = families.map((family) => of(family).classOf.get(path)?.index ?? "");
      return groups.every((group) => group === "") ? undefined : groups.join(" ");
    },
    learned: function* (group) {
      const indices = group.split(" ");
      for (const [i, family] of families.entries()) {
        const index = indices[i] ?? "";
        if (index !== "") yield* learnedBy(of(family), Number(index), family);
      }
    },
    missing: (family, wanted) => missingIn(of(family), wanted),
  };
}

function solveFamily(topology: Topology, all: readonly Speaker[], family: 4 | 6): Solved {
  const speakers = all.filter((speaker) => ofFamily(speaker, family).length > 0);
  const classes = classesOf(topology, speakers, family);
  const { heardBy, problems } = sessionsOf(topology, classes, family);
  const classOf = new Map<string, SpeakerClass>();
  for (const one of classes) for (const { station } of one.members) classOf.set(station.path, one);
  return { classes, classOf, groups: groupsOf(classes, heardBy, family), problems };
}

function groupsOf(
  classes: readonly SpeakerClass[],
  heardBy: Parameters<typeof spread>[1],
  family: 4 | 6,
): readonly Group[] {
  const filters = [...new Set(classes.flatMap(({ members }) => members[0]?.exports ?? []))];
  const groups = new Map<string, Group>();
  for (const one of classes) {
    for (const speaker of one.members) {
      for (const origin of speaker.originates) {
        if ((typeof origin.prefix.ip === "number") !== (family === 4)) continue;
        const passed = filters.filter((filter) => filter(origin.prefix));
        const key = `${one.index} ${filters.map((filter) => (passed.includes(filter) ? 1 : 0)).join("")}`;
        let group = groups.get(key);
        if (!group) {
          let made: Spread | undefined;
          const announces = ({ exports }: Speaker) => exports === undefined || passed.includes(exports);
          group = {
            of: one,
            entries: [],
            spread: () => {
              made ??= spread(classes, heardBy, one, announces);
              return made;
            },
          };
          groups.set(key, group);
        }
        group.entries.push({ speaker, origin });
      }
    }
  }
  return [...groups.values()];
}

/* ------------------------------------------------------------------ routes */

function* learnedBy(solved: Solved, index: number, family: 4 | 6): Iterable<Learned> {
  const me = solved.classes[index];
  if (!me) return;
  /** Prefixes that several speakers announce: the shorter path, or both. */
  const shared = sharedPrefixes(solved.groups);
  const best = new Map<string, Learned>();
  for (const group of solved.groups) {
    const known = group.spread().known[index];
    if (!known) continue;
    // Next hops that are the same for all entries are looked up once.
    const common = known.hops.every(({ kind, of }) => kind === "member" && of.members.length === 1)
      ? hopsOf(known, undefined, family)
      : undefined;
    for (const { speaker, origin } of group.entries) {
      const via = common ?? hopsOf(known, speaker, family);
      const one: Learned = { prefix: origin.prefix, via, path: known.path, origin, from: speaker };
      const key = shared && keyOf(origin.prefix);
      if (key === undefined || !shared?.has(key)) {
        yield one;
        continue;
      }
      const other = best.get(key);
      if (!other || one.path.length < other.path.length) best.set(key, one);
      else if (one.path.length === other.path.length)
        best.set(key, { ...other, via: [...new Set([...other.via, ...via])].slice(0, MOST_PATHS) });
    }
  }
  yield* best.values();
}

function keyOf({ ip, len }: Prefix): string {
  return `${ip}/${len}`;
}

const sharedKnown = new WeakMap<readonly Group[], ReadonlySet<string> | undefined>();

/** Nodes' blocks are theirs alone; what routers announce may come from several. */
function sharedPrefixes(groups: readonly Group[]): ReadonlySet<string> | undefined {
  if (sharedKnown.has(groups)) return sharedKnown.get(groups);
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { entries } of groups) {
    for (const { origin } of entries) {
      const key = keyOf(origin.prefix);
      if (seen.has(key)) shared.add(key);
      seen.add(key);
    }
  }
  const found = shared.size > 0 ? shared : undefined;
  sharedKnown.set(groups, found);
  return found;
}

function hopsOf({ hops }: Known, origin: Speaker | undefined, family: 4 | 6): readonly Ip[] {
  const addresses: Ip[] = [];
  for (const hop of hops) {
    for (const speaker of speakersOf(hop, origin)) {
      const [from] = hop.seenFrom.members;
      const ip = from && addressSeenFrom(speaker, from, family);
      if (ip !== undefined && !addresses.includes(ip)) addresses.push(ip);
      if (addresses.length >= MOST_PATHS) return addresses;
    }
  }
  return addresses;
}

function* speakersOf({ kind, of }: Hop, origin: Speaker | undefined): Iterable<Speaker> {
  if (kind === "origin") {
    if (origin) yield origin;
    return;
  }
  for (const member of of.members) if (member !== origin) yield member;
}

/* ----------------------------------------------------------------- missing */

function* missingIn({ classes, groups }: Solved, wanted: (speaker: Speaker) => boolean): Iterable<Missing> {
  for (const group of groups) {
    const [origin] = group.of.members;
    if (!origin || !wanted(origin)) continue;
    const { known, refused } = group.spread();
    for (const one of classes) {
      const speaker = one === group.of ? one.members[1] : one.members[0];
      if (!speaker || !wanted(speaker) || known[one.index]) continue;
      const pairs = one.members.length * (group.of.members.length - (one === group.of ? 1 : 0));
      yield { speaker, origin, pairs, refused: refused[one.index] };
    }
  }
}
