/** The first phase: statements → declared objects, each name once. */
import type { Decl } from "../declared/decl.ts";
import type { Origin } from "../declared/origin.ts";
import type { NamedKind } from "../declared/problem-data.ts";
import { succeedList } from "../memo/lineage.ts";
import { perItem } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";
import { sameMap } from "../memo/same.ts";
import { type ClusterDefaults, type ClusterDraft, readCluster } from "./cluster.ts";
import { firstNames } from "./first-names.ts";
import { type NodeBudget, nodeBudget } from "./node-budget.ts";
import type { TopologyProblem } from "./problems.ts";
import { type SecurityGroupParts, securityGroupIn } from "./security-groups.ts";
import { type SegmentParts, segmentIn } from "./segments.ts";
import { nameTwice, readStation, type StationParts } from "./station.ts";

/** One file's declarations, as returned by `decodeFile`. */
export interface TopologyFile {
  readonly file: string;
  readonly decls: readonly Decl[];
}

export interface Declared {
  readonly segments: ReadonlyMap<string, SegmentParts>;
  readonly groups: ReadonlyMap<string, SecurityGroupParts>;
  /** Routers and hosts, also those with a name that is already used. */
  readonly written: readonly StationParts[];
  /** Routers, hosts, and clusters in order of declaration. */
  readonly placed: readonly (StationParts | ClusterDraft)[];
  /** Routers and hosts. */
  readonly outside: readonly StationParts[];
  readonly clusters: readonly ClusterDraft[];
  readonly expectations: readonly { readonly file: string; readonly decl: Decl }[];
  readonly tunnels: readonly { readonly file: string; readonly decl: Decl }[];
  readonly budget: NodeBudget;
  readonly problems: readonly TopologyProblem[];
}

/** A router and a host cannot have the same name. */
const namesOf = perItem(({ name }: StationParts) => name);

/** The routers and hosts among the declarations of a file. */
const machinesIn = perItem<Decl, StationParts | undefined, [string]>((decl, file) => {
  const keyword = decl.spec?.keyword;
  return keyword === "router" || keyword === "host" ? machineIn(decl, file, keyword) : undefined;
});

const machineIn = memo((decl: Decl, file: string, keyword: "router" | "host") => readStation(file, decl, keyword));

/**
 * The first definition of a name is used; further definitions are reported and omitted. `before`: the previous build's
 * declarations, whose objects are used again where nothing has changed.
 */
export function bind(
  files: readonly TopologyFile[],
  before: Declared | undefined,
  defaults: ClusterDefaults = {},
): Declared {
  const segments = new Map<string, SegmentParts>();
  const groups = new Map<string, SecurityGroupParts>();
  const stations: StationParts[] = [];
  const clusters = new Map<string, ClusterDraft>();
  const placed: (StationParts | ClusterDraft)[] = [];
  const others: Record<"expect" | "tunnel", { file: string; decl: Decl }[]> = { expect: [], tunnel: [] };
  const problems: TopologyProblem[] = [];
  const budget = nodeBudget();
  const earlier = new Map(before?.clusters.map((cluster) => [cluster.name, cluster]));
  const isNew = <T extends { readonly name: string; readonly nameSource: Origin }>(
    known: Map<string, T>,
    added: T,
    kind: NamedKind,
  ): boolean => {
    const first = known.get(added.name);
    if (first === undefined) {
      known.set(added.name, added);
      return true;
    }
    problems.push(nameTwice(kind, added.name, "topology", added.nameSource, first.nameSource));
    return false;
  };
  const add = (file: string, decl: Decl, machine: StationParts | undefined): void => {
    const keyword = decl.spec?.keyword;
    switch (keyword) {
      case "segment": {
        const segment = segmentIn(decl, file);
        if (segment) isNew(segments, segment, "segment");
        break;
      }
      case "security-group": {
        const group = securityGroupIn(decl, file);
        if (group !== undefined && isNew(groups, group, "security-group")) problems.push(...group.problems);
        break;
      }
      case "router":
      case "host": {
        if (machine === undefined) break;
        stations.push(machine);
        placed.push(machine);
        break;
      }
      case "cluster": {
        const cluster = readCluster(file, decl, budget, earlier, defaults);
        if (cluster === undefined) break;
        problems.push(...cluster.problems);
        if (isNew(clusters, cluster, "cluster")) placed.push(cluster);
        break;
      }
      case "expect":
      case "tunnel":
        others[keyword].push({ file, decl });
        break;
    }
  };
  for (const { file, decls } of files) {
    const machines = machinesIn(decls, file);
    for (let i = 0; i < decls.length; i++) add(file, decls[i]!, machines[i]);
  }
  const written = succeedList(before?.written, stations);
  const { outside, repeated } = distinctStations(before?.outside, written, problems);
  return {
    segments: sameMap(before?.segments, segments),
    groups: sameMap(before?.groups, groups),
    written,
    placed: succeedList(before?.placed, repeated.size === 0 ? placed : placed.filter((one) => !repeated.has(one))),
    outside,
    clusters: [...clusters.values()],
    expectations: others.expect,
    tunnels: others.tunnel,
    budget,
    problems,
  };
}

interface DistinctStations {
  readonly outside: readonly StationParts[];
  /** Those with a name that an earlier one has. */
  readonly repeated: ReadonlySet<StationParts | ClusterDraft>;
}

function distinctStations(
  before: readonly StationParts[] | undefined,
  written: readonly StationParts[],
  problems: TopologyProblem[],
): DistinctStations {
  const { places, twice } = firstNames(namesOf(written));
  for (const { place, first } of twice) {
    const [one, used] = [written[place]!, written[first]!];
    problems.push(nameTwice(one.kind, one.name, "topology", one.nameSource, used.nameSource));
  }
  if (twice.length === 0) return { outside: written, repeated: new Set() };
  const outside = succeedList(
    before,
    places.map((place) => written[place]!),
  );
  return { outside, repeated: new Set(twice.map(({ place }) => written[place]!)) };
}
