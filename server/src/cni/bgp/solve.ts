/**
 * Which speakers learn which routes from which peers. Solved once per topology; the cost depends on the number of
 * classes of speakers, and routes are created when read.
 */
import type { Ip } from "../../addressing/ip.ts";
import {
  buildPrefixTable,
  emptyPrefixTable,
  mapPrefixTable,
  type PrefixMatch,
  type PrefixTable,
} from "../../addressing/prefix-table.ts";
import type { Topology, TopologyProblem } from "../../topology/model.ts";
import { classesOf, type SpeakerClass } from "./classes.ts";
import { type Learned, MOST_PATHS, type Origin, ofFamily, type Speaker } from "./model.ts";
import { addressSeenFrom, sessionsOf } from "./sessions.ts";
import { type Hop, type Known, type Refused, type Spread, spread } from "./spread.ts";

export interface Bgp {
  /** Sessions that do not come up. */
  readonly problems: readonly TopologyProblem[];
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

export interface Missing {
  /** A speaker without a route to the prefixes of `origin`. */
  readonly speaker: Speaker;
  readonly origin: Speaker;
  /** Ordered pairs of speakers. */
  readonly pairs: number;
  readonly refused: Refused | undefined;
}

/** Prefixes of one class that all filters treat the same. */
interface Group {
  readonly of: SpeakerClass;
  readonly entries: { readonly speaker: Speaker; readonly origin: Origin }[];
  readonly spread: () => Spread;
}

interface Solved {
  readonly classes: readonly SpeakerClass[];
  readonly classOf: ReadonlyMap<string, SpeakerClass>;
  readonly groups: readonly Group[];
  readonly announced: () => PrefixTable<Announced>;
  readonly problems: readonly TopologyProblem[];
}

interface Announced {
  readonly group: Group;
  readonly speaker: Speaker;
  readonly origin: Origin;
}

export function solveBgp(topology: Topology, speakers: readonly Speaker[]): Bgp {
  const solved = new Map<4 | 6, Solved>();
  const tables = new Map<string, PrefixTable<Learned | undefined>>();
  const of = (family: 4 | 6): Solved => {
    const known = solved.get(family) ?? solveFamily(topology, speakers, family);
    solved.set(family, known);
    return known;
  };
  const families = ([4, 6] as const).filter((family) => speakers.some((one) => ofFamily(one, family).length > 0));
  return {
    get problems() {
      const found = families.flatMap((family) => of(family).problems);
      // A session that fails for both families is one problem.
      return found.filter(
        (one, i) => !found.slice(0, i).some((other) => other.code === one.code && other.source === one.source),
      );
    },
    groupOf: (path) => {
      const groups = families.map((family) => of(family).classOf.get(path)?.index ?? "");
      return groups.every((group) => group === "") ? undefined : groups.join(" ");
    },
    learned: (group, family) => {
      const key = `${family} ${group}`;
      const index = group.split(" ")[families.indexOf(family)] ?? "";
      let table = tables.get(key);
      if (!table) {
        table =
          index === ""
            ? emptyPrefixTable
            : mapPrefixTable(of(family).announced(), family, (match) => learnedAt(match, Number(index), family));
        tables.set(key, table);
      }
      return table;
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
  const groups = groupsOf(classes, heardBy, family);
  let announced: PrefixTable<Announced> | undefined;
  return {
    classes,
    classOf,
    groups,
    announced: () => {
      announced ??= announcedIn(groups);
      return announced;
    },
    problems,
  };
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

/** Every advertised prefix with its origins: built once, and read by each class from its own point of view. */
function announcedIn(groups: readonly Group[]): PrefixTable<Announced> {
  return buildPrefixTable(
    groups.flatMap((group) => group.entries.map((entry) => [entry.origin.prefix, { ...entry, group }] as const)),
  );
}

/**
 * The route that the class has learned to a prefix; of several origins the shorter path is used, of equal paths both.
 */
function learnedAt({ prefix, values }: PrefixMatch<Announced>, index: number, family: 4 | 6): Learned | undefined {
  let best: Learned | undefined;
  for (const { group, speaker, origin } of values) {
    const known = group.spread().known[index];
    if (!known || (best && known.path.length > best.path.length)) continue;
    const via = hopsOf(known, speaker, family);
    best =
      best && known.path.length === best.path.length
        ? { ...best, via: [...new Set([...best.via, ...via])].slice(0, MOST_PATHS) }
        : { prefix, via, path: known.path, origin, from: speaker };
  }
  return best;
}

function hopsOf({ hops }: Known, origin: Speaker, family: 4 | 6): readonly Ip[] {
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

function* speakersOf({ kind, of }: Hop, origin: Speaker): Iterable<Speaker> {
  if (kind === "origin") {
    yield origin;
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
