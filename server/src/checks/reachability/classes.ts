/**
 * Classes of equivalent nodes. Two nodes are alike where nothing that a packet meets tells them apart: same segments and
 * MTUs, same settings, sysctls, access lists and routes, and the same answer from every prefix that is written anywhere. What holds
 * between two of them holds between all of their classes, so that questions are asked once for two classes and not
 * once for two nodes.
 */
import type { Ip, IpRange, Prefix } from "../../addressing/ip.ts";
import { formatPrefix, prefixEquals, rangeToPrefixes } from "../../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Decl } from "../../language/decode.ts";
import type { Statement } from "../../language/tree.ts";
import type { AclRule, Cluster, Interface, Node, PodIndex, Topology } from "../../topology/model.ts";

export interface NodeClass {
  readonly cluster: Cluster;
  /** In order of declaration; never empty. */
  readonly nodes: readonly Node[];
}

/** `disputed`: ranges that two owners claim; nodes inside and outside differ. */
export function nodeClasses(topology: Topology, cluster: Cluster, disputed: readonly IpRange[]): readonly NodeClass[] {
  const { machines } = topology;
  const ranges = disputed.map(rangeText).join();
  let found = known.get(cluster.pods);
  if (found?.machines !== machines || found.disputed !== ranges) {
    found = { machines, disputed: ranges, classes: classesOf(topology, cluster, disputed) };
    known.set(cluster.pods, found);
  }
  return found.classes.map((nodes) => ({ cluster, nodes }));
}

/** A node's class follows from the machines, and from which nodes have pods. */
const known = new WeakMap<
  PodIndex,
  { readonly machines: object; readonly disputed: string; readonly classes: readonly (readonly Node[])[] }
>();

function rangeText({ first, last }: IpRange): string {
  return `${first}-${last}`;
}

function classesOf(topology: Topology, cluster: Cluster, disputed: readonly IpRange[]): readonly (readonly Node[])[] {
  const marks = markedPrefixes(topology, cluster, disputed);
  const suspects = nodesWithSharedAddresses(topology, cluster);
  const textOf = statementTexts();
  const interfaceKeys = new Map<string, string>();
  const kindOf = segmentKinds(topology, disputed.length > 0);
  const classes = new Map<string, Node[]>();
  for (const node of cluster.nodes) {
    let key = cluster.pods.countOn(node) > 0 ? "p" : "";
    for (const iface of node.interfaces) key += `|${interfaceKey(iface, kindOf(iface.segment), interfaceKeys)}`;
    for (const { prefix } of node.podCidrs) key += typeof prefix.ip === "number" ? "4" : "6";
    if (node.cni) key += ` cni ${textOf(node.cni.source.statement)}`;
    if (node.dockerBridge) key += ` docker ${node.dockerBridge.address.ip}/${node.dockerBridge.address.len}`;
    if (node.sysctls.size > 0) for (const [name, { value }] of node.sysctls) key += ` ${name}=${value}`;
    if (node.edge) key += ` ${node.path}`;
    for (const rule of node.acl) key += ` ${textOf(rule.source.statement)}`;
    // The gateway's own address differs from segment to segment; what kind of segment it is stands in the key already.
    for (const route of node.routes)
      key += route.implied ? ` gateway ${typeof route.dst.ip}` : ` ${textOf(route.source.statement)}`;
    if (suspects.has(node)) key += ` ${node.path}`;
    if (marks) key += marksOf(node, marks);
    const same = classes.get(key);
    if (same) same.push(node);
    else classes.set(key, [node]);
  }
  return [...classes.values()];
}

/**
 * Racks are often alike: segments whose only neighbour is one and the same router, which treats them alike. Nodes of such
 * segments are of one class; whether two of them share a segment is asked apart. Any other segment is a kind of its own.
 */
function segmentKinds(topology: Topology, isDisputed: boolean): (segment: string) => string {
  const plain = new Set(
    topology.routers
      .filter(
        ({ acl, edge, sysctls, routes }) => !edge && acl.length === 0 && sysctls.size === 0 && routes.every(isDefault),
      )
      .map(({ path }) => path),
  );
  // Whoever writes an address may mean one of the racks.
  const noAddressMeant =
    !isDisputed &&
    topology.hosts.length === 0 &&
    topology.clusters.every(({ nodes }) =>
      nodes.every(({ acl, routes }) => acl.length === 0 && routes.every(({ implied }) => implied)),
    );
  const kinds = new Map<string, string>();
  return (name) => {
    let kind = kinds.get(name);
    if (kind === undefined) {
      const segment = topology.segments.get(name);
      const others = topology.attachedTo(name).filter(({ station }) => station.kind !== "node");
      const [router] = others;
      const alike = noAddressMeant && segment && router && others.length === 1 && plain.has(router.station.path);
      kind = alike
        ? `${router.station.path} ${router.mtu} ${segment.mtu} ${segment.sourceCheck} ${segment.gateways.length} ${segment.cidrs.map(({ len }) => len).join()}`
        : name;
      kinds.set(name, kind);
    }
    return kind;
  };
}

