/**
 * Simulated packets between the nodes and pods of a cluster, one per pair of node classes, and why some did not arrive.
 * Computed once per run; the checks KN2xx report the failures.
 */

import { type Family, family, hostPrefix, type Ip, type Prefix } from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import { modeOf } from "../cni/modes.ts";
import { pluginOf } from "../cni/settings.ts";
import type { Journey, Question, Reason } from "../dataplane/journey.ts";
import { simulate } from "../dataplane/simulator/simulate.ts";
import type { Origin } from "../declared/origin.ts";
import { memo } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, Node, Pod, Topology } from "../topology/model.ts";
import { type NodeClass, nodeClasses } from "./classes.ts";
import { planOf } from "./plan.ts";
import type { View } from "./view.ts";

/** An endpoint of a probe: a pod, or a node itself. */
export interface ProbeEnd {
  readonly kind: "pod" | "node";
  readonly node: Node;
  /** "pod `shop/web` on node `prod/n1`", "node `prod/n1`". */
  readonly name: string;
  readonly netns: string;
  readonly ip: Ip;
  /** The workload, the node. */
  readonly source: Origin;
  /** A pod that knet adds to a cluster without pods. */
  readonly imagined: boolean;
}

export interface Probe {
  readonly cluster: Cluster;
  readonly from: ProbeEnd;
  readonly to: ProbeEnd;
  readonly sameNode: boolean;
  /** Number of ordered node pairs (of nodes, if both endpoints are on one node) that the probe represents. */
  readonly pairs: number;
  /** The worst of the possible journeys (ECMP, random choices). */
  readonly journey: Journey;
}

export interface Failure {
  readonly probe: Probe;
  /** The part that failed: the request or its reply. */
  readonly failed: Journey;
  readonly isReply: boolean;
  /** Undefined: both arrived, but the receiver saw a different source address. */
  readonly reason: Reason | undefined;
}

export interface ProbeResult {
  readonly failures: readonly Failure[];
  /** Probes that passed; the MTU checks repeat them with full-size packets. */
  readonly passed: readonly Probe[];
}

/** Up to this number of classes, all pairs are probed; beyond, each class with itself, the largest class, and the next one. */
const ALL_PAIRS_UP_TO = 6;
/** Beyond this number of classes, each is probed only with itself and towards the largest class. */
const BOTH_WAYS_UP_TO = 32;
/** Maximum number of classes per cluster; only a file with a separate block per node reaches it. */
const MOST_CLASSES = 1000;
/** A closed port: the RST also shows that the packet arrived. */
const UNUSED_PORT = 65000;

export const probesOf = memo(probeAll);

function probeAll(context: View): ProbeResult {
  const failures: Failure[] = [];
  const passed: Probe[] = [];
  const { peopled } = context;
  const disputed = planOf(peopled).conflicts.map(({ shared }) => shared);
  for (const cluster of peopled.clusters) {
    const classes = nodeClasses(peopled, cluster, disputed);
    const ends = classes.map((one) => endsOf(one));
    const isApart = modeOf(cluster.cni.plugin).isApart?.(peopled, cluster) === true;
    for (const { from, to, pairs, sameNode } of questions(ends, () => targetedPairs(classes, ends))) {
      if (context.cancelled()) return { failures, passed };
      if (isApart && !sameNode) continue;
      const probe = ask(context, { cluster, from, to, sameNode, pairs });
      const failure = failureOf(probe, context.topology);
      if (failure) failures.push(failure);
      else passed.push(probe);
    }
  }
  return { failures, passed };
}

/* --------------------------------------------------------------- requests */

