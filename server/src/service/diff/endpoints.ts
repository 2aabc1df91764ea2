/**
 * The endpoints of connections: workloads and external hosts, each as the nodes that its pods run on. A replica is not compared
 * with a replica, because a rollout or another number of nodes moves all of them: the pods on a node are compared with the pods
 * on this node.
 */
import { formatIp, type Ip } from "../../addressing/ip.ts";
import { policySetOf } from "../../kubernetes/policy/evaluate.ts";
import { memo, valueAt } from "../../memo/memo.ts";
import { lastUpTo } from "../../text/search.ts";
import type { Cluster, ExternalHost, Listener, Node, Pod } from "../../topology/model.ts";
import { podPath } from "../../topology/names.ts";
import type { WorkloadPods } from "../../topology/owners.ts";
import { listenersKey, listenersOf, portsText } from "../reach.ts";
import type { Pairing, Pairings } from "./pairing.ts";
import type { Side, Spot, SpotKind } from "./side.ts";

export type SideName = "before" | "after";

/** The pods of an endpoint in one topology. A large cluster has many, so only their numbers are kept. */
export interface Owner {
  podAt(ordinal: number): Pod | undefined;
  spotOf(ordinal: number, kind: SpotKind): Spot;
  /** The path for a trace. */
  pathOf(ordinal: number): string;
}

/** Pods of one endpoint on one node that the topology does not distinguish. */
export interface Here {
  readonly owner: Owner;
  /** Undefined: they have no node or no address, so they reach nothing. */
  readonly kind: SpotKind | undefined;
  /** Undefined: a host, or no node. */
  readonly node: Node | undefined;
  readonly ordinals: readonly number[];
  readonly listeners: readonly Listener[];
}

/** The same pods in both topologies; on one side only if the endpoint has no pods on the node on the other side. */
export interface Position {
  /** A number for the node, or for the host; the same in both topologies. */
  readonly node: number;
  readonly before: Here | undefined;
  readonly after: Here | undefined;
}

/** Positions that neither topology distinguishes. */
export interface Group {
  readonly key: string;
  readonly positions: readonly Position[];
}

export interface Endpoint {
  readonly index: number;
  readonly name: { readonly before: string; readonly after: string };
  readonly workload: Pairing<WorkloadPods>;
  /** Absent: a workload. */
  readonly host?: { readonly name: string; readonly range: string };
  readonly groups: ReadonlyMap<string, Group>;
  /** Endpoints with the same keys have the same connections, as senders and as receivers. */
  readonly keys: { readonly from: string; readonly to: string };
}

export interface Sides {
  readonly before: Side;
  readonly after: Side;
}

const ABSENT = "-";
const UNPLACED = -1;

export function endpointsOf(sides: Sides, { clusters, hosts }: Pairings): readonly Endpoint[] {
  const several = Math.max(sides.before.topology.clusters.length, sides.after.topology.clusters.length) > 1;
  const nodes = numbersOf(clusters.flatMap((pair) => pair.nodes));
  const endpoints: Omit<Endpoint, "index">[] = [];
  for (const pair of clusters) {
    for (const workload of pair.workloads) {
      const before = here(sides.before, pair.before, workload.before, nodes);
      const after = here(sides.after, pair.after, workload.after, nodes);
      endpoints.push({
        name: namesOf(workload, (one) => `${several ? `${one.cluster}/` : ""}${one.namespace}/${one.name}`),
        workload,
        ...grouped(joined(before, after)),
      });
    }
  }
  let number = -2;
  for (const host of hosts) {
    for (const address of addressPairs(host)) {
      const position = {
        node: number--,
        before: hostHere(sides.before, host.before, address.before),
        after: hostHere(sides.after, host.after, address.after),
      };
      const names = namesOf(host, ({ path }) => path);
      const ip = address.after ?? address.before;
      endpoints.push({
        name: names,
        workload: { before: undefined, after: undefined },
        host: { name: names.after, range: ip === undefined ? "" : formatIp(ip) },
        ...grouped([position]),
      });
    }
  }
  return endpoints.map((endpoint, index) => ({ ...endpoint, index }));
}

function namesOf<T>({ before, after }: Pairing<T>, name: (one: T) => string): Endpoint["name"] {
  const [old, current] = [before && name(before), after && name(after)];
  return { before: old ?? current ?? "", after: current ?? old ?? "" };
}

function numbersOf(pairs: readonly Pairing<Node>[]): ReadonlyMap<Node, number> {
  const numbers = new Map<Node, number>();
  for (const [index, { before, after }] of pairs.entries()) {
    if (before) numbers.set(before, index);
    if (after) numbers.set(after, index);
  }
  return numbers;
}

/** The addresses of a host in their order: a renumbered host is the same endpoint. */
function addressPairs({ before, after }: Pairings["hosts"][number]) {
  const listOf = (host: typeof before) =>
    host?.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)) ?? [];
  const [old, current] = [listOf(before), listOf(after)];
  return Array.from({ length: Math.max(old.length, current.length) }, (_, index) => ({
    before: old[index],
    after: current[index],
  }));
}

