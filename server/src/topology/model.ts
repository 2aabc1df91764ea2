/**
 * The resolved topology: names bound, addresses allocated, defaults filled in. It contains the declarations, not kernel
 * state; that is in `dataplane/`, written by `cni/` from this model.
 *
 * Nodes, interfaces, routers, and hosts are objects (at most some thousands). Pods are not: a workload has a number of
 * pods and their placement, and `podAt`, `podsOn`, `podByAddress` compute one on request (150,000 pods cost nothing).
 */
import type { InterfaceAddress, Ip, IpRange, Prefix } from "../addressing/ip.ts";
import type { Decl } from "../declared/decl.ts";
import type { Origin } from "../declared/origin.ts";
import type { Policy } from "./policy.ts";
import type { TopologyProblem } from "./problems.ts";

export interface Topology {
  readonly segments: ReadonlyMap<string, Segment>;
  readonly routers: readonly Router[];
  readonly hosts: readonly ExternalHost[];
  readonly clusters: readonly Cluster[];
  readonly securityGroups: ReadonlyMap<string, SecurityGroup>;
  readonly expectations: readonly Expectation[];
  readonly tunnels: readonly Tunnel[];
  /**
   * Problems found while binding names and allocating addresses: unknown references, exhausted ranges, … Codes of the
   * catalog.
   */
  readonly problems: readonly TopologyProblem[];
  /** BGP sessions that are down although both sides are configured, as paths of the two machines; see `without.ts`. */
  readonly downSessions?: readonly (readonly [string, string])[];
  /** Every interface on a segment, in order of declaration. */
  attachedTo(segment: string): readonly Interface[];
  /** All interfaces with exactly this address on this segment. */
  interfacesWith(segment: string, ip: Ip): readonly Interface[];
  /**
   * The endpoint that a path refers to, in full or abbreviated; see `names.ts`. A `sender` is never a service;
   * otherwise a service takes precedence over a pod with the same name.
   */
  resolve(text: string, as?: "sender"): Resolution;
}

/** The endpoint that a path in a file or on a command line refers to. */
export type Endpoint =
  | { readonly kind: "pod"; readonly path: string; readonly cluster: Cluster; readonly pod: Pod }
  | {
      readonly kind: "container";
      readonly path: string;
      readonly cluster: Cluster;
      readonly pod: Pod;
      readonly container: ProcessSpec;
    }
  | { readonly kind: "node"; readonly path: string; readonly cluster: Cluster; readonly node: Node }
  | { readonly kind: "service"; readonly path: string; readonly cluster: Cluster; readonly service: Service }
  /** A process on a node or host. */
  | {
      readonly kind: "daemon";
      readonly path: string;
      readonly station: Node | ExternalHost;
      readonly daemon: ProcessSpec;
    }
  | { readonly kind: "router"; readonly path: string; readonly router: Router }
  | { readonly kind: "host"; readonly path: string; readonly host: ExternalHost }
  | { readonly kind: "segment"; readonly path: string; readonly segment: Segment }
  | { readonly kind: "address"; readonly path: string; readonly ip: Ip };

export type Resolution =
  /** `others`: objects of other kinds that the path also matches, with their kind: "pod/shop/web". */
  | { readonly ok: true; readonly endpoint: Endpoint; readonly others: readonly string[] }
  /** `candidates`: full paths, with their kind if the path alone is ambiguous; for an unknown name, the most similar ones. */
  | { readonly ok: false; readonly error: "unknown" | "ambiguous"; readonly candidates: readonly string[] };

export type TunnelKind = "wireguard" | "ipsec" | "ipip" | "vxlan";

/** A tunnel between two machines, with its two sides in the order of the file. */
export interface Tunnel {
  readonly name: string;
  readonly kind: TunnelKind;
  readonly mtu: number | undefined;
  readonly port: number;
  /** Index among the tunnels: VNI and request ID are derived from it. */
  readonly index: number;
  readonly sides: readonly [TunnelSide, TunnelSide];
  readonly source: Origin;
}

export interface TunnelSide {
  /** Path of the machine. */
  readonly path: string;
  /** Outer address. */
  readonly endpoint: Ip;
  /** Address of the device. */
  readonly address: InterfaceAddress | undefined;
  /** Prefixes on the side of this machine, to which the other one has routes. */
  readonly prefixes: readonly { readonly prefix: Prefix; readonly source: Origin }[];
}

