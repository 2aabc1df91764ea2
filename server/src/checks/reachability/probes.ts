/**
 * Packets between the nodes and pods of a cluster, one for each two classes of nodes, and what became of those that did
 * not arrive. Asked once in a run; the checks KN2xx read it and say why.
 */

import type { Family, Ip, Prefix } from "../../addressing/ip.ts";
import { family, hostPrefix } from "../../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import { pluginOf } from "../../cni/settings.ts";
import type { Journey, Question, Reason } from "../../dataplane/journey.ts";
import { simulate } from "../../dataplane/simulator/simulate.ts";
import type { Source } from "../../language/tree.ts";
import { keptFor } from "../../topology/cache.ts";
import type { Cluster, Node, Pod, Topology } from "../../topology/model.ts";
import { planOf } from "../addresses/plan.ts";
import type { CheckContext } from "../check.ts";
import { type NodeClass, nodeClasses } from "./classes.ts";

/** An end of a probe: a pod, or a node itself. */
export interface ProbeEnd {
  readonly kind: "pod" | "node";
  readonly node: Node;
  /** "pod shop/web on node n1", "node n1". */
  readonly name: string;
  readonly netns: string;
  readonly ip: Ip;
  /** The workload, the node. */
  readonly source: Source;
  /** A pod that nobody has written, of a cluster that has none yet. */
  readonly imagined: boolean;
}

export interface Probe {
  readonly cluster: Cluster;
  readonly from: ProbeEnd;
  readonly to: ProbeEnd;
  readonly sameNode: boolean;
  /** How many ordered pairs of nodes (nodes, where both ends are on one) it stands for. */
  readonly pairs: number;
  /** The worst way that the packet may take. */
  readonly journey: Journey;
}

export interface Failure {
  readonly probe: Probe;
  /** The part that failed: the request, or its answer. */
  readonly failed: Journey;
  readonly isReply: boolean;
  /** Undefined: everything arrived, but the receiver saw another source. */
  readonly reason: Reason | undefined;
}

export interface ProbeResult {
  readonly failures: readonly Failure[];
  /** Those that passed: what the MTU checks go on with. */
  readonly passed: readonly Probe[];
}

/** More classes than this are not paired with each other one by one: each meets its like, the largest and the next ones. */
const ALL_PAIRS_UP_TO = 6;
/** Of still more, each asks its like and the largest only. */
const BOTH_WAYS_UP_TO = 32;
/** Of one cluster. Whoever writes more kinds of nodes has each of them in a block of its own. */
const MOST_CLASSES = 1000;
/** Nobody listens there; a reset is an answer too. */
const UNUSED_PORT = 65000;

export const probesOf = keptFor(probeAll);

function probeAll(context: CheckContext): ProbeResult {
  const failures: Failure[] = [];
  const passed: Probe[] = [];
  const { peopled } = context;
  const disputed = planOf(peopled).conflicts.map(({ shared }) => shared);
  for (const cluster of peopled.clusters) {
    const classes = nodeClasses(peopled, cluster, disputed);
    const ends = classes.map((one) => endsOf(one));
    for (const { from, to, pairs, sameNode } of questions(ends, () => targetedPairs(classes, ends))) {
      if (context.cancelled()) return { failures, passed };
      const probe = ask(context, cluster, from, to, sameNode, pairs);
      const failure = failureOf(probe, context.topology);
      if (failure) failures.push(failure);
      else passed.push(probe);
    }
  }
  return { failures, passed };
}

/* --------------------------------------------------------------- questions */

/** What can send and receive on a class's first two nodes. */
interface ClassEnds {
  readonly size: number;
  readonly withPods: boolean;
  readonly first: NodeEnds;
  /** A node beside the first one, on its segment where there is one. */
  readonly second: NodeEnds | undefined;
  /** A node on another segment than the first one's, where the class has several. */
  readonly apart: NodeEnds | undefined;
  /** Ordered pairs of two nodes of one segment, and of two segments. */
  readonly pairsTogether: number;
  readonly pairsApart: number;
  /** By segment, the largest first. */
  readonly racks: ReadonlyMap<string, Rack>;
}
interface Rack {
  readonly size: number;
  ends(): NodeEnds;
}
interface NodeEnds {
  readonly node: Node;
  readonly pods: readonly Pod[];
}

