/**
 * Classes of equivalent nodes. Two nodes are equivalent if no packet can distinguish them: same segments and MTUs, same
 * settings, sysctls, access lists, and routes, and the same match against every prefix in the files. The result of a probe
 * between two nodes is valid for all nodes of their classes, so one probe per pair of classes is enough.
 */

import {
  bits,
  formatPrefix,
  hostPrefix,
  type InterfaceAddress,
  type Ip,
  type IpRange,
  ipKey,
  type Prefix,
  prefixEquals,
  rangeToPrefixes,
  samePrefixes,
} from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import type { Decl } from "../declared/decl.ts";
import type { Origin } from "../declared/origin.ts";
import { wholeText } from "../declared/text.ts";
import { perItem } from "../memo/list.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { query } from "../memo/query.ts";
import { sameMembers } from "../memo/same.ts";
import type { AclMatch, AclRule, Cluster, Interface, Node, Station, Topology } from "../topology/model.ts";
import { nodeSegments, nodesAt } from "../topology/node-queries.ts";
import { sharedAddresses } from "./distinct.ts";
import { rangesAreApart } from "./node-ranges.ts";

export interface NodeClass {
  readonly cluster: Cluster;
  /** In order of declaration; never empty. */
  readonly nodes: readonly Node[];
  /** The nodes of the class, grouped by the segments they are attached to; the largest group first. */
  readonly racks: readonly { readonly segment: string; readonly nodes: readonly Node[] }[];
}

/** `disputed`: ranges with two owners; nodes inside and outside are not equivalent. */
export function nodeClasses(topology: Topology, cluster: Cluster, disputed: readonly IpRange[]): readonly NodeClass[] {
  return classesOf(topology, cluster, disputed).map(({ nodes, racks }) => ({
    cluster,
    nodes: nodesAt(cluster.nodes, nodes),
    racks: racks.map(({ segment, nodes: inside }) => ({ segment, nodes: nodesAt(cluster.nodes, inside) })),
  }));
}

/** The properties of each node without its segments and neighbors, in order. */
export function nodeTraits(topology: Topology, cluster: Cluster, disputed: readonly IpRange[]): readonly string[] {
  const odd = nodesWithSharedAddresses(topology, cluster);
  const marks = markedPrefixes(topology, cluster, disputed, writers(traitsOf(cluster.nodes)));
  const traits = traitsOf(cluster.nodes);
  const inhabited = cluster.pods.inhabited();
  return cluster.nodes.map(
    (node, index) => `${inhabited[index]}${traits[index]?.own}${marksAndPath(node, odd.has(index), marks)}`,
  );
}

/** A class as indexes of its nodes: indexes remain valid when an edit replaces the nodes. */
interface ClassShape {
  readonly nodes: readonly number[];
  readonly racks: readonly { readonly segment: string; readonly nodes: readonly number[] }[];
}

/** The properties of a node alone, without its segments and neighbors. */
interface Traits {
  readonly own: string;
  /** Whether its access lists or routes contain addresses. */
  readonly writes: boolean;
}

