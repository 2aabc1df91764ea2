/**
 * A CNI mode is a compiler from the topology to Linux state. It says which devices, routes, neighbour and forwarding
 * entries, netfilter rules and sockets a node holds because of it, and what a pod gets; `network.ts` adds what every host
 * has. A mode knows nothing of tracing, and nothing outside this folder knows what a mode does.
 */
import type { Ip, Prefix } from "../addressing/ip.ts";
import type { Device, Neighbour, NfRule, NfTable, Route, RouteLayer, Socket } from "../dataplane/model.ts";
import type { ModeAddressing } from "../topology/addressing.ts";
import type { Cluster, CniSettings, Node, Pod, PodCidr, Topology, TopologyProblem } from "../topology/model.ts";
import type { HostState } from "./host.ts";

export interface Mode {
  /** As in `cni flannel`. */
  readonly plugin: string;
  /** How addresses are handed out under these settings; the topology builder is given this and knows no modes. */
  addressing(settings: CniSettings, podCidrs: readonly PodCidr[]): ModeAddressing;
  /** What the real programs refuse, or accept and fail on later. */
  check(context: ClusterContext): readonly TopologyProblem[];
  /** What the nodes of a cluster share, made once for a network; must cost nothing before a node is asked for. */
  compile(context: ClusterContext): CompiledMode;
}

/** One cluster as its modes see it. */
export interface ClusterContext {
  readonly topology: Topology;
  readonly cluster: Cluster;
  /** The node without its pod network: interfaces and the routes of the host's own configuration. Kept. */
  host(node: Node): HostState;
}

export interface CompiledMode {
  node(node: Node): NodeParts;
  pod(pod: Pod, node: Node): PodParts;
  /** Addresses of the node beyond those of its interfaces, without compiling it: for ARP on a segment. */
  localAddresses(node: Node): readonly Ip[];
}

export interface NodeParts {
  /** Routes to the networks of their addresses are made by `network.ts`, as the kernel makes them. */
  readonly devices: readonly Device[];
  /** Routes of this node alone. */
  readonly routes: readonly Route[];
  /** Tables shared with other nodes. */
  readonly layers: readonly RouteLayer[];
  /** The mode's daemon replaces a route that the host has to exactly this destination (`ip route replace`). */
  replaces(dst: Prefix): boolean;
  readonly neighbours: NeighbourLayer | undefined;
  /** Asked for only when a packet meets netfilter. */
  chains(): readonly ChainRules[];
  readonly sockets: readonly Socket[];
}

export interface NeighbourLayer {
  lookup(device: string, ip: Ip): Neighbour | undefined;
  entries(): Iterable<Neighbour>;
}

/** Rules for one chain. Contributions to the same chain follow each other in the order in which they are given. */
export interface ChainRules {
  readonly family: 4 | 6;
  readonly table: NfTable;
  readonly chain: string;
  readonly policy?: "DROP";
  readonly rules: readonly NfRule[];
}

/** Besides `lo`. */
export interface PodParts {
  readonly devices: readonly Device[];
  readonly routes: readonly Route[];
}

export const NO_NODE_PARTS: NodeParts = {
  devices: [],
  routes: [],
  layers: [],
  replaces: () => false,
  neighbours: undefined,
  chains: () => [],
  sockets: [],
};

export const NO_POD_PARTS: PodParts = { devices: [], routes: [] };