export interface Segment {
  readonly name: string;
  readonly cidrs: readonly Prefix[];
  readonly mtu: number;
  readonly vlan: number | undefined;
  /** The provider, if the segment is a cloud subnet. */
  readonly cloud: CloudName | undefined;
  /** The network drops packets from and to addresses that are not the interface's own. Routers are exempt. */
  readonly sourceCheck: boolean;
  /** Default gateways of the hosts on this segment: the router's addresses, per family. */
  readonly gateways: readonly Ip[];
  /** What the network itself drops; absent: nothing. */
  readonly denies?: readonly AclMatch[];
  readonly source: Origin;
  readonly cidrSources: readonly Origin[];
}

export type CloudName = "aws" | "azure" | "gcp";

export type Station = Router | ExternalHost | Node;

export interface Interface {
  /** eth0, eth1, … in order of `attach`. */
  readonly device: string;
  readonly segment: string;
  readonly addresses: readonly InterfaceAddress[];
  /** True if knet allocated the address. */
  readonly allocated: boolean;
  readonly mtu: number;
  /** The interface's setting, else its segment's; off by default for routers. */
  readonly sourceCheck: boolean;
  /** Names of its security groups; empty: it accepts all packets. */
  readonly groups: readonly string[];
  readonly source: Origin;
  readonly station: StationRef;
}
/** "router tor", "host laptop", "node prod/n1"; `path` is also the id of its network namespace. */
export interface StationRef {
  readonly kind: "router" | "host" | "node";
  readonly path: string;
}

export interface StaticRoute {
  readonly dst: Prefix;
  readonly type: "unicast" | "blackhole" | "unreachable" | "prohibit";
  /** Several: ECMP. */
  readonly via: readonly Ip[];
  readonly dev: string | undefined;
  readonly metric: number | undefined;
  /** Absent on nearly every route. */
  readonly options?: RouteOptions | undefined;
  /** Not written: the default route via the segment's gateway. `source` is the statement that makes it the gateway. */
  readonly implied: boolean;
  readonly source: Origin;
}

export interface RouteOptions {
  /** Source address of the machine's own packets. */
  readonly src: { readonly ip: Ip; readonly source: Origin } | undefined;
  readonly mtu: number | undefined;
  readonly onlink: boolean;
}

/** Routing tables other than main, and the rules that look them up. */
export interface PolicyRouting {
  /** In order of declaration. */
  readonly rules: readonly RoutingRule[];
  readonly routes: readonly TableRoute[];
}
export interface TableRoute extends StaticRoute {
  readonly table: string;
}
export interface RoutingRule {
  readonly from: Prefix | undefined;
  readonly to: Prefix | undefined;
  readonly fwmark: { readonly value: number; readonly mask: number } | undefined;
  readonly iif: InterfaceName | undefined;
  readonly table: string;
  readonly priority: number | undefined;
  readonly source: Origin;
}

/** A device of the machine, or a segment that one of its interfaces is attached to. */
export interface InterfaceName {
  readonly name: string;
  readonly source: Origin;
}

/** `-P` of filter/FORWARD and filter/INPUT, connection tracking, and MSS clamping. */
export interface Firewall {
  readonly forwardPolicy: ChainPolicy | undefined;
  readonly inputPolicy: ChainPolicy | undefined;
  /** The statement; undefined: not stateful. */
  readonly stateful: Origin | undefined;
  readonly clampMss: { readonly mss: number | "to-pmtu"; readonly source: Origin } | undefined;
}
export interface ChainPolicy {
  readonly policy: "accept" | "drop";
  readonly source: Origin;
}

export type RejectReply =
  | "icmp-port-unreachable"
  | "icmp-admin-prohibited"
  | "icmp-host-prohibited"
  | "icmp-host-unreachable"
  | "icmp-net-unreachable"
  | "tcp-reset";

/** What an access list matches in a packet. */
export interface AclMatch {
  readonly proto: "tcp" | "udp" | "sctp" | "icmp" | "icmpv6" | "ipip" | "esp" | undefined;
  /** With `icmp`, of IPv4; with `icmpv6`, of IPv6. Absent: all. */
  readonly types?: readonly { readonly type: number; readonly code: number | undefined }[];
  readonly ports: readonly { readonly first: number; readonly last: number }[];
  readonly from: readonly Prefix[];
  readonly to: readonly Prefix[];
  readonly source: Origin;
}