const traitsOf = perItem<Node, Traits>(
  (node) => {
    let own = "";
    // A prefix length other than the segment's (a /32 on a cloud) results in different connected routes.
    for (const { addresses, mtu, sourceCheck, groups } of node.interfaces)
      own += `|${mtu} ${addresses.length === 1 ? addresses[0]?.len : addresses.map(({ len }) => len).join()} ${sourceCheck ? "checked" : ""}${groups.length > 0 ? ` groups ${groups.join()}` : ""}`;
    own += rangesOf(node);
    if (node.cni) own += ` cni ${wholeText(node.cni.source.decl)}`;
    if (node.externalIps.length > 0) own += ` external ${node.externalIps.map(({ ip }) => typeof ip).join()}`;
    if (node.dockerBridge) own += ` docker ${node.dockerBridge.address.ip}/${node.dockerBridge.address.len}`;
    for (const [name, { value }] of node.sysctls) own += ` ${name}=${value}`;
    if (node.edge) {
      if (node.edge.loopbacks.length > 0) own += ` ${node.path}`;
      for (const rule of node.edge.nat) own += ` ${wholeText(rule.source.decl)}`;
    }
    for (const line of firewallLines(node)) own += ` ${line}`;
    for (const { source } of overridesOf(node)) own += ` ${wholeText(source.decl)}`;
    for (const rule of node.acl) own += ` ${wholeText(rule.source.decl)}`;
    // The gateway address differs by segment; the kind of segment is part of the key elsewhere.
    for (const route of node.routes)
      own += route.implied ? ` gateway ${typeof route.dst.ip}` : ` ${wholeText(route.source.decl)}`;
    const writes = node.overrides !== undefined || node.acl.length > 0 || node.policyRouting !== undefined;
    return { own, writes: writes || node.routes.some(({ implied }) => !implied) };
  },
  (a, b) => a.own === b.own && a.writes === b.writes,
);

/** The statements about policy routing and chains. */
function firewallLines({ firewall, policyRouting }: Station): readonly string[] {
  if (!firewall && !policyRouting) return [];
  const { forwardPolicy, inputPolicy, stateful, clampMss } = firewall ?? {};
  const sources = [forwardPolicy?.source, inputPolicy?.source, stateful, clampMss?.source];
  const routing = [...(policyRouting?.rules ?? []), ...(policyRouting?.routes ?? [])].map(({ source }) => source);
  return [...sources, ...routing].flatMap((source) => (source ? [wholeText(source.decl)] : []));
}

function overridesOf({ overrides }: Node): readonly { readonly source: Origin }[] {
  return overrides ? [...overrides.mtus, ...overrides.neighbors, ...overrides.fdb] : [];
}

/**
 * The families of a node's ranges, and whether it has only borrowed single addresses. Their number is irrelevant: the addresses of
 * cloud interfaces are any prefixes.
 */
function rangesOf({ podCidrs }: Node): string {
  let [has4, has6, hasBlock] = [false, false, false];
  for (const { prefix } of podCidrs) {
    if (typeof prefix.ip === "number") has4 = true;
    else has6 = true;
    if (prefix.len < bits(prefix.ip)) hasBlock = true;
  }
  return `${has4 ? "4" : ""}${has6 ? "6" : ""}${hasBlock ? "" : "single"}`;
}

const writers = memo((traits: readonly Traits[]) => traits.flatMap(({ writes }, index) => (writes ? [index] : [])));

function classesOf(topology: Topology, cluster: Cluster, disputed: readonly IpRange[]): readonly ClassShape[] {
  const odd = nodesWithSharedAddresses(topology, cluster);
  const marks = markedPrefixes(topology, cluster, disputed, writers(traitsOf(cluster.nodes)));
  const kinds = segmentKinds(topology, disputed.length > 0);
  // Marks depend on the nodes' addresses, and odd nodes are each a class of one.
  return marks === undefined && odd.size === 0
    ? plainClasses(cluster, kinds)
    : classesIn(
        cluster.nodes.map((node, index) => marksAndPath(node, odd.has(index), marks)),
        {
          traits: traitsOf(cluster.nodes),
          segments: nodeSegments(cluster.nodes),
          inhabited: cluster.pods.inhabited(),
          kinds,
        },
      );
}

function marksAndPath(node: Node, isOdd: boolean, marks: PrefixTable<Mark> | undefined): string {
  return `${isOdd ? ` ${node.path}` : ""}${marks ? marksOf(node, marks) : ""}`;
}

/** By segment. */
type Kinds = readonly (readonly [segment: string, kind: string])[];