/** The endpoints of a class: on its first two nodes, and per rack. */
interface ClassEnds {
  readonly size: number;
  readonly withPods: boolean;
  readonly first: NodeEnds;
  /** Another node on the first node's segment, if there is one. */
  readonly second: NodeEnds | undefined;
  /** A node on a different segment, if the class has several segments. */
  readonly apart: NodeEnds | undefined;
  /** Number of ordered node pairs on one segment, and on two segments. */
  readonly pairsTogether: number;
  readonly pairsApart: number;
  /** Keyed by segment, the largest first. */
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

/** Prefers nodes with two pods among the first eight: host network pods do not have a separate address. */
function bestOf(cluster: Cluster, nodes: readonly Node[]): { first: NodeEnds; second: NodeEnds | undefined } {
  const seen = nodes.slice(0, 8).map((node) => ({ node, pods: firstPods(cluster, node) }));
  const ranked = [...seen].sort((a, b) => b.pods.length - a.pods.length);
  return { first: ranked[0] ?? { node: nodes[0] as Node, pods: [] }, second: ranked[1] };
}

/** Up to two pods with their own addresses. */
function firstPods(cluster: Cluster, node: Node): readonly Pod[] {
  const found: Pod[] = [];
  if (cluster.pods.countOn(node) === 0 || pluginOf(cluster, node) === "none") return found;
  for (const pod of cluster.pods.podsOn(node)) {
    if (!pod.workload.hostNetwork && pod.addresses.length > 0) found.push(pod);
    if (found.length === 2) break;
  }
  return found;
}

/** One endpoint per address of a pod on the node; empty if only host network pods run there. */
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

/** Probes one node pair on a shared segment and one on different segments, if they exist. */
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

/** From pod to pod, and if `nodes` is set, also from the node itself. */
function* betweenNodes(from: NodeEnds, to: NodeEnds | undefined, nodes: boolean, pairs: number): Iterable<Ask> {
  if (pairs === 0 || !to) return;
  const [sender] = from.pods;
  const [receiver] = to.pods;
  if (sender && receiver) yield* between(podEnds(sender, from.node), podEnds(receiver, to.node), false, pairs);
  if (receiver && nodes) yield* between(nodeEnds(from.node), podEnds(receiver, to.node), false, pairs);
  // Nodes without pods must at least reach each other.
  if (!sender && !receiver) yield* between(nodeEnds(from.node), nodeEnds(to.node), false, pairs);
}

interface ClassPair {
  readonly from: ClassEnds;
  readonly to: ClassEnds;
  /** Also probe from the node itself. */
  readonly nodes: boolean;
}

/** All ordered pairs of a few classes; for many classes, a number of pairs proportional to the number of classes. */
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
    // The reply covers the reverse path; only rules that reject new connections in that direction need a separate probe.
    yield { from: one, to: largest, nodes: few };
    if (few) yield { from: largest, to: one, nodes: false };
    if (next !== largest && few) yield { from: one, to: next, nodes: false };
  }
  yield* targeted();
}

