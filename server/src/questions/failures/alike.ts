/**
 * Which failures have the same result. Machines are colored by their role for the packets and by their settings; the colors
 * are refined by the colors of the machines on the same segments, in the same AS, and with BGP sessions, until nothing changes
 * (color refinement). Failures of equally colored elements are equivalent, and one of them is evaluated.
 */
import { type Ip, type Prefix, prefixContains } from "../../addressing/ip.ts";
import type { PeerRule, Speaker } from "../../cni/bgp/model.ts";
import { clusterStates } from "../../cni/clusters.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { numbering } from "../../memo/numbering.ts";
import type { Router, Station, Topology } from "../../topology/model.ts";
import { nodeTraits } from "../classes.ts";
import { planOf } from "../plan.ts";
import { allMachines, type Element, idOf } from "./elements.ts";

export interface Roles {
  /** What each machine does for the packets; equal for machines that do the same. */
  readonly ofMachine: ReadonlyMap<string, string>;
  /** "device@path" of the interfaces that the packets cross. */
  readonly used: ReadonlySet<string>;
  /** Source and destination addresses. */
  readonly addresses: readonly Ip[];
}

/** Groups of elements whose failures have the same result, in the given order. */
export function alike(topology: Topology, elements: readonly Element[], roles: Roles): readonly (readonly Element[])[] {
  const colors = refined(topology, roles);
  const groups = new Map<string, Element[]>();
  for (const one of elements) valueAt(groups, keyOf(one, colors, roles), (): Element[] => []).push(one);
  return [...groups.values()];
}

/** The colors of machines by their settings and neighbors alone, without packets. */
export const plainColors = memo(
  (topology: Topology): ReadonlyMap<string, number> =>
    refined(topology, { ofMachine: new Map(), used: new Set(), addresses: [] }).ofMachine,
);

interface Colors {
  readonly ofMachine: ReadonlyMap<string, number>;
  readonly ofRelation: ReadonlyMap<string, number>;
}

function keyOf(element: Element, { ofMachine, ofRelation }: Colors, { used }: Roles): string {
  const machines = element.machines.map((path) => String(ofMachine.get(path) ?? path));
  switch (element.kind) {
    case "router":
    case "node":
      return machines.join();
    case "session":
      return `session ${machines.sort().join()}`;
    case "link": {
      const ends = element.interfaces.map(
        ({ station: { path }, device, segment, mtu }) =>
          `${ofMachine.get(path) ?? path} ${ofRelation.get(segment) ?? idOf(element)} ${mtu} ${used.has(`${device}@${path}`)}`,
      );
      return `link ${ends.sort().join()}`;
    }
  }
}

/** Machines that depend on each other: on one segment, in one AS or mesh, or with a session. */
interface Relation {
  readonly own: string;
  readonly members: { readonly path: string; readonly tag: string }[];
}

const MOST_ROUNDS = 12;

function refined(topology: Topology, roles: Roles): Colors {
  const speakers = new Map(
    clusterStates(topology)
      .speakers()
      .map((one) => [one.station.path, one]),
  );
  const relations = relationsOf(topology, speakers, roles);
  const byMachine = new Map<string, { readonly relation: string; readonly tag: string }[]>();
  for (const [relation, { members }] of relations) {
    for (const { path, tag } of members)
      valueAt(byMachine, path, (): { relation: string; tag: string }[] => []).push({ relation, tag });
  }
  let ofMachine = initialColors(topology, speakers, roles);
  let ofRelation: ReadonlyMap<string, number> = new Map();
  let count = new Set(ofMachine.values()).size;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const number = numbering<string>();
    const colors = ofMachine;
    ofRelation = new Map(
      [...relations].map(([key, { own, members }]) => [
        key,
        number(`${own} ${multiset(members.map(({ path, tag }) => `${colors.get(path)} ${tag}`))}`),
      ]),
    );
    const around = ofRelation;
    ofMachine = new Map(
      [...colors].map(([path, color]) => [
        path,
        number(
          `machine ${color} ${multiset((byMachine.get(path) ?? []).map(({ relation, tag }) => `${around.get(relation)} ${tag}`))}`,
        ),
      ]),
    );
    const next = new Set(ofMachine.values()).size;
    if (next === count && round > 0) break;
    count = next;
  }
  return { ofMachine, ofRelation };
}

function multiset(items: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts]
    .map(([item, count]) => `${item}×${count}`)
    .sort()
    .join(";");
}

type Speakers = ReadonlyMap<string, Speaker>;