/** What the classes depend on if no node is special. */
const plainClasses = query<Cluster, readonly ClassShape[], [Kinds]>((read, _, kinds) =>
  classesIn(undefined, {
    traits: read(({ nodes }) => traitsOf(nodes)),
    segments: read(({ nodes }) => nodeSegments(nodes)),
    inhabited: read(({ pods }) => pods.inhabited()),
    kinds,
  }),
);

interface Likeness {
  readonly traits: readonly Traits[];
  readonly segments: readonly (readonly string[])[];
  readonly inhabited: ArrayLike<number>;
  readonly kinds: Kinds;
}

/** `special`: a further part of each node's key. */
function classesIn(
  special: readonly string[] | undefined,
  { traits, segments, inhabited, kinds }: Likeness,
): readonly ClassShape[] {
  const kindOf = new Map(kinds);
  const keyOf = (index: number): string => {
    let key = `${inhabited[index]}${traits[index]?.own}`;
    for (const segment of segments[index] ?? []) key += `|${kindOf.get(segment)}`;
    return special ? key + special[index] : key;
  };
  return grouped(traits.keys(), keyOf).map(({ members }) => ({
    nodes: members,
    racks: grouped(members, (index) => (segments[index] ?? []).join())
      .map(({ key, members: inside }) => ({ segment: key, nodes: inside }))
      .sort((a, b) => b.nodes.length - a.nodes.length),
  }));
}

function grouped(
  indexes: Iterable<number>,
  keyOf: (index: number) => string,
): { readonly key: string; readonly members: readonly number[] }[] {
  const groups = new Map<string, number[]>();
  for (const index of indexes) valueAt(groups, keyOf(index), (): number[] => []).push(index);
  return [...groups].map(([key, members]) => ({ key, members }));
}

/**
 * Racks are often equivalent: segments that connect only to the same router, which treats them equally. Nodes on such
 * segments can be in one class; pairs on one segment and pairs on two segments are probed separately. Any other segment is a
 * separate kind.
 */
const segmentKinds = query<Topology, Kinds, [boolean]>((read, _, isDisputed) => {
  const plain = new Set(
    read((topology) => topology.routers)
      .filter(
        ({ acl, edge, sysctls, routes, policyRouting, routeTables, interfaces }) =>
          !edge &&
          !policyRouting &&
          routeTables.length === 0 &&
          interfaces.every(({ groups }) => groups.length === 0) &&
          acl.every(isForAll) &&
          sysctls.size === 0 &&
          routes.every(isDefault),
      )
      .map(({ path }) => path),
  );
  // An address in an access list or route might be in one of the racks.
  const noAddressMeant =
    !isDisputed &&
    read(
      ({ hosts, clusters, securityGroups }) =>
        hosts.length === 0 &&
        [...securityGroups.values()].every(({ rules }) => rules.every(isForAll)) &&
        clusters.every(({ nodes }) => writers(traitsOf(nodes)).length === 0),
    );
  const segments = [...read((topology) => topology.segments)];
  const others = read(({ attachedTo }) => segments.map(([name]) => othersOn(attachedTo(name))), sameLists);
  return segments.map(([name, segment], i) => {
    const [router, ...more] = others[i] ?? [];
    const isAlike = noAddressMeant && router !== undefined && more.length === 0 && plain.has(router.station.path);
    const kind = isAlike
      ? `${(segment.denies ?? []).map(({ source }) => wholeText(source.decl)).join()} ${router.station.path} ${router.mtu} ${segment.mtu} ${segment.sourceCheck} ${segment.gateways.length} ${segment.cidrs.map(({ len }) => len).join()}`
      : name;
    return [name, kind] as const;
  });
});

/** For lists of the same segments. */
function sameLists<T>(a: readonly (readonly T[])[], b: readonly (readonly T[])[]): boolean {
  return a.every((list, i) => sameMembers(list, b[i] ?? []));
}

/** The routers and hosts that are attached to a segment. */
const othersOn = memo((attached: readonly Interface[]) => attached.filter(({ station }) => station.kind !== "node"));