export interface AclRule extends AclMatch {
  readonly action: "allow" | "deny" | "reject";
  /** Only of `reject`. */
  readonly reply?: RejectReply;
  /** The interfaces on which packets arrive and leave; absent: all. */
  readonly in?: InterfaceName;
  readonly out?: InterfaceName;
  /** Router: forward. Node and host: in, unless set otherwise. */
  readonly direction: "in" | "out" | "forward";
}
/** A name as written. */
export interface NamedPlace {
  readonly name: string;
  readonly source: Origin;
}

/** The rules of a security group, all of them `allow`. */
export interface SecurityGroup {
  readonly name: string;
  readonly rules: readonly GroupRule[];
  readonly source: Origin;
  readonly nameSource: Origin;
}
export interface GroupRule extends AclRule {
  /** In addition to `from` and `to`: the addresses of interfaces with these groups. */
  readonly fromGroups: readonly NamedPlace[];
  readonly toGroups: readonly NamedPlace[];
}

/** The routes for packets from some of a router's segments. */
export interface RouteTableSpec {
  readonly name: string;
  readonly segments: readonly NamedPlace[];
  readonly routes: readonly StaticRoute[];
  readonly source: Origin;
}

export interface Listener {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly first: number;
  readonly last: number;
  /** `listen 8080/tcp as http`: the containerPort's name. */
  readonly name?: string;
  /** `listen 8080/tcp host-port 80`: the node's port that forwards here. */
  readonly hostPort?: number;
  readonly source: Origin;
}

/** A named process with its listening ports: a container, a daemon. */
export interface ProcessSpec {
  readonly name: string;
  readonly listeners: readonly Listener[];
  readonly source: Origin;
}

interface StationBase {
  readonly path: string;
  readonly name: string;
  readonly interfaces: readonly Interface[];
  readonly routes: readonly StaticRoute[];
  readonly acl: readonly AclRule[];
  /** By full kernel name: "net.ipv4.ip_forward" → "1". Only values set in the file. */
  readonly sysctls: ReadonlyMap<string, { readonly value: string; readonly source: Origin }>;
  readonly processes: readonly ProcessSpec[];
  /** Absent if the file has no such statements. */
  readonly edge?: Edge | undefined;
  readonly firewall?: Firewall | undefined;
  readonly policyRouting?: PolicyRouting | undefined;
  /** The same. */
  readonly overrides?: Overrides | undefined;
  readonly source: Origin;
}
/** Kernel state that takes the place of the state that programs create. */
export interface Overrides {
  readonly mtus: readonly { readonly device: string; readonly mtu: number; readonly source: Origin }[];
  readonly neighbors: readonly {
    readonly ip: Ip;
    readonly mac: string;
    readonly device: string;
    readonly source: Origin;
  }[];
  readonly fdb: readonly {
    readonly mac: string;
    readonly dst: Ip;
    readonly device: string;
    readonly source: Origin;
  }[];
}
/** Features of a machine at the edge of a network. */
export interface Edge {
  /** Addresses on `lo`; several machines can have the same address on purpose. */
  readonly loopbacks: readonly { readonly ip: Ip; readonly source: Origin }[];
  readonly nat: readonly NatRule[];
  /** Represents all machines beyond it: the Internet. */
  readonly answersAny: boolean;
}
interface NatBase {
  /** Segment that the packets leave or enter through. */
  readonly segment: { readonly name: string; readonly source: Origin } | undefined;
  readonly source: Origin;
}
export type NatRule =
  | (NatBase & { readonly kind: "masquerade"; readonly from: readonly Prefix[]; readonly to: readonly Prefix[] })
  | (NatBase & {
      readonly kind: "port-forward";
      readonly proto: "tcp" | "udp" | "sctp";
      readonly port: number;
      readonly to: Ip;
      readonly toPort: number | undefined;
    });