function isDefault({ dst }: { readonly dst: Prefix }): boolean {
  return dst.len === 0;
}

function interfaceKey(iface: Interface, kind: string, known: Map<string, string>): string {
  // Off-segment lengths (a /32 at a cloud) make other connected routes.
  const lengths = iface.addresses.length === 1 ? iface.addresses[0]?.len : iface.addresses.map(({ len }) => len).join();
  const key = `${kind} ${iface.mtu} ${lengths} ${iface.sourceCheck ? "checked" : ""}`;
  const short = known.get(key) ?? String(known.size);
  known.set(key, short);
  return short;
}

/* ------------------------------------------------------------ what is marked */

/** A prefix that is written somewhere. */
interface Mark {
  readonly prefix: Prefix;
  readonly id: number;
  /** Static routes of routers and hosts to it: one to a node's own range is like that of any other node. */
  readonly routes: { readonly station: string; readonly via: readonly Ip[] }[];
  /** Written elsewhere too: in an access list, a node's route, a CNI block. */
  plain: boolean;
}

/** The prefixes in access lists, routes and CNI blocks that tell nodes of one segment apart; undefined where there are none. */
function markedPrefixes(
  topology: Topology,
  cluster: Cluster,
  disputed: readonly IpRange[],
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
  const addRules = (acl: readonly AclRule[]): void => {
    for (const { from, to } of acl) for (const prefix of [...from, ...to]) addPlain(prefix);
  };
  for (const { path, acl, routes } of [...topology.routers, ...topology.hosts]) {
    addRules(acl);
    for (const { dst, via } of routes) markAt(dst).routes.push({ station: path, via });
  }
  for (const { acl, routes } of cluster.nodes) {
    if (acl.length > 0) addRules(acl);
    for (const { dst, implied } of routes) if (!implied) addPlain(dst);
  }
  if (cluster.cni.decl) for (const prefix of prefixesIn(cluster.cni.decl)) addPlain(prefix);
  for (const range of disputed) for (const prefix of rangeToPrefixes(range)) addPlain(prefix);
  return onlyInside(
    [...marks.values()],
    [...[...topology.segments.values()].flatMap(({ cidrs }) => cidrs), ...cluster.podCidrs.map(({ prefix }) => prefix)],
  );
}

/** What covers a whole segment or pod range says the same of all nodes there. */
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

/* ---------------------------------------------------------- odd ones out */

/** Nodes whose range or address another node has too are each a class of their own. */
function nodesWithSharedAddresses(topology: Topology, cluster: Cluster): ReadonlySet<Node> {
  const suspects = new Set<Node>();
  const doubles = new Map([...topology.segments.keys()].map((name) => [name, doublesOn(topology, name)] as const));
  const byRange = new Map<number | string, Node>();
  for (const node of cluster.nodes) {
    for (const { prefix, allocated } of node.podCidrs) {
      if (allocated) continue;
      const key = typeof prefix.ip === "number" ? prefix.ip * 64 + prefix.len : formatPrefix(prefix);
      const other = byRange.get(key);
      if (other) suspects.add(node).add(other);
      else byRange.set(key, node);
    }
    for (const iface of node.interfaces) if (doubles.get(iface.segment)?.has(iface)) suspects.add(node);
  }
  return suspects;
}

const doublesOf = new WeakMap<readonly Interface[], ReadonlySet<Interface>>();

/** Interfaces with an address that was given to them and that another one of the segment has too. */
function doublesOn(topology: Topology, segment: string): ReadonlySet<Interface> {
  const attached = topology.attachedTo(segment);
  let doubles = doublesOf.get(attached);
  if (doubles === undefined) {
    doubles = new Set(
      attached.filter(
        ({ allocated, addresses }) =>
          !allocated && addresses.some(({ ip }) => topology.interfacesWith(segment, ip).length > 1),
      ),
    );
    doublesOf.set(attached, doubles);
  }
  return doubles;
}

/** A statement as text without its place, so that the same words in two nodes are the same setting. */
function statementTexts(): (statement: Statement) => string {
  const known = new WeakMap<Statement, string>();
  const textOf = (statement: Statement): string => {
    let text = known.get(statement);
    if (text === undefined) {
      text = [statement.keyword, ...statement.args].map((arg) => arg.text).join(" ");
      if (statement.block) text += ` { ${statement.block.statements.map(textOf).join("; ")} }`;
      known.set(statement, text);
    }
    return text;
  };
  return textOf;
}