/** Whether the rule treats all addresses alike. */
function isForAll({ from, to, in: ingress, out }: AclRule): boolean {
  return from.length === 0 && to.length === 0 && !ingress && !out;
}

function isDefault({ dst }: { readonly dst: Prefix }): boolean {
  return dst.len === 0;
}

/* ----------------------------------------------------------------- marks */

/** A prefix that appears in a file. */
interface Mark {
  readonly prefix: Prefix;
  readonly id: number;
  /** Static routes of routers and hosts to it: a route to a node's pod CIDR via that node does not distinguish the node. */
  readonly routes: { readonly station: string; readonly via: readonly Ip[] }[];
  /** Also appears in an access list, a node's route, or a CNI block. */
  plain: boolean;
}

/** The prefixes in access lists, routes, and CNI blocks that distinguish nodes on one segment, if any. */
function markedPrefixes(
  topology: Topology,
  cluster: Cluster,
  disputed: readonly IpRange[],
  writing: readonly number[],
): PrefixTable<Mark> | undefined {
  const marks = new Map<string, Mark>();
  const markAt = (prefix: Prefix): Mark => {
    const key = `${prefix.ip}/${prefix.len}`;
    const mark = marks.get(key) ?? { prefix, id: marks.size, routes: [], plain: false };
    marks.set(key, mark);
    return mark;
  };
  const addPlain = (prefix: Prefix): void => {
    markAt(prefix).plain = true;
  };
  const addRules = (acl: readonly AclMatch[]): void => {
    for (const { from, to } of acl) for (const prefix of [...from, ...to]) addPlain(prefix);
  };
  for (const { rules } of topology.securityGroups.values()) addRules(rules);
  for (const { routeTables } of topology.routers)
    for (const { routes } of routeTables) for (const { dst } of routes) addPlain(dst);
  const addRouting = (routing: Station["policyRouting"]): void => {
    for (const { from, to } of routing?.rules ?? []) for (const prefix of [from, to]) if (prefix) addPlain(prefix);
    for (const { dst } of routing?.routes ?? []) addPlain(dst);
  };
  for (const { path, acl, routes, policyRouting } of [...topology.routers, ...topology.hosts]) {
    addRules(acl);
    addRouting(policyRouting);
    for (const { dst, via } of routes) markAt(dst).routes.push({ station: path, via });
  }
  for (const { denies = [] } of topology.segments.values()) addRules(denies);
  for (const { acl, routes, policyRouting, overrides } of nodesAt(cluster.nodes, writing)) {
    addRules(acl);
    addRouting(policyRouting);
    for (const { ip } of overrides?.neighbors ?? []) addPlain(hostPrefix(ip));
    for (const { dst, implied } of routes) if (!implied) addPlain(dst);
  }
  if (cluster.cni.decl) for (const prefix of prefixesIn(cluster.cni.decl)) addPlain(prefix);
  for (const range of disputed) for (const prefix of rangeToPrefixes(range)) addPlain(prefix);
  return onlyInside(
    [...marks.values()],
    [...[...topology.segments.values()].flatMap(({ cidrs }) => cidrs), ...cluster.podCidrs.map(({ prefix }) => prefix)],
  );
}

/** The marks inside a segment or pod CIDR: a mark that covers all of it does not distinguish its nodes. */
function onlyInside(marks: readonly Mark[], ranges: readonly Prefix[]): PrefixTable<Mark> | undefined {
  if (marks.length === 0) return undefined;
  const around = buildPrefixTable(ranges.map((range) => [range, undefined] as const));
  const telling = marks.filter(({ prefix }) => {
    for (const match of around.covering(prefix)) if (match.prefix.len < prefix.len) return true;
    return false;
  });
  return telling.length === 0 ? undefined : buildPrefixTable(telling.map((mark) => [mark.prefix, mark] as const));
}