export interface Router extends StationBase {
  readonly kind: "router";
  /** Set if the router runs BGP. */
  readonly bgp?: BgpSpec | undefined;
  readonly routeTables: readonly RouteTableSpec[];
}
export interface BgpSpec {
  readonly as: number;
  /** Route reflectors only. */
  readonly clusterId: Ip | undefined;
  readonly peers: readonly BgpPeerSpec[];
  readonly advertises: readonly { readonly prefix: Prefix; readonly source: Origin }[];
  readonly source: Origin;
}
export interface BgpPeerSpec {
  readonly to:
    | { readonly kind: "address"; readonly ip: Ip }
    /** Any peer that connects from the range (dynamic neighbors). */
    | { readonly kind: "range"; readonly prefix: Prefix }
    /** The path of a node or router. */
    | { readonly kind: "name"; readonly text: string };
  readonly as: number;
  readonly asOverride: boolean;
  readonly allowAsIn: boolean;
  readonly routeReflectorClient: boolean;
  readonly source: Origin;
}
export interface ExternalHost extends StationBase {
  readonly kind: "host";
}
export interface Node extends StationBase {
  readonly kind: "node";
  readonly cluster: string;
  /** Index in `cluster.nodes`. */
  readonly index: number;
  readonly labels: ReadonlyMap<string, string>;
  /** Addresses of the node outside of its network (ExternalIP). */
  readonly externalIps: readonly GivenIp[];
  /**
   * The ranges of the node's pods: node.spec.podCIDRs, docker0's network with `cni docker`, one per family; or the
   * blocks that it has claimed and the single addresses that it has borrowed (addressing.ts), in that order. Empty if
   * none is configured and none is left.
   */
  readonly podCidrs: readonly NodeCidr[];
  /** docker0, if the node has it. */
  readonly dockerBridge: { readonly address: InterfaceAddress; readonly source: Origin } | undefined;
  /** Settings of the node's own `cni` block, which override the cluster's. */
  readonly cni: CniSettings | undefined;
}
export interface NodeCidr {
  readonly prefix: Prefix;
  readonly allocated: boolean;
  /** Number of addresses at the start that the node uses itself for its tunnels, not for its pods. */
  readonly own?: number;
  /** A single address in a range that another node can have (Calico), for one pod or tunnel of this node. */
  readonly borrowed?: true;
  readonly source: Origin;
}

export interface Cluster {
  readonly name: string;
  readonly podCidrs: readonly PodCidr[];
  readonly serviceCidrs: readonly { readonly prefix: Prefix; readonly source: Origin }[];
  readonly cni: CniSettings;
  readonly maxPods: number;
  readonly nodes: readonly Node[];
  readonly namespaces: readonly Namespace[];
  /** All workloads of all namespaces, in order of declaration. */
  readonly workloads: readonly Workload[];
  /** Network policies of every kind, in order of declaration. */
  readonly policies: readonly Policy[];
  /** `network-policy`: the engine that enforces policies; undefined: the CNI plugin's default. */
  readonly policyEngine: { readonly engine: string; readonly source: Origin } | undefined;
  readonly source: Origin;
  nodeByName(name: string): Node | undefined;
  /** The node whose podCIDR contains the address; the first one if there are several. */
  nodeByPodAddress(ip: Ip): Node | undefined;
  /** The workload of any kind with this name in the namespace. */
  workloadByName(namespace: string, name: string): Workload | undefined;
  readonly pods: PodIndex;
  /** In order of declaration. */
  readonly ingresses?: readonly Ingress[];
  readonly services: ServiceIndex;
  readonly dns: ClusterDns;
}
/** The name servers of pods. */
export interface ClusterDns {
  /** kubelet --cluster-dns; empty: the default. */
  readonly servers: readonly GivenIp[];
  /** NodeLocal DNSCache, if it runs. */
  readonly nodeLocal: { readonly ips: readonly Ip[]; readonly source: Origin } | undefined;
}
export interface PodCidr {
  readonly prefix: Prefix;
  /** --node-cidr-mask-size for its family. */
  readonly perNode: number;
  readonly source: Origin;
}

/** `cni flannel { … }`: the plugin's name and its decoded block; only `cni/<plugin>.ts` reads the contents. */
export interface CniSettings {
  readonly plugin: string;
  /** Undefined if the file has no `cni` statement. */
  readonly decl: Decl | undefined;
  readonly file: string;
  readonly source: Origin;
}

export interface Namespace {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly source: Origin;
}

export interface Owner {
  readonly kind: "deployment" | "statefulset" | "daemonset";
  readonly name: string;
}

