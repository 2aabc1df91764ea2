/**
 * Routes and rules that a change adds to and removes from nodes, routers, and hosts. Machines with the same change are listed
 * together. In a large cluster, one node represents the nodes that neither topology distinguishes.
 */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { valueAt } from "../../memo/memo.ts";
import { nodeClasses } from "../../questions/classes.ts";
import { planOf } from "../../questions/plan.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Node, Station, Topology } from "../../topology/model.ts";
import type { Sides } from "./endpoints.ts";
import { changedLines, type Line, type Machine, type Peers } from "./lines.ts";
import type { ClusterPairing, Pairing, Pairings } from "./pairing.ts";
import type { DiffMachines, DiffSection, Renamed } from "./schema.ts";
import type { Side } from "./side.ts";

export interface MachineChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly renamed: readonly Renamed[];
  readonly classes: readonly DiffMachines[];
  readonly notes: readonly string[];
}

/** Machines that have the same change, and the one that is evaluated. */
interface Alike {
  readonly example: Pairing<Station>;
  readonly members: readonly Pairing<Station>[];
  readonly withRules: boolean;
}

export function changedMachines(sides: Sides, { clusters, routers, hosts }: Pairings): MachineChanges {
  const notes: string[] = [];
  const each = (pair: Pairing<Station>): Alike => ({ example: pair, members: [pair], withRules: true });
  const groups = [
    ...clusters.flatMap((pair) => nodeGroups(sides, pair, notes)),
    ...[...routers, ...hosts].filter(isKept).map(each),
  ];
  const kept = new Set(
    clusters.flatMap(({ nodes }) =>
      nodes.filter(isKept).flatMap(({ before, after }) => [before ?? [], after ?? []].flat()),
    ),
  );
  const classes = new Map<string, { readonly all: Sections[]; readonly members: Pairing<Station>[] }>();
  for (const { example, members, withRules } of groups) {
    // The values of nodes that the example represents differ for each of them.
    const own =
      members.length === 1 ? kept : new Set(members.flatMap(({ before, after }) => [before ?? [], after ?? []].flat()));
    const sections = sectionsOf(sides, example, { withRules, peers: (node) => own.has(node) });
    if (sections.named.length === 0) continue;
    const key = `${stationOf(example).kind} ${keyOf(sections.general)}`;
    const found = valueAt(classes, key, () => ({ all: [], members: [] }));
    found.members.push(...members);
    found.all.push(sections);
  }
  const all: readonly Pairing<Station>[] = [...clusters.flatMap(({ nodes }) => nodes), ...routers, ...hosts];
  return {
    added: all.flatMap(({ before, after }) => (!before && after ? [after.path] : [])),
    removed: all.flatMap(({ before, after }) => (before && !after ? [before.path] : [])),
    renamed: all.flatMap(({ before, after }) =>
      before && after && before.name !== after.name ? [{ before: before.path, after: after.path }] : [],
    ),
    classes: [...classes.values()].map(({ all: sections, members }) => ({
      kind: stationOf(members[0] ?? {}).kind,
      machines: members.map((pair) => stationOf(pair).path),
      sections: [...exactFor(sections, members.length)],
    })),
    notes,
  };
}

/** Equal for the same lines in another order: lists of routes are in the order of their addresses. */
function keyOf(sections: readonly DiffSection[]): string {
  return JSON.stringify(sections.map((one) => [one.command, [...one.added].sort(), [...one.removed].sort()]));
}

/** The most specific form of the lines that is true for all members. */
function exactFor(all: readonly Sections[], members: number): readonly DiffSection[] {
  const [first] = all;
  if (!first) return [];
  if (all.length < members) return first.general;
  for (const form of ["literal", "named"] as const) {
    const text = JSON.stringify(first[form]);
    if (all.every((one) => JSON.stringify(one[form]) === text)) return first[form];
  }
  return first.general;
}

function isKept({ before, after }: Pairing<Station>): boolean {
  return before !== undefined && after !== undefined;
}

function stationOf({ before, after }: Partial<Pairing<Station>>): Station {
  const station = after ?? before;
  if (!station) throw new Error("a pairing of nothing");
  return station;
}

/* ------------------------------------------------------------------- nodes */

/** About the milliseconds that the listings of all nodes, or of one node of each class, are allowed to take. */
const MOST_FOR_ALL = 800;
const MOST_FOR_RULES = 2500;

/** Measured: the time to list the routes or rules of a node, in milliseconds. */
function costOf({ nodes, services, policies, pods }: Cluster): { readonly routes: number; readonly rules: number } {
  return {
    routes: 1 + nodes.length / 100,
    rules: 0.5 + services.all.length + (policies.length * pods.count) / 30_000,
  };
}

function nodeGroups({ before, after }: Sides, pair: ClusterPairing, notes: string[]): readonly Alike[] {
  const nodes = pair.nodes.filter(isKept);
  if (!pair.before || !pair.after || nodes.length === 0) return [];
  const costs = [costOf(pair.before), costOf(pair.after)];
  const total = (count: number, part: "routes" | "rules"): number =>
    count * costs.reduce((sum, cost) => sum + cost[part], 0);
  const isSmall = total(nodes.length, "routes") + total(nodes.length, "rules") <= MOST_FOR_ALL;
  const groups = isSmall
    ? nodes.map((one) => ({ example: one, members: [one] }))
    : representatives(pair, nodes, classesOf(before.topology, pair.before), classesOf(after.topology, pair.after));
  const withRules = isSmall || total(groups.length, "rules") <= MOST_FOR_RULES;
  if (!withRules) {
    const services = plural(pair.after.services.all.length, "service");
    const policies = plural(pair.after.policies.length, "policy", "policies");
    notes.push(
      t`cluster \`${pair.after.name}\` is too large to compare the rules of its nodes (${services}, ${policies}); compare the output of \`knet rules\` for one node`,
    );
  }
  return groups.map((group) => ({ ...group, withRules }));
}

