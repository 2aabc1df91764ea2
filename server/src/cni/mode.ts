/**
 * A CNI mode is a compiler from the topology to Linux state. It says which devices, routes, neighbour and forwarding
 * entries, netfilter rules and sockets a node holds because of it, and what a pod gets; `network.ts` adds what every host
 * has. A mode knows nothing of tracing, and nothing outside this folder knows what a mode does.
 */
import type { Ip, Prefix } from "../addressing/ip.ts";
import type {
  Children,
  Device,
  Mac,
  Neighbour,
  NfBase,
  NfChain,
  NfRule,
  NfTable,
  NftLine,
  PolicyRule,
  Route,
  RouteLayer,
  RouteTable,
  Socket,
  Xfrm,
} from "../dataplane/model.ts";
import type { ModeAddressing } from "../topology/addressing.ts";
import type { Cluster, CniSettings, Node, Pod, PodCidr, Router, Topology, TopologyProblem } from "../topology/model.ts";
import type { Speaker } from "./bgp/model.ts";
import type { Bgp } from "./bgp/solve.ts";
import type { HostState } from "./host.ts";

export interface Mode {
  /** As in `cni flannel`. */
  readonly plugin: string;
  /** False where host ports are not the portmap plugin's work. */
  readonly portmap?: false;
  /** How addresses are handed out under these settings; the topology builder is given this and knows no modes. */
  addressing(settings: CniSettings, podCidrs: readonly PodCidr[], maxPods?: number): ModeAddressing;
  /** What the real programs refuse, or accept and fail on later. */
  check(context: ClusterContext): readonly TopologyProblem[];
  /** What the nodes of a cluster share, made once for a network; must cost nothing before a node is asked for. */
  compile(context: ClusterContext): CompiledMode;
  /** The nodes that speak BGP. */
  speakers?(context: ClusterContext): readonly Speaker[];
}

/** One cluster as its modes see it. */
export interface ClusterContext {
  readonly topology: Topology;
  readonly cluster: Cluster;
  /** The node without its pod network: interfaces and the routes of the host's own configuration. Kept. */
  host(node: Node): HostState;
  /** What all speakers of the topology learn, routers included; solved when it is first asked for. */
  bgp(): Bgp;
}

export interface CompiledMode {
  node(node: Node): NodeParts;
  pod(pod: Pod, node: Node): PodParts;
  /** Addresses of the node beyond those of its interfaces, without compiling it: for ARP on a segment. */
  localAddresses(node: Node): readonly Ip[];
  /** Routes that a router of the fabric gets because of the cluster: a cloud's route table, BGP. */
  fabricRoutes?(router: Router): readonly Route[];
  /** The pod that answers for this address on a segment of its node, beside the node (macvlan, ipvlan). */
  stackedEnd?(ip: Ip): StackedEnd | undefined;
  /** A routing domain of its own in a router of the fabric: what comes from these sources is looked up in it first. */
  fabricDomain?(router: Router): FabricDomain | undefined;
  /**
   * Where the fabric delivers an address that no interface is configured with: a secondary address or alias range of a cloud
   * machine's interface. The fabric answers ARP for it and lets packets from it pass.
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
  readonly from: readonly Prefix[];
  readonly routes: readonly Route[];
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
  /** Kernel settings that the mode's program makes, by full name; what the file sets goes before. */
  sysctl?(name: string): string | undefined;
  /** Routing policy beside the kernel's own three rules, in order of priority. */
  readonly rules?: readonly PolicyRule[];
  /** Tables beside `main`. */
  readonly tables?: ReadonlyMap<string, RouteTable>;
  /** Routes to the networks of `devices` that the mode's program deletes again. */
  deletes?(route: Route): boolean;
  /** What the mode stacks on the node's interfaces, by device. */
  readonly stacks?: ReadonlyMap<string, Children> | undefined;
  /** IPsec policies and associations. */
  readonly xfrm?: Xfrm | undefined;
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

/** Chains that are made when somebody asks for one by its name: kube-proxy has thousands. */
export interface ChainSource {
  chain(family: 4 | 6, table: NfTable, name: string): NfChain | undefined;
  /** All of them, for printing. */
  chains(family: 4 | 6): Iterable<{ readonly table: NfTable; readonly chain: NfChain }>;
  /** Of nftables: chains that hang in hooks, and how `nft` prints the tables. */
  bases?(family: 4 | 6): readonly NfBase[];
  nft?(family: 4 | 6): readonly NftLine[];
}

/** Besides `lo`. */
export interface PodParts {
  readonly devices: readonly Device[];
  readonly routes: readonly Route[];
  /** Permanent entries. */
  readonly neighbours?: readonly Neighbour[];
  /** As a node's. */
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