export interface Workload {
  readonly kind: "pod" | "deployment" | "statefulset" | "daemonset";
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** Index in cluster.workloads. */
  readonly index: number;
  /** Number of pods. A DaemonSet has one per node. */
  readonly replicas: number;
  /** The only node, if set with `on`. */
  readonly on: Node | undefined;
  readonly hostNetwork: boolean;
  /** Absent: its pods are ready. */
  readonly notReady?: boolean;
  /** The workload that created a pod; it has no separate declaration. */
  readonly owner?: Owner;
  readonly containers: readonly ProcessSpec[];
  readonly labels: ReadonlyMap<string, string>;
  /** Configured addresses (pods only). */
  readonly addresses: readonly { readonly ip: Ip; readonly source: Origin }[];
  readonly source: Origin;
}

/**
 * One pod, computed on request. Its path is "cluster/namespace/name"; replicas are named "name-0", "name-1", …, pods of
 * a DaemonSet "name-<node>".
 */
export interface Pod {
  readonly path: string;
  readonly name: string;
  readonly workload: Workload;
  /** Index among the workload's pods. */
  readonly ordinal: number;
  /** Undefined: no node (an unknown `on`, no nodes in the cluster). */
  readonly node: Node | undefined;
  /**
   * Index among the pods on the node that get an address, in the order in which host-local allocates them. -1 for pods
   * that do not: host network, a configured address, no node.
   */
  readonly slot: number;
  /** Its addresses, at most one per family; the node's for host network pods; empty if the block is exhausted. */
  readonly addresses: readonly Ip[];
}

/* ---------------------------------------------------------------- services */

export type ServiceType = "cluster-ip" | "headless" | "node-port" | "load-balancer" | "external-name";

export interface Service {
  /** "prod/shop/api" */
  readonly path: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly index: number;
  readonly type: ServiceType;
  /** Undefined: endpoints are configured manually. */
  readonly selector: ReadonlyMap<string, string> | undefined;
  /** At most one per family, the primary one first; none for headless and external-name, or if no range is left. */
  readonly clusterIps: readonly Ip[];
  /** True if knet allocated them. */
  readonly allocated: boolean;
  readonly ports: readonly ServicePort[];
  readonly externalIps: readonly GivenIp[];
  readonly loadBalancerIps: readonly GivenIp[];
  readonly sourceRanges: readonly Prefix[];
  readonly externalPolicy: TrafficPolicy;
  readonly internalPolicy: TrafficPolicy;
  /** Seconds for which a client keeps its endpoint (session affinity). */
  readonly affinity: number | undefined;
  readonly publishNotReady: boolean;
  readonly healthCheckNodePort: number | undefined;
  readonly written: readonly { readonly ip: Ip; readonly port: number | undefined; readonly source: Origin }[];
  readonly externalName: string | undefined;
  readonly distribution: "prefer-same-zone" | "prefer-same-node" | undefined;
  readonly source: Origin;
}

/** Hosts and paths for which a proxy of the cluster forwards requests: an Ingress, or a route of the Gateway API. */
export interface Ingress {
  readonly kind: "ingress" | "route";
  readonly path: string;
  readonly namespace: string;
  readonly name: string;
  /** The service of the proxy's pods, as written; undefined if not set, or if the gateway does not exist. */
  readonly servedBy: { readonly text: string; readonly source: Origin } | undefined;
  /** Of a route: "infra/public". */
  readonly gateway: string | undefined;
  readonly rules: readonly IngressRule[];
  readonly source: Origin;
}
export interface IngressRule {
  /** Lower case; undefined: any. */
  readonly host: string | undefined;
  readonly path: string;
  readonly exact: boolean;
  readonly isDefault: boolean;
  readonly weight: number;
  readonly backend: IngressBackend;
  readonly source: Origin;
}
export interface IngressBackend {
  readonly text: string;
  readonly port: number;
  readonly source: Origin;
}

export type TrafficPolicy = "cluster" | "local";

export interface GivenIp {
  readonly ip: Ip;
  readonly source: Origin;
}

export interface ServicePort {
  readonly name: string | undefined;
  readonly port: number;
  readonly proto: "tcp" | "udp" | "sctp";
  /** The pods' port, or the name of a container port. */
  readonly target: number | string;
  readonly nodePort: number | undefined;
  readonly nodePortGiven: boolean;
  readonly source: Origin;
  /** Positions of the target and the node port, if written. */
  readonly targetSource: Origin;
  readonly nodePortSource: Origin;
}