function classesOf(topology: Topology, cluster: Cluster): ReadonlyMap<Node, number> {
  const classes = nodeClasses(
    topology,
    cluster,
    planOf(topology).conflicts.map(({ shared }) => shared),
  );
  return new Map(classes.flatMap(({ nodes }, index) => nodes.map((node) => [node, index] as const)));
}

/** More segments whose nodes change are represented by one of them. */
const MOST_RACKS = 16;

/** Nodes of one class on both sides. A change of a node also changes the routes of the nodes on its segment. */
function representatives(
  { before, after }: ClusterPairing,
  nodes: readonly Pairing<Node>[],
  old: ReadonlyMap<Node, number>,
  current: ReadonlyMap<Node, number>,
): readonly Omit<Alike, "withRules">[] {
  const [oldRacks, racks] = [contentsOf(before?.nodes ?? []), contentsOf(after?.nodes ?? [])];
  const isChanged = (pair: Pairing<Node>): boolean =>
    racks.get(rackOf(pair.after)) !== oldRacks.get(rackOf(pair.before));
  const changed = new Set(nodes.filter(isChanged).map((pair) => rackOf(pair.after)));
  const groups = new Map<string, Pairing<Node>[]>();
  for (const pair of nodes) {
    const rack = changed.has(rackOf(pair.after)) ? (changed.size <= MOST_RACKS ? rackOf(pair.after) : "changed") : "";
    const own = pair.before && pair.after && contentOf(pair.before) === contentOf(pair.after) ? "" : "changed";
    const key = `${pair.before && old.get(pair.before)} ${pair.after && current.get(pair.after)} ${rack} ${own}`;
    valueAt(groups, key, (): Pairing<Node>[] => []).push(pair);
  }
  return [...groups.values()].flatMap((members) => (members[0] ? [{ example: members[0], members }] : []));
}

function rackOf(node: Node | undefined): string {
  return node?.interfaces.map(({ segment }) => segment).join() ?? "";
}

/** The addresses and ranges of the nodes on the same segments. */
function contentsOf(nodes: readonly Node[]): ReadonlyMap<string, string> {
  const racks = new Map<string, string>();
  for (const node of nodes) racks.set(rackOf(node), `${racks.get(rackOf(node)) ?? ""} ${contentOf(node)}`);
  return racks;
}

function contentOf({ interfaces, podCidrs }: Node): string {
  const addresses = interfaces.flatMap((one) => one.addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`));
  return [...addresses, ...podCidrs.map(({ prefix }) => formatPrefix(prefix))].join();
}

/* ---------------------------------------------------------------- sections */

/** The changes in each form of a line. */
type Sections = Readonly<Record<keyof Line, readonly DiffSection[]>>;

function sectionsOf(
  sides: Sides,
  { before, after }: Pairing<Station>,
  options: { readonly withRules: boolean; readonly peers: Peers },
): Sections {
  const [old, current] = [machineOf(sides.before, before), machineOf(sides.after, after)];
  const changes = old && current ? changedLines(old, current, options) : [];
  const parts = changes.flatMap((one) => {
    const moved = movedLines(one.common.before, one.common.after);
    return one.removed.length + one.added.length + moved.length === 0 ? [] : [{ ...one, moved }];
  });
  const inForm = (form: keyof Line): readonly DiffSection[] =>
    parts.map(({ command, removed, added, moved }) => {
      const textsOf = (lines: readonly Line[]) => [...new Set([...lines.map((line) => line[form]), ...moved])];
      return { command, added: textsOf(added), removed: textsOf(removed) };
    });
  return { literal: inForm("literal"), named: inForm("named"), general: inForm("general") };
}

function machineOf(side: Side, station: Station | undefined): Machine | undefined {
  const netns = station && side.network.netns(station.path);
  return netns && { side, netns, node: station.kind === "node" ? station : undefined };
}

const MOST_ORDERED = 1000;

/** The lines that have changed places: all but the longest common subsequence. */
function movedLines(old: readonly string[], current: readonly string[]): readonly string[] {
  if (old.length > MOST_ORDERED || old.every((line, index) => line === current[index])) return [];
  // Each line is once in both lists: the subsequence is the longest increasing run of places.
  const places = new Map(old.map((line, index) => [line, index]));
  const lengths: number[] = [];
  const previous: (number | undefined)[] = [];
  let best: number | undefined;
  for (const [index, line] of current.entries()) {
    const place = places.get(line) ?? 0;
    let from: number | undefined;
    for (let at = 0; at < index; at++) {
      const isBefore = (places.get(current[at] ?? "") ?? 0) < place;
      if (isBefore && (from === undefined || (lengths[at] ?? 0) > (lengths[from] ?? 0))) from = at;
    }
    lengths.push(1 + (from === undefined ? 0 : (lengths[from] ?? 0)));
    previous.push(from);
    if (best === undefined || (lengths[index] ?? 0) > (lengths[best] ?? 0)) best = index;
  }
  const kept = new Set<number>();
  for (let at = best; at !== undefined; at = previous[at]) kept.add(at);
  return current.filter((_, index) => !kept.has(index));
}