function* prefixesIn(decl: Decl): Iterable<Prefix> {
  for (const { value } of decl.values) if (value.kind === "prefix") yield value.prefix;
  for (const child of decl.children) yield* prefixesIn(child);
}

function marksOf(node: Node, marks: PrefixTable<Mark>): string {
  let key = "";
  for (const { addresses } of node.interfaces) {
    for (const { ip } of addresses)
      for (const { values } of marks.matches(ip)) for (const { id } of values) key += ` a${id}`;
  }
  for (const { prefix } of node.podCidrs) {
    for (const match of marks.covering(prefix)) key += marksAt(node, match.prefix, match.values, prefix);
    for (const match of marks.coveredBy(prefix)) {
      if (!prefixEquals(match.prefix, prefix)) for (const { id } of match.values) key += ` i${id}`;
    }
  }
  return key;
}

function marksAt(node: Node, at: Prefix, marks: readonly Mark[], own: Prefix): string {
  let key = "";
  for (const { id, plain, routes } of marks) {
    const toSelf =
      !plain &&
      prefixEquals(at, own) &&
      routes.every(({ via }) => via.length > 0 && via.every((ip) => isOwn(node, ip)));
    key += toSelf ? ` r${routes.map(({ station }) => station).join()}` : ` c${id}`;
  }
  return key;
}

function isOwn(node: Node, ip: Ip): boolean {
  return node.interfaces.some(({ addresses }) => addresses.some((own) => own.ip === ip));
}

/* ------------------------------------------------------------- odd nodes */

/** Maximum number of nodes that are each a class because of FDB entries. */
const MOST_ODD = 50;

/** Indexes of the nodes that share a pod CIDR or an address with another node; each is a class of one node. */
function nodesWithSharedAddresses(topology: Topology, cluster: Cluster): ReadonlySet<number> {
  const odd = new Set(rangesAreApart(cluster) ? [] : nodesWithOneRange(statedRanges(cluster.nodes)));
  // The MAC address of an FDB entry belongs to one node, which no prefix distinguishes.
  if (cluster.nodes.some(({ overrides }) => overrides !== undefined && overrides.fdb.length > 0))
    for (const { index } of cluster.nodes.slice(0, MOST_ODD)) odd.add(index);
  if (sharedAddresses(topology).size === 0) return odd;
  const doubles = new Set([...topology.segments.keys()].flatMap((name) => [...doublesIn(topology.attachedTo(name))]));
  if (doubles.size === 0) return odd;
  for (const { index, interfaces } of cluster.nodes) if (interfaces.some((iface) => doubles.has(iface))) odd.add(index);
  return odd;
}

const statedRanges = perItem<Node, readonly Prefix[]>(
  ({ podCidrs }) => podCidrs.flatMap(({ prefix, allocated }) => (allocated ? [] : [prefix])),
  samePrefixes,
);

const nodesWithOneRange = memo((column: readonly (readonly Prefix[])[]) => {
  const holders = new Map<number | string, number>();
  return column.flatMap((ranges, index) =>
    ranges.flatMap((prefix) => {
      const key = typeof prefix.ip === "number" ? prefix.ip * 64 + prefix.len : formatPrefix(prefix);
      const first = holders.get(key);
      if (first === undefined) holders.set(key, index);
      return first === undefined ? [] : [first, index];
    }),
  );
});

/** Interfaces with a declared address that another interface on the segment also has. */
const doublesIn = memo((attached: readonly Interface[]): ReadonlySet<Interface> => {
  const holders = new Map<number | string, number>();
  for (const { addresses } of attached) {
    for (const key of new Set(addresses.map(({ ip }) => ipKey(ip)))) holders.set(key, (holders.get(key) ?? 0) + 1);
  }
  const isDouble = ({ ip }: InterfaceAddress): boolean => (holders.get(ipKey(ip)) ?? 0) > 1;
  return new Set(attached.filter(({ allocated, addresses }) => !allocated && addresses.some(isDouble)));
});