/** One endpoint address of a service port. */
export interface ServiceEndpoint {
  readonly ip: Ip;
  readonly port: number;
  /** Undefined: configured manually. */
  readonly pod: Pod | undefined;
  readonly node: Node | undefined;
}

export interface KubeProxy {
  readonly mode: "iptables" | "nftables" | "ipvs" | "none";
  /** Its release: 37 for Kubernetes 1.37. */
  readonly minor: number;
  /** Whether the file sets the mode. */
  readonly stated: boolean;
  readonly clusterCidrs: readonly Prefix[];
  readonly detectLocal: "cluster-cidr" | "node-cidr" | "bridge-interface" | "interface-name-prefix";
  readonly detectInterface: string | undefined;
  readonly masqueradeAll: boolean;
  /** A single bit. */
  readonly mark: number;
  readonly localhostNodePorts: boolean;
  /** The node addresses that accept node ports; undefined: all. */
  readonly nodePortAddresses: "primary" | readonly Prefix[] | undefined;
  readonly scheduler: string;
  readonly strictArp: boolean;
  readonly source: Origin;
}

/** How packets to load balancer IPs reach the nodes. */
export interface LoadBalancer {
  readonly kind: "l2" | "bgp" | "proxy" | "pass-through";
  readonly by: string | undefined;
  readonly source: Origin;
}

/** A cluster's services and the settings of their implementation. */
export interface ServiceIndex {
  readonly all: readonly Service[];
  readonly kubeProxy: KubeProxy;
  readonly nodePorts: { readonly first: number; readonly last: number; readonly source: Origin };
  readonly domain: string;
  readonly loadBalancer: LoadBalancer | undefined;
  byName(namespace: string, name: string): Service | undefined;
  /** Services with this ClusterIP, external IP, or load balancer IP, in order of declaration. */
  byAddress(ip: Ip): readonly Service[];
  byNodePort(port: number): readonly Service[];
  /** Workloads whose pods the selector matches; empty without a selector. */
  selected(service: Service): readonly Workload[];
  /** Usable endpoints of the port and family, in kube-proxy's sort order; only a part if the topology exceeds a limit. Cached. */
  endpoints(service: Service, port: ServicePort, family: 4 | 6): readonly ServiceEndpoint[];
}

export interface PodIndex {
  readonly count: number;
  podAt(workload: Workload, ordinal: number): Pod;
  /** Pods on a node, including host network pods, computed lazily. */
  podsOn(node: Node): Iterable<Pod>;
  countOn(node: Node): number;
  /** By node, 1 if pods run on it; the same object while the placement is the same. */
  inhabited(): ArrayLike<number>;
  /** By "namespace/name" or "name" (namespace default). */
  podByName(namespace: string, name: string): Pod | undefined;
  /**
   * Every pod with this address, except host network pods (several if two nodes have the same range, or by mistake).
   */
  podsByAddress(ip: Ip): readonly Pod[];
  /** The address that slot `slot` of the node gets. */
  addressOf(node: Node, slot: number): readonly Ip[];
}

/**
 * How a mode allocates pod addresses within a node's range; provided by `cni/`, because the topology has no knowledge
 * of modes. For host-local: the first host address is the gateway, pods use the next address up to the second to last.
 */
export interface PodAddressing {
  readonly gateway: (cidr: Prefix) => Ip | undefined;
  readonly usable: (cidr: Prefix) => IpRange | undefined;
}

export type SingleFailure = "any-link" | "any-node" | "any-router";

export interface Expectation {
  readonly from: string;
  readonly to: string;
  readonly port: number | undefined;
  readonly proto: "tcp" | "udp" | "sctp" | "icmp";
  readonly want:
    | { readonly kind: "reachable" }
    | { readonly kind: "blocked" }
    | { readonly kind: "via"; readonly station: string }
    | { readonly kind: "preserves-source" }
    | { readonly kind: "mtu"; readonly atLeast: number }
    /** Reachable, and still reachable after any single failure of this kind. */
    | { readonly kind: "survives"; readonly any: SingleFailure };
  readonly source: Origin;
}
