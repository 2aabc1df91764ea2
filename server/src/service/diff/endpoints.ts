/**
 * The endpoints of connections: workloads and external hosts, each as the nodes that its pods run on. A replica is not compared
 * with a replica, because a rollout or another number of nodes moves all of them: the pods on a node are compared with the pods
 * on this node.
 */
import { formatIp, type Ip } from "../../addressing/ip.ts";
import { policySetOf } from "../../kubernetes/policy/evaluate.ts";
import { valueAt } from "../../memo/memo.ts";
import type { Cluster, ExternalHost, Listener, Node, Pod, Workload } from "../../topology/model.ts";
import { podPath } from "../../topology/names.ts";
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
  readonly workload: Pairing<Workload>;
  /** Absent: a workload. */
  readonly host?: { readonly name: string; readonly range: string };
  readonly listeners: Pairing<readonly Listener[]>;
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
        ...grouped(joined(before, after), listenersOf(workload.before), listenersOf(workload.after)),
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
        ...grouped(
          [position],
          position.before && (host.before?.processes ?? []).flatMap(({ listeners }) => listeners),
          position.after && (host.after?.processes ?? []).flatMap(({ listeners }) => listeners),
        ),
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

function listenersOf(workload: Workload | undefined): readonly Listener[] | undefined {
  return workload?.containers.flatMap(({ listeners }) => listeners);
}

function hostHere(side: Side, host: ExternalHost | undefined, ip: Ip | undefined): Here | undefined {
  if (!host || ip === undefined) return undefined;
  const owner: Owner = {
    podAt: () => undefined,
    pathOf: () => host.path,
    spotOf: (_, kind) => ({ kind, netns: host.path, addresses: [ip], isPod: false }),
  };
  return { owner, kind: side.hostKind(host, ip), node: undefined, ordinals: [0] };
}

function ownerOf(cluster: Cluster, workload: Workload): Owner {
  const { pods } = cluster;
  return {
    podAt: (ordinal) => pods.podAt(workload, ordinal),
    pathOf: (ordinal) => podPath(cluster, pods.podAt(workload, ordinal)),
    spotOf(ordinal, kind) {
      const { path, node, addresses } = pods.podAt(workload, ordinal);
      return { kind, netns: workload.hostNetwork && node ? node.path : path, addresses, isPod: !workload.hostNetwork };
    },
  };
}

type Growing = Here & { readonly ordinals: number[] };

/** By the number of the node; usually one entry of equivalent pods per node. */
function here(
  side: Side,
  cluster: Cluster | undefined,
  workload: Workload | undefined,
  nodes: ReadonlyMap<Node, number>,
): ReadonlyMap<number, readonly Here[]> {
  const found = new Map<number, Growing[]>();
  if (!cluster || !workload) return found;
  const set = policySetOf(cluster);
  const owner = ownerOf(cluster, workload);
  for (let ordinal = 0; ordinal < workload.replicas; ordinal++) {
    const pod = cluster.pods.podAt(workload, ordinal);
    const kind = side.kindOf(set, pod);
    const node = kind && pod.node;
    const number = (node && nodes.get(node)) ?? UNPLACED;
    const lists = found.get(number);
    const alike = lists?.find((one) => one.kind === kind);
    const entry: Growing = alike ?? { owner, kind, node, ordinals: [] };
    entry.ordinals.push(ordinal);
    if (lists === undefined) found.set(number, [entry]);
    else if (!alike) lists.push(entry);
  }
  return found;
}

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

function grouped(
  positions: readonly Position[],
  before: readonly Listener[] | undefined,
  after: readonly Listener[] | undefined,
): Pick<Endpoint, "groups" | "keys" | "listeners"> {
  const groups = new Map<string, { readonly key: string; readonly positions: Position[] }>();
  const keyOf = (one: Here | undefined): string => (one === undefined ? ABSENT : (one.kind?.key ?? "unplaced"));
  for (const position of positions) {
    const key = `${keyOf(position.before)} => ${keyOf(position.after)}`;
    valueAt(groups, key, () => ({ key, positions: [] })).positions.push(position);
  }
  const ports = [before, after].map((listeners) =>
    listeners === undefined ? ABSENT : listeners.map(({ proto, first, last }) => `${proto}${first}-${last}`).join(),
  );
  const from = [...groups.keys()].sort().join("|");
  return { groups, listeners: { before, after }, keys: { from, to: `${from} ${ports.join(" => ")}` } };
}

/** Whether the endpoint has pods on this side; the positions of a group are all on the same sides. */
export function existsIn({ groups }: Endpoint, side: SideName): boolean {
  for (const { positions } of groups.values()) if (positions[0]?.[side] !== undefined) return true;
  return false;
}