function hostHere(side: Side, host: ExternalHost | undefined, ip: Ip | undefined): Here | undefined {
  if (!host || ip === undefined) return undefined;
  const owner: Owner = {
    podAt: () => undefined,
    pathOf: () => host.path,
    spotOf: (_, kind) => ({ kind, netns: host.path, addresses: [ip], isPod: false }),
  };
  const listeners = host.processes.flatMap((one) => one.listeners);
  return { owner, kind: side.hostKind(host, ip), node: undefined, ordinals: [0], listeners };
}

/** Numbers the pods of all parts in order. */
function ownerOf(cluster: Cluster, { parts }: WorkloadPods): Owner {
  const starts = [0];
  for (const { replicas } of parts) starts.push(starts.at(-1)! + replicas);
  const podAt = (ordinal: number): Pod => {
    const index = parts.length === 1 ? 0 : lastUpTo(starts, ordinal);
    return cluster.pods.podAt(parts[index]!, ordinal - starts[index]!);
  };
  return {
    podAt,
    pathOf: (ordinal) => podPath(cluster, podAt(ordinal)),
    spotOf(ordinal, kind) {
      const { path, node, addresses, workload } = podAt(ordinal);
      return { kind, netns: workload.hostNetwork && node ? node.path : path, addresses, isPod: !workload.hostNetwork };
    },
  };
}

type Growing = Here & { readonly ordinals: number[] };

/** By the number of the node; usually one entry of equivalent pods per node. */
function here(
  side: Side,
  cluster: Cluster | undefined,
  workload: WorkloadPods | undefined,
  nodes: ReadonlyMap<Node, number>,
): ReadonlyMap<number, readonly Here[]> {
  const found = new Map<number, Growing[]>();
  if (!cluster || !workload) return found;
  const set = policySetOf(cluster);
  const owner = ownerOf(cluster, workload);
  let next = 0;
  for (const part of workload.parts) {
    const ports = listenersKey(part);
    for (let replica = 0; replica < part.replicas; replica++) {
      const ordinal = next++;
      const pod = cluster.pods.podAt(part, replica);
      const kind = side.kindOf(set, pod);
      const node = kind && pod.node;
      const number = (node && nodes.get(node)) ?? UNPLACED;
      const lists = found.get(number);
      const alike = lists?.find((one) => one.kind === kind && portsOf(one) === ports);
      const entry: Growing = alike ?? { owner, kind, node, ordinals: [], listeners: listenersOf(part) };
      entry.ordinals.push(ordinal);
      if (lists === undefined) found.set(number, [entry]);
      else if (!alike) lists.push(entry);
    }
  }
  return found;
}

const portsOf = ({ listeners }: Here): string => textOf(listeners);
const textOf = memo(portsText);

function joined(
  before: ReadonlyMap<number, readonly Here[]>,
  after: ReadonlyMap<number, readonly Here[]>,
): readonly Position[] {
  const positions: Position[] = [];
  for (const node of new Set([...before.keys(), ...after.keys()])) {
    const [old, current] = [before.get(node) ?? [], after.get(node) ?? []];
    for (let index = 0; index < Math.max(old.length, current.length); index++)
      positions.push({ node, before: old[index], after: current[index] });
  }
  return positions;
}

function grouped(positions: readonly Position[]): Pick<Endpoint, "groups" | "keys"> {
  const groups = new Map<string, { readonly key: string; readonly positions: Position[] }>();
  const ports = { before: portsOn(positions, "before"), after: portsOn(positions, "after") };
  const keyOf = (one: Here | undefined, all: ReadonlySet<string>): string => {
    if (one === undefined) return ABSENT;
    const kind = one.kind?.key ?? "unplaced";
    // Pods of two revisions can listen on different ports.
    return all.size > 1 ? `${kind} ${portsOf(one)}` : kind;
  };
  for (const position of positions) {
    const key = `${keyOf(position.before, ports.before)} => ${keyOf(position.after, ports.after)}`;
    valueAt(groups, key, () => ({ key, positions: [] })).positions.push(position);
  }
  const from = [...groups.keys()].sort().join("|");
  const listening = [ports.before, ports.after].map((all) => (all.size === 0 ? ABSENT : [...all].sort().join("|")));
  return { groups, keys: { from, to: `${from} ${listening.join(" => ")}` } };
}

/** The different lists of ports that the pods listen on. */
function portsOn(positions: readonly Position[], side: SideName): ReadonlySet<string> {
  return new Set(positions.flatMap((position) => (position[side] ? portsOf(position[side]) : [])));
}

/** Whether the endpoint has pods on this side; the positions of a group are all on the same sides. */
export function existsIn({ groups }: Endpoint, side: SideName): boolean {
  for (const { positions } of groups.values()) if (positions[0]?.[side] !== undefined) return true;
  return false;
}
