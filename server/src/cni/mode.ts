/**
 * A CNI mode is a compiler from the topology to Linux state. It returns the devices, routes, neighbor and FDB entries,
 * netfilter rules, and sockets that it adds to a node, and the state of a pod; `network.ts` adds the state that every
 * host has. A mode has no knowledge of tracing, and nothing outside this folder depends on a particular mode.
 */

import type { Ip, Prefix } from "../addressing/ip.ts";
import type {
  Children,
  Device,
  Mac,
  Neighbour,
  NfBase,
  NfChain,
  NfTable,
  NftLine,
  PolicyRule,
  Route,
  RouteLayer,
  RouteTable,
  Socket,
  Xfrm,
} from "../dataplane/model.ts";
import type { RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import type { ModeAddressing } from "../topology/addressing.ts";
import type { Cluster, CniSettings, Node, Pod, PodCidr, Router, Topology } from "../topology/model.ts";
import type { Speaker } from "./bgp/model.ts";
import type { Bgp } from "./bgp/solve.ts";
import type { HostState } from "./host.ts";
import type { NetworkProblem } from "./problems.ts";

export interface Mode {
  /** As in `cni flannel`. */
  readonly plugin: string;
  /** False if host ports are not implemented by the portmap plugin. */
  readonly portmap?: false;
  /**
   * How addresses are allocated with these settings. Passed to the topology builder, which has no knowledge of modes.
   */
  addressing(settings: CniSettings, podCidrs: readonly PodCidr[], maxPods?: number): ModeAddressing;
  /** Settings that the real programs reject, or accept and fail on later. */
  check(context: ClusterContext): readonly NetworkProblem[];
  /** State shared by the nodes of a cluster, created once per network; must cost nothing until a node is requested. */
  compile(context: ClusterContext): CompiledMode;
  /** Whether the pods of different nodes need not reach each other, because the administrator configures no routes for them. */
  isApart?(topology: Topology, cluster: Cluster): boolean;
  /** The nodes that run BGP. */
  speakers?(context: ClusterContext): readonly Speaker[];
}

/** One cluster as its modes see it. */
export interface ClusterContext {
  readonly topology: Topology;
  readonly cluster: Cluster;
  /** The node without its pod network: interfaces and the routes of the host's own configuration. Cached. */
  host(node: Node): HostState;
  /** Routes that all speakers of the topology learn, routers included; solved on first request. */
  bgp(): Bgp;
}

export interface CompiledMode {
  node(node: Node): NodeParts;
  pod(pod: Pod, node: Node): PodParts;
  /**
   * Addresses of the node in addition to its interfaces' addresses, without compiling the node: for ARP on a segment.
   */
  localAddresses(node: Node): readonly Ip[];
  /** Routes that a router of the fabric has because of the cluster: a cloud's route table, BGP. */
  fabricRoutes?(router: Router): readonly Route[];
  /** The pod that replies to ARP for this address on a segment of its node, in place of the node (macvlan, ipvlan). */
  stackedEnd?(ip: Ip): StackedEnd | undefined;
  /** A separate routing domain in a router of the fabric, looked up first for packets from its sources. */
  fabricDomain?(router: Router): FabricDomain | undefined;
  /**
   * Where the fabric delivers packets to an address that is not configured on any interface: a secondary address or
   * alias range of a cloud machine's interface. The fabric replies to ARP for it and allows packets from it.
   */
  fabricEnd?(ip: Ip): { readonly segment: string; readonly node: Node; readonly device: string } | undefined;
}

/** An address that a pod has on a segment of its node. */
export interface StackedEnd {
  readonly segment: string;
  readonly node: Node;
  readonly device: string;
  readonly pod: Pod;
  readonly mac: Mac;
}

export interface FabricDomain {
  /** The cluster whose nodes send its packets. */
  readonly cluster: string;
  readonly from: readonly Prefix[];
  readonly routes: readonly Route[];
}

export interface NodeParts {
  /** `network.ts` adds the routes to the networks of their addresses, as the kernel does. */
  readonly devices: readonly Device[];
  /** Routes of this node only. */
  readonly routes: readonly Route[];
  /** Tables shared with other nodes. */
  readonly layers: readonly RouteLayer[];
  /** Whether the mode's daemon replaces the host's route to exactly this destination (`ip route replace`). */
  replaces(dst: Prefix): boolean;
  readonly neighbours: NeighbourLayer | undefined;
  /** Requested only when a packet reaches netfilter. */
  chains(): readonly ChainRules[];
  readonly sockets: readonly Socket[];
  /** Kernel settings that the mode's program makes, by full name; settings in the file take precedence. */
  sysctl?(name: string): string | undefined;
  /** Policy routing rules in addition to the kernel's three default rules, in order of priority. */
  readonly rules?: readonly PolicyRule[];
  /** Tables in addition to `main`. */
  readonly tables?: ReadonlyMap<string, RouteTable>;
  /** Whether the mode's program deletes this route to a network of `devices`. */
  deletes?(route: Route): boolean;
  /** Children that the mode stacks on the node's interfaces, by device. */
  readonly stacks?: ReadonlyMap<string, Children> | undefined;
  /** IPsec policies and associations. */
  readonly xfrm?: Xfrm | undefined;
}

export interface NeighbourLayer {
  lookup(device: string, ip: Ip): Neighbour | undefined;
  entries(): Iterable<Neighbour>;
}

/** Rules for one chain. Several contributions to one chain are appended in the given order. */
export interface ChainRules {
  readonly family: 4 | 6;
  readonly table: NfTable;
  readonly chain: string;
  readonly policy?: "ACCEPT" | "DROP";
  readonly policyOrigin?: Origin;
  readonly rules: readonly RuleSpec[];
  /** Of a base chain in an nftables table. */
  readonly base?: Pick<NfBase, "hook" | "priority" | "type">;
}

/** Chains that are built when requested by name: kube-proxy has thousands. */
export interface ChainSource {
  chain(family: 4 | 6, table: NfTable, name: string): NfChain | undefined;
  /** All chains, for printing. */
  chains(family: 4 | 6): Iterable<{ readonly table: NfTable; readonly chain: NfChain }>;
  /** nftables: base chains, and the tables as `nft` prints them. */
  bases?(family: 4 | 6): readonly NfBase[];
  nft?(family: 4 | 6): readonly NftLine[];
}

/** In addition to `lo`. */
export interface PodParts {
  readonly devices: readonly Device[];
  readonly routes: readonly Route[];
  /** Permanent entries. */
  readonly neighbours?: readonly Neighbour[];
  /** Same as for a node. */
  deletes?(route: Route): boolean;
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