function endsOf({ cluster, nodes, racks: bySize }: NodeClass): ClassEnds {
  const racks = bySize.map((one) => one.nodes);
  const [rack = [], other] = racks;
  const together = bestOf(cluster, rack);
  const apart = other && bestOf(cluster, other).first;
  let pairsTogether = 0;
  for (const { length } of racks) pairsTogether += length * (length - 1);
  return {
    size: nodes.length,
    withPods: together.first.pods.length > 0,
    first: together.first,
    second: together.second,
    apart,
    pairsTogether,
    pairsApart: nodes.length * (nodes.length - 1) - pairsTogether,
    racks: new Map(
      bySize.map(({ segment, nodes: inside }) => [
        segment,
        { size: inside.length, ends: () => bestOf(cluster, inside).first },
      ]),
    ),
  };
}

/** A class's nodes all have pods or none, but host network pods have no address of their own: looks at some. */
function bestOf(cluster: Cluster, nodes: readonly Node[]): { first: NodeEnds; second: NodeEnds | undefined } {
  const seen = nodes.slice(0, 8).map((node) => ({ node, pods: firstPods(cluster, node) }));
  const ranked = [...seen].sort((a, b) => b.pods.length - a.pods.length);
  return { first: ranked[0] ?? { node: nodes[0] as Node, pods: [] }, second: ranked[1] };
}

/** Two pods with addresses of their own, where there are so many. */
function firstPods(cluster: Cluster, node: Node): readonly Pod[] {
  const found: Pod[] = [];
  if (cluster.pods.countOn(node) === 0 || pluginOf(cluster, node) === "none") return found;
  for (const pod of cluster.pods.podsOn(node)) {
    if (!pod.workload.hostNetwork && pod.addresses.length > 0) found.push(pod);
    if (found.length === 2) break;
  }
  return found;
}

/** One pod of the node with an address of its own, by each of its addresses; none where there is no such pod. */
export function podEndsOn(cluster: Cluster, node: Node): readonly ProbeEnd[] {
  const [pod] = firstPods(cluster, node);
  return pod ? podEnds(pod, node) : [];
}

interface Ask {
  readonly from: ProbeEnd;
  readonly to: ProbeEnd;
  readonly sameNode: boolean;
  readonly pairs: number;
}

function* questions(classes: readonly ClassEnds[], targeted: () => Iterable<ClassPair>): Iterable<Ask> {
  for (const { first, size } of classes) {
    const [a, b] = first.pods;
    if (a && b) yield* between(podEnds(a, first.node), podEnds(b, first.node), true, size);
    if (a) yield* between(nodeEnds(first.node), podEnds(a, first.node), true, size);
  }
  for (const { from, to, nodes } of classPairs(classes, targeted)) {
    if (from === to) {
      yield* betweenNodes(from.first, from.second, nodes, from.pairsTogether);
      yield* betweenNodes(from.first, from.apart, nodes, from.pairsApart);
    } else {
      yield* betweenClasses(from, to, nodes);
    }
  }
}

/** Nodes of two classes may share a segment or not: one pair of each kind is asked. */
function* betweenClasses(from: ClassEnds, to: ClassEnds, nodes: boolean): Iterable<Ask> {
  let together = 0;
  let shared: string | undefined;
  for (const [segment, { size }] of from.racks) {
    const there = to.racks.get(segment)?.size ?? 0;
    together += size * there;
    if (there > 0) shared ??= segment;
  }
  if (shared !== undefined) {
    yield* betweenNodes(from.racks.get(shared)?.ends() ?? from.first, to.racks.get(shared)?.ends(), nodes, together);
  }
  const apart = from.size * to.size - together;
  for (const [a, one] of apart > 0 ? from.racks : []) {
    for (const [b, other] of to.racks) {
      if (a === b) continue;
      yield* betweenNodes(one.ends(), other.ends(), nodes, apart);
      return;
    }
  }
}