function relationsOf(topology: Topology, speakers: Speakers, { used }: Roles): ReadonlyMap<string, Relation> {
  const relations = new Map<string, Relation>();
  const relate = (key: string, own: string, path: string, tag: string): void => {
    valueAt(relations, key, (): Relation => ({ own, members: [] })).members.push({ path, tag });
  };
  for (const [name, { mtu, sourceCheck, cloud }] of topology.segments) {
    for (const { station, device, mtu: own } of topology.attachedTo(name))
      relate(name, `${mtu} ${sourceCheck} ${cloud}`, station.path, `${own} ${used.has(`${device}@${station.path}`)}`);
  }
  for (const { station, as, mesh } of speakers.values()) {
    relate(`as ${as}`, "as", station.path, "");
    if (mesh !== undefined) relate(`mesh ${mesh}`, "mesh", station.path, "");
  }
  for (const [index, { rule, owners, peers }] of rulesOf(topology).entries()) {
    const own = `rule ${rule.as !== undefined} ${rule.asOverride} ${rule.allowAsIn}`;
    for (const path of owners) relate(`rule ${index}`, own, path, "own");
    for (const path of peers) relate(`rule ${index}`, own, path, "peer");
  }
  return relations;
}

interface UsedRule {
  readonly rule: PeerRule;
  /** The machines that have the rule, and the machines that it matches. */
  readonly owners: readonly string[];
  readonly peers: readonly string[];
}

const rulesOf = memo((topology: Topology): readonly UsedRule[] => {
  const speakers = clusterStates(topology).speakers();
  const owners = new Map<PeerRule, string[]>();
  for (const { station, rules } of speakers)
    for (const rule of rules) valueAt(owners, rule, (): string[] => []).push(station.path);
  const byAddress = ownersOf(topology);
  return [...owners].map(([rule, own]) => ({ rule, owners: own, peers: peersOf(rule, speakers, byAddress) }));
});

function peersOf({ to }: PeerRule, speakers: readonly Speaker[], owners: ReadonlyMap<Ip, string>): readonly string[] {
  switch (to.kind) {
    case "address":
      return [owners.get(to.ip) ?? []].flat();
    case "station":
      return [to.path];
    case "range":
      return speakers
        .filter(({ addresses }) => addresses.some((ip) => prefixContains(to.prefix, ip)))
        .map(({ station }) => station.path);
    case "select":
      return speakers.filter(to.matches).map(({ station }) => station.path);
  }
}

const ownersOf = memo((topology: Topology): ReadonlyMap<Ip, string> => {
  const owners = new Map<Ip, string>();
  for (const { path, interfaces, edge } of allMachines(topology)) {
    for (const { addresses } of interfaces) for (const { ip } of addresses) owners.set(ip, path);
    for (const { ip } of edge?.loopbacks ?? []) owners.set(ip, path);
  }
  return owners;
});

function initialColors(topology: Topology, speakers: Speakers, roles: Roles): ReadonlyMap<string, number> {
  const number = numbering<string>();
  const nodes = nodeKeys(topology);
  return new Map(
    allMachines(topology).map((station) => {
      const speaker = speakers.get(station.path);
      const own = station.kind === "node" ? (nodes.get(station.path) ?? "") : outsideKey(station);
      const bgp = speaker ? speakerKey(speaker, roles.addresses) : "";
      return [station.path, number(`${own} ${bgp} ${roles.ofMachine.get(station.path) ?? ""}`)];
    }),
  );
}

/** Nodes on one segment with the same key are equivalent. */
const nodeKeys = memo((topology: Topology): ReadonlyMap<string, string> => {
  const disputed = planOf(topology).conflicts.map(({ shared }) => shared);
  return new Map(
    topology.clusters.flatMap((cluster) => {
      const traits = nodeTraits(topology, cluster, disputed);
      return cluster.nodes.map(({ path }, index) => [path, `${cluster.name} ${traits[index]}`] as const);
    }),
  );
});

/** Routers without rules and static routes are equivalent before BGP; any other machine is unique. */
function outsideKey(station: Exclude<Station, { readonly kind: "node" }>): string {
  const isPlain = station.kind === "router" && isPlainRouter(station);
  return isPlain ? `router ${station.edge?.loopbacks.length ?? 0}` : station.path;
}

function isPlainRouter({ acl, routes, sysctls, edge }: Router): boolean {
  return (
    acl.length === 0 &&
    routes.every(({ implied }) => implied) &&
    sysctls.size === 0 &&
    (edge === undefined || (edge.nat.length === 0 && !edge.answersAny))
  );
}

/** Prefixes matter by the packets that they match. */
function speakerKey({ clusterId, originates, daemon }: Speaker, addresses: readonly Ip[]): string {
  const matching = ({ prefix }: { readonly prefix: Prefix }): string =>
    addresses.flatMap((ip, index) => (prefixContains(prefix, ip) ? [index] : [])).join(".");
  return `${daemon} ${clusterId !== undefined} ${multiset(originates.map(matching))}`;
}