/** Pairs of a class whose routes or rules contain addresses, and the class that owns these addresses. */
function* targetedPairs(classes: readonly NodeClass[], ends: readonly ClassEnds[]): Iterable<ClassPair> {
  const written = classes.map(({ nodes: [node] }) => [
    ...(node?.routes ?? []).filter(({ implied }) => !implied).map(({ dst }) => dst),
    ...(node?.overrides?.neighbors ?? []).map(({ ip }) => hostPrefix(ip)),
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

/** The class of the first node whose pod CIDR or address is in the prefix, and the class whose pod CIDR contains the prefix. */
function firstInside(owners: PrefixTable<number>, prefix: Prefix): readonly number[] {
  for (const { values } of owners.coveredBy(prefix))
    return [...values.slice(0, 1), ...owners.lookup(prefix.ip).slice(0, 1)];
  return owners.lookup(prefix.ip).slice(0, 1);
}

/** One probe per address family that both endpoints have. */
function* between(from: readonly ProbeEnd[], to: readonly ProbeEnd[], sameNode: boolean, pairs: number): Iterable<Ask> {
  for (const end of to) {
    const start = from.find((one) => family(one.ip) === family(end.ip));
    if (start) yield { from: start, to: end, sameNode, pairs };
  }
}

function podEnds(pod: Pod, node: Node): readonly ProbeEnd[] {
  const { workload } = pod;
  const imagined = isImagined(pod);
  const own = workload.namespace === "default" ? pod.name : `${workload.namespace}/${pod.name}`;
  const name = imagined ? t`a pod on node \`${node.path}\`` : t`pod \`${own}\` on node \`${node.path}\``;
  const source = imagined ? node.source : workload.source;
  return pod.addresses.map((ip) => ({ kind: "pod", node, name, netns: pod.path, ip, source, imagined }));
}

/** Whether knet added the pod (buildTopology): its source is then the cluster. */
function isImagined({ workload }: Pod): boolean {
  return workload.source.decl.spec?.keyword === "cluster";
}

function nodeEnds(node: Node): readonly ProbeEnd[] {
  const ends = new Map<Family, ProbeEnd>();
  for (const { addresses } of node.interfaces) {
    for (const { ip } of addresses) {
      if (!ends.has(family(ip)))
        ends.set(family(ip), {
          kind: "node",
          node,
          name: t`node \`${node.path}\``,
          netns: node.path,
          ip,
          source: node.source,
          imagined: false,
        });
    }
  }
  return [...ends.values()];
}

/* ------------------------------------------------------------------ probes */

function ask(context: View, base: Omit<Probe, "journey">): Probe {
  const { from, to } = base;
  const ping = worst(context, pingTo(from.netns, to.ip));
  const probe: Probe = { ...base, journey: ping };
  if (!filteredIn(failureOf(probe, context.topology))) return probe;
  // An access list that drops only pings does not affect the pods.
  return { ...base, journey: worst(context, connectionTo(context, from.netns, to.netns, to.ip)) };
}

export function pingTo(from: string, dst: Ip): Question {
  return { from, dst, proto: "icmp", sport: 7, dport: 0, df: false };
}

/** A connection to an open TCP port, if there is one. `to`: the network namespace that has the address. */
export function connectionTo({ open }: View, from: string, to: string, dst: Ip): Question {
  const dport = open.netns(to)?.sockets.find((socket) => socket.proto === "tcp")?.port ?? UNUSED_PORT;
  return { from, dst, proto: "tcp", sport: 40000, dport, df: false };
}

/** The failure of the same probe in another state of the network. */
export function failureAgain(context: View, { journey: _, ...probe }: Probe): Failure | undefined {
  return failureOf(ask(context, probe), context.topology);
}

function filteredIn(failure: Failure | undefined): boolean {
  return failure?.reason?.code === "filtered" || failure?.reason?.code === "rejected-by-rule";
}

export function worst(context: View, question: Question): Journey {
  const journeys = simulate(context.open, question);
  return journeys.find((journey) => partThatFailed(journey) !== undefined) ?? (journeys[0] as Journey);
}

/** The part that did not arrive: the request or its reply. */
export function partThatFailed(journey: Journey): Journey | undefined {
  const isReset = journey.reason?.code === "closed-port";
  if (journey.verdict !== "delivered" && !isReset) return journey;
  return journey.reply === undefined || journey.reply.verdict === "delivered" ? undefined : journey.reply;
}

/**
 * The packet leaked to a host with `answers any`, which accepted it. Duplicate addresses have a separate finding and are not
 * handled here.
 */
function wrongEnd({ journey, to }: Probe, topology: Topology): Reason | undefined {
  if (journey.verdict !== "delivered" || journey.end === to.netns) return undefined;
  const host = topology.hosts.find(({ path }) => path === journey.end);
  if (!host?.edge?.answersAny) return undefined;
  return {
    code: "wrong-end",
    message: t`host ${host.path} accepts packets to every address and receives the packet`,
    netns: host.path,
    origin: host.source,
  };
}

function failureOf(probe: Probe, topology: Topology): Failure | undefined {
  const { journey, from, to } = probe;
  const failed = partThatFailed(journey);
  const wrong = wrongEnd(probe, topology);
  if (wrong) return { probe, failed: { ...journey, verdict: "dropped", reason: wrong }, isReply: false, reason: wrong };
  if (failed) return { probe, failed, isReply: failed !== journey, reason: failed.reason };
  const seen = journey.receiver?.src;
  if (from.kind === "pod" && to.kind === "pod" && seen !== undefined && seen !== from.ip) {
    return { probe, failed: journey, isReply: false, reason: undefined };
  }
  return undefined;
}