/** From pod to pod, and with `nodes` from the node itself. */
function* betweenNodes(from: NodeEnds, to: NodeEnds | undefined, nodes: boolean, pairs: number): Iterable<Ask> {
  if (pairs === 0 || !to) return;
  const [sender] = from.pods;
  const [receiver] = to.pods;
  if (sender && receiver) yield* between(podEnds(sender, from.node), podEnds(receiver, to.node), false, pairs);
  if (receiver && nodes) yield* between(nodeEnds(from.node), podEnds(receiver, to.node), false, pairs);
  // Nodes that have no pods at all must meet at least.
  if (!sender && !receiver) yield* between(nodeEnds(from.node), nodeEnds(to.node), false, pairs);
}

interface ClassPair {
  readonly from: ClassEnds;
  readonly to: ClassEnds;
  /** Ask for the node itself too. */
  readonly nodes: boolean;
}

/** All ordered pairs of a few classes; of many, a number proportional to theirs. */
function* classPairs(classes: readonly ClassEnds[], targeted: () => Iterable<ClassPair>): Iterable<ClassPair> {
  if (classes.length <= ALL_PAIRS_UP_TO) {
    for (const from of classes) for (const to of classes) yield { from, to, nodes: true };
    return;
  }
  const largest = classes.reduce((best, one) => (one.size > best.size ? one : best));
  const few = classes.length <= BOTH_WAYS_UP_TO;
  for (let i = 0; i < Math.min(classes.length, MOST_CLASSES); i += 1) {
    const one = classes[i];
    const next = classes[(i + 1) % classes.length];
    if (!one || !next) continue;
    yield { from: one, to: one, nodes: true };
    if (one === largest) continue;
    // The answer goes the other way already; a connection that is refused there is another matter.
    yield { from: one, to: largest, nodes: few };
    if (few) yield { from: largest, to: one, nodes: false };
    if (next !== largest && few) yield { from: one, to: next, nodes: false };
  }
  yield* targeted();
}

/** A node's own routes and rules about another node or its pods: between these two classes the packet tells. */
function* targetedPairs(classes: readonly NodeClass[], ends: readonly ClassEnds[]): Iterable<ClassPair> {
  const written = classes.map(({ nodes: [node] }) => [
    ...(node?.routes ?? []).filter(({ implied }) => !implied).map(({ dst }) => dst),
    ...(node?.acl ?? []).flatMap((rule) => [...rule.from, ...rule.to]),
  ]);
  if (written.every((prefixes) => prefixes.length === 0)) return;
  const owners = buildPrefixTable(
    classes.flatMap(({ nodes }, i) => nodes.flatMap((node) => prefixesOf(node).map((prefix) => [prefix, i] as const))),
  );
  let left = MOST_CLASSES;
  for (const [i, prefixes] of written.entries()) {
    const from = ends[i];
    const victims = new Set(prefixes.flatMap((prefix) => firstInside(owners, prefix)));
    for (const victim of victims) {
      const to = ends[victim];
      if (!from || !to || to === from) continue;
      left -= 1;
      if (left < 0) return;
      yield { from, to, nodes: true };
    }
  }
}

function prefixesOf(node: Node): readonly Prefix[] {
  const own = node.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => hostPrefix(ip)));
  return [...own, ...node.podCidrs.map(({ prefix }) => prefix)];
}

/** The class of the first node whose range or address lies in the prefix, and of the one whose range is around it. */
function firstInside(owners: PrefixTable<number>, prefix: Prefix): readonly number[] {
  for (const { values } of owners.coveredBy(prefix))
    return [...values.slice(0, 1), ...owners.lookup(prefix.ip).slice(0, 1)];
  return owners.lookup(prefix.ip).slice(0, 1);
}

/** One question for each family that both ends have. */
function* between(from: readonly ProbeEnd[], to: readonly ProbeEnd[], sameNode: boolean, pairs: number): Iterable<Ask> {
  for (const end of to) {
    const start = from.find((one) => family(one.ip) === family(end.ip));
    if (start) yield { from: start, to: end, sameNode, pairs };
  }
}

function podEnds(pod: Pod, node: Node): readonly ProbeEnd[] {
  const { workload } = pod;
  const imagined = isImagined(pod);
  const name = imagined
    ? `a pod on node ${node.name}`
    : `pod ${workload.namespace === "default" ? "" : `${workload.namespace}/`}${pod.name} on node ${node.name}`;
  const source = imagined ? node.source : workload.source;
  return pod.addresses.map((ip) => ({ kind: "pod", node, name, netns: pod.path, ip, source, imagined }));
}

/** See buildTopology: its source is the cluster. */
function isImagined({ workload }: Pod): boolean {
  return workload.source.statement.keyword.text === "cluster";
}

function nodeEnds(node: Node): readonly ProbeEnd[] {
  const ends = new Map<Family, ProbeEnd>();
  for (const { addresses } of node.interfaces) {
    for (const { ip } of addresses) {
      if (!ends.has(family(ip)))
        ends.set(family(ip), {
          kind: "node",
          node,
          name: `node ${node.name}`,
          netns: node.path,
          ip,
          source: node.source,
          imagined: false,
        });
    }
  }
  return [...ends.values()];
}

/* ------------------------------------------------------------------ asking */

function ask(
  context: CheckContext,
  cluster: Cluster,
  from: ProbeEnd,
  to: ProbeEnd,
  sameNode: boolean,
  pairs: number,
): Probe {
  const base = { cluster, from, to, sameNode, pairs };
  const ping = worst(context, pingTo(from.netns, to.ip));
  const probe: Probe = { ...base, journey: ping };
  if (!filteredIn(failureOf(probe, context.topology))) return probe;
  // An access list that stops pings only stops nobody's pods.
  return { ...base, journey: worst(context, connectionTo(context, from.netns, to.netns, to.ip)) };
}

export function pingTo(from: string, dst: Ip): Question {
  return { from, dst, proto: "icmp", sport: 7, dport: 0, df: false };
}

/** To a port on which somebody listens, where there is one. `to`: the namespace that has the address. */
export function connectionTo({ open }: CheckContext, from: string, to: string, dst: Ip): Question {
  const dport = open.netns(to)?.sockets.find((socket) => socket.proto === "tcp")?.port ?? UNUSED_PORT;
  return { from, dst, proto: "tcp", sport: 40000, dport, df: false };
}

function filteredIn(failure: Failure | undefined): boolean {
  return failure?.reason?.code === "filtered" || failure?.reason?.code === "rejected-by-rule";
}

export function worst(context: CheckContext, question: Question): Journey {
  const journeys = simulate(context.open, question);
  return journeys.find((journey) => partThatFailed(journey) !== undefined) ?? (journeys[0] as Journey);
}

/** The request or its reply, whichever did not arrive. */
export function partThatFailed(journey: Journey): Journey | undefined {
  const answeredByReset = journey.reason?.code === "closed-port";
  if (journey.verdict !== "delivered" && !answeredByReset) return journey;
  return journey.reply === undefined || journey.reply.verdict === "delivered" ? undefined : journey.reply;
}

/**
 * Somebody else has taken the packet for his own. Of equal addresses (a finding of their own) nothing is said here: this is about a host
 * that answers for everybody, to which a packet has leaked.
 */
function wrongEnd({ journey, to }: Probe, topology: Topology): Reason | undefined {
  if (journey.verdict !== "delivered" || journey.end === to.netns) return undefined;
  const host = topology.hosts.find(({ path }) => path === journey.end);
  if (!host?.edge?.answersAny) return undefined;
  return {
    code: "wrong-end",
    message: `${host.name}, which answers for every address, takes the packet`,
    netns: host.path,
    origin: host.source,
  };
}

function failureOf(probe: Probe, topology: Topology): Failure | undefined {
  const { journey, from, to } = probe;
  const failed = partThatFailed(journey);
  const astray = wrongEnd(probe, topology);
  if (astray)
    return { probe, failed: { ...journey, verdict: "dropped", reason: astray }, isReply: false, reason: astray };
  if (failed) return { probe, failed, isReply: failed !== journey, reason: failed.reason };
  const seen = journey.receiver?.src;
  if (from.kind === "pod" && to.kind === "pod" && seen !== undefined && seen !== from.ip) {
    return { probe, failed: journey, isReply: false, reason: undefined };
  }
  return undefined;
}
