/**
 * The resolved topology: names bound, addresses allocated, defaults filled in. It knows what people wrote, not what a
 * kernel holds; that is `dataplane/`'s business, written by `cni/` from this model.
 *
 * Nodes, interfaces, routers and hosts are objects (at most some thousands). Pods are not: a workload says how many there
 * are and where they run, and `podAt`, `podsOn`, `podByAddress` compute one when somebody asks (150,000 pods cost nothing).
 */
import type { InterfaceAddress, Ip, IpRange, Prefix } from "../addressing/ip.ts";
import type { Decl } from "../language/decode.ts";
import type { Source } from "../language/tree.ts";
import type { Policy } from "./policy.ts";

export interface Topology {
  readonly segments: ReadonlyMap<string, Segment>;
  readonly routers: readonly Router[];
  readonly hosts: readonly ExternalHost[];
  readonly clusters: readonly Cluster[];
  readonly expectations: readonly Expectation[];
  /** What was wrong while binding and allocating: unknown references, exhausted ranges … Codes of the catalogue. */
  readonly problems: readonly TopologyProblem[];
  /**
   * Stands for all that does not run in clusters: segments, stations and what clusters say of their nodes and ranges. The same object in
   * topologies in which none of that has changed.
   */
  readonly machines: object;
  /** Every interface on a segment, in order of declaration. */
  attachedTo(segment: string): readonly Interface[];
  /** The interface or interfaces with exactly this address on this segment. */
  interfacesWith(segment: string, ip: Ip): readonly Interface[];
  /**
   * What a path means, in full or shortened; `names.ts` says how. A `sender` is never a service; otherwise a service goes
   * before a pod of the same name.
   */
  resolve(text: string, as?: "sender"): Resolution;
}

/** What a path of a file or of a command line stands for. */
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
  | { readonly ok: true; readonly endpoint: Endpoint }
  /** `candidates`: full paths; of an unknown name the nearest ones. */
  | { readonly ok: false; readonly error: "unknown" | "ambiguous"; readonly candidates: readonly string[] };

/** A finding made while building; `checks/` turns it into a diagnostic. `data` holds the values that its text names. */
export interface TopologyProblem {
  readonly code: string;
  readonly source: Source;
  readonly data: Readonly<Record<string, string | number>>;
  readonly related: readonly { readonly source: Source; readonly message: string }[];
}

export interface Segment {
  readonly name: string;
  readonly cidrs: readonly Prefix[];
  readonly mtu: number;
  readonly vlan: number | undefined;
  /** Whose subnet it is, where it is a cloud's. */
  readonly cloud: CloudName | undefined;
  /** The network drops packets from and for addresses that are not the interface's own. Routers are exempt. */
  readonly sourceCheck: boolean;
  /** Default gateway of the hosts here: the router's address on this segment, per family. */
  readonly gateways: readonly Ip[];
  readonly source: Source;
  readonly cidrSources: readonly Source[];
}

export type CloudName = "aws" | "azure" | "gcp";

export type Station = Router | ExternalHost | Node;

export interface Interface {
  /** eth0, eth1 … in order of `attach`. */
  readonly device: string;
  readonly segment: string;
  readonly addresses: readonly InterfaceAddress[];
  /** True where knet allocated the address. */
  readonly allocated: boolean;
  readonly mtu: number;
  /** What the interface says, else its segment; a router's is off unless it says so itself. */
  readonly sourceCheck: boolean;
  readonly source: Source;
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
  /** Not written: the default route by the segment's gateway. `source` is what makes that the gateway. */
  readonly implied: boolean;
  readonly source: Source;
}

export interface AclRule {
  readonly action: "allow" | "deny";
  /** Router: forward. Node and host: in, unless said otherwise. */
  readonly direction: "in" | "out" | "forward";
  readonly proto: "tcp" | "udp" | "sctp" | "icmp" | "ipip" | "esp" | undefined;
  readonly ports: readonly { readonly first: number; readonly last: number }[];
  readonly from: readonly Prefix[];
  readonly to: readonly Prefix[];
  readonly source: Source;
}

export interface Listener {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly first: number;
  readonly last: number;
  /** `listen 8080/tcp as http`: the containerPort's name. */
  readonly name?: string;
  /** `listen 8080/tcp host-port 80`: the node's port that leads here. */
  readonly hostPort?: number;
  readonly source: Source;
}

/** A named process with its listening ports: a container, a daemon. */
export interface ProcessSpec {
  readonly name: string;
  readonly listeners: readonly Listener[];
  readonly source: Source;
}

interface StationBase {
  readonly path: string;
  readonly name: string;
  readonly interfaces: readonly Interface[];
  readonly routes: readonly StaticRoute[];
  readonly acl: readonly AclRule[];
  /** By full kernel name: "net.ipv4.ip_forward" → "1". Only what the file sets. */
  readonly sysctls: ReadonlyMap<string, { readonly value: string; readonly source: Source }>;
  readonly processes: readonly ProcessSpec[];
  /** Absent where the file says nothing of the kind. */
  readonly edge?: Edge | undefined;
  readonly source: Source;
}
/** What a station does at the edge of a network. */
export interface Edge {
  /** Addresses on `lo`; several stations may have the same on purpose. */
  readonly loopbacks: readonly { readonly ip: Ip; readonly source: Source }[];
  readonly nat: readonly NatRule[];
  /** Stands for everybody behind it: the Internet. */
  readonly answersAny: boolean;
}
interface NatBase {
  /** By which the packets leave or come. */
  readonly segment: { readonly name: string; readonly source: Source } | undefined;
  readonly source: Source;
}
export type NatRule =
  | (NatBase & { readonly kind: "masquerade"; readonly from: readonly Prefix[] })
  | (NatBase & {
      readonly kind: "port-forward";
      readonly proto: "tcp" | "udp" | "sctp";
      readonly port: number;
      readonly to: Ip;
      readonly toPort: number | undefined;
    });
export interface Router extends StationBase {
  readonly kind: "router";
  /** Where it speaks BGP. */
  readonly bgp?: BgpSpec | undefined;
}
export interface BgpSpec {
  readonly as: number;
  /** Of a route reflector. */
  readonly clusterId: Ip | undefined;
  readonly peers: readonly BgpPeerSpec[];
  readonly advertises: readonly { readonly prefix: Prefix; readonly source: Source }[];
  readonly source: Source;
}
export interface BgpPeerSpec {
  readonly to:
    | { readonly kind: "address"; readonly ip: Ip }
    /** Whoever connects from there (dynamic neighbours). */
    | { readonly kind: "range"; readonly prefix: Prefix }
    /** The path of a node or router. */
    | { readonly kind: "name"; readonly text: string };
  readonly as: number;
  readonly asOverride: boolean;
  readonly allowAsIn: boolean;
  readonly routeReflectorClient: boolean;
  readonly source: Source;
}
export interface ExternalHost extends StationBase {
  readonly kind: "host";
}
export interface Node extends StationBase {
  readonly kind: "node";
  readonly cluster: string;
  /** Position in `cluster.nodes`. */
  readonly index: number;
  readonly labels: ReadonlyMap<string, string>;
  /**
   * The ranges of the node's pods: node.spec.podCIDRs, docker0's network under `cni docker`, one a family; or the blocks
   * that it has claimed and the single addresses that it has borrowed (addressing.ts), in that order. Empty where none was
   * given and none is left.
   */
  readonly podCidrs: readonly NodeCidr[];
  /** docker0, where the node has it. */
  readonly dockerBridge: { readonly address: InterfaceAddress; readonly source: Source } | undefined;
  /** Settings of the node's own `cni` block, over the cluster's. */
  readonly cni: CniSettings | undefined;
}
export interface NodeCidr {
  readonly prefix: Prefix;
  readonly allocated: boolean;
  /** So many of the first addresses are the node's own, not its pods': its tunnels'. */
  readonly own?: number;
  readonly source: Source;
}

export interface Cluster {
  /** One object for the cluster of this name in all builds with the same cache: what is kept between builds is kept under it. */
  readonly identity: object;
  readonly name: string;
  readonly podCidrs: readonly PodCidr[];
  readonly serviceCidrs: readonly { readonly prefix: Prefix; readonly source: Source }[];
  readonly cni: CniSettings;
  readonly maxPods: number;
  readonly nodes: readonly Node[];
  readonly namespaces: readonly Namespace[];
  /** All workloads of all namespaces, in order of declaration. */
  readonly workloads: readonly Workload[];
  /** Network policies of every kind, in order of declaration. */
  readonly policies: readonly Policy[];
  /** `network-policy`: who enforces them; undefined: as the CNI plugin has it. */
  readonly policyEngine: { readonly engine: string; readonly source: Source } | undefined;
  readonly source: Source;
  nodeByName(name: string): Node | undefined;
  /** The node whose podCIDR contains the address; the first one where several do. */
  nodeByPodAddress(ip: Ip): Node | undefined;
  /** The workload with this name in the namespace, of whatever kind. */
  workloadByName(namespace: string, name: string): Workload | undefined;
  readonly pods: PodIndex;
  /** In order of declaration. */
  readonly ingresses?: readonly Ingress[];
  readonly services: ServiceIndex;
}
export interface PodCidr {
  readonly prefix: Prefix;
  /** --node-cidr-mask-size of its family. */
  readonly perNode: number;
  readonly source: Source;
}

/** `cni flannel { … }`: the plugin's name and its decoded block; only `cni/<plugin>.ts` reads what is inside. */
export interface CniSettings {
  readonly plugin: string;
  /** Undefined where the file has no `cni` statement. */
  readonly decl: Decl | undefined;
  readonly file: string;
  readonly source: Source;
}

export interface Namespace {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly source: Source;
}

export interface Workload {
  readonly kind: "pod" | "deployment" | "statefulset" | "daemonset";
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** Index in cluster.workloads. */
  readonly index: number;
  /** Number of pods. A daemonset has one for each node. */
  readonly replicas: number;
  /** Only node, where `on` fixes it. */
  readonly on: Node | undefined;
  readonly hostNetwork: boolean;
  /** Absent: its pods are ready. */
  readonly notReady?: boolean;
  readonly containers: readonly ProcessSpec[];
  readonly labels: ReadonlyMap<string, string>;
  /** Given addresses (pods only). */
  readonly addresses: readonly { readonly ip: Ip; readonly source: Source }[];
  readonly source: Source;
}

/** One pod, computed on request. Its path is "cluster/namespace/name"; replicas are "name-0", "name-1" …, a daemonset's "name-<node>". */
export interface Pod {
  readonly path: string;
  readonly name: string;
  readonly workload: Workload;
  /** Which of the workload's pods. */
  readonly ordinal: number;
  /** Undefined: no node (an unknown `on`, no nodes at all). */
  readonly node: Node | undefined;
  /**
   * Position among the pods on that node that get an address: the order in which host-local gives them out. -1 for those
   * that do not: host network, a given address, no node.
   */
  readonly slot: number;
  /** Own addresses, at most one a family; the node's for host network; empty where the block is exhausted. */
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
  /** Undefined: endpoints are written by hand. */
  readonly selector: ReadonlyMap<string, string> | undefined;
  /** At most one a family, the first one first; none for headless and external-name, or where no range is left. */
  readonly clusterIps: readonly Ip[];
  /** True where knet allocated them. */
  readonly allocated: boolean;
  readonly ports: readonly ServicePort[];
  readonly externalIps: readonly GivenIp[];
  readonly loadBalancerIps: readonly GivenIp[];
  readonly sourceRanges: readonly Prefix[];
  readonly externalPolicy: TrafficPolicy;
  readonly internalPolicy: TrafficPolicy;
  /** Seconds for which a client keeps its endpoint. */
  readonly affinity: number | undefined;
  readonly publishNotReady: boolean;
  readonly healthCheckNodePort: number | undefined;
  readonly written: readonly { readonly ip: Ip; readonly port: number | undefined; readonly source: Source }[];
  readonly externalName: string | undefined;
  readonly distribution: "prefer-same-zone" | "prefer-same-node" | undefined;
  readonly source: Source;
}

/** Hosts and paths that a proxy of the cluster sends on: an Ingress, or a route of the Gateway API. */
export interface Ingress {
  readonly kind: "ingress" | "route";
  readonly path: string;
  readonly namespace: string;
  readonly name: string;
  /** The service of the proxy's pods, as it is written; undefined where none is, or the gateway does not exist. */
  readonly servedBy: { readonly text: string; readonly source: Source } | undefined;
  readonly rules: readonly IngressRule[];
  readonly source: Source;
}
export interface IngressRule {
  /** Lower case; undefined: any. */
  readonly host: string | undefined;
  readonly path: string;
  readonly exact: boolean;
  readonly isDefault: boolean;
  readonly weight: number;
  readonly backend: IngressBackend;
  readonly source: Source;
}
export interface IngressBackend {
  readonly text: string;
  readonly port: number;
  readonly source: Source;
}

export type TrafficPolicy = "cluster" | "local";

export interface GivenIp {
  readonly ip: Ip;
  readonly source: Source;
}

export interface ServicePort {
  readonly name: string | undefined;
  readonly port: number;
  readonly proto: "tcp" | "udp" | "sctp";
  /** The pods' port, or the name of a port of their containers. */
  readonly target: number | string;
  readonly nodePort: number | undefined;
  readonly nodePortGiven: boolean;
  readonly source: Source;
  /** Of the target and the node port, where they are written. */
  readonly targetSource: Source;
  readonly nodePortSource: Source;
}

/** One address behind a port of a service. */
export interface ServiceEndpoint {
  readonly ip: Ip;
  readonly port: number;
  /** Undefined: written by hand. */
  readonly pod: Pod | undefined;
  readonly node: Node | undefined;
}

export interface KubeProxy {
  readonly mode: "iptables" | "nftables" | "ipvs" | "none";
  /** Does the file say so? */
  readonly stated: boolean;
  readonly clusterCidrs: readonly Prefix[];
  readonly detectLocal: "cluster-cidr" | "node-cidr" | "bridge-interface" | "interface-name-prefix";
  readonly detectInterface: string | undefined;
  readonly masqueradeAll: boolean;
  /** A single bit. */
  readonly mark: number;
  readonly localhostNodePorts: boolean;
  /** At which addresses of a node; undefined: at all. */
  readonly nodePortAddresses: "primary" | readonly Prefix[] | undefined;
  readonly scheduler: string;
  readonly strictArp: boolean;
  readonly source: Source;
}

/** What takes packets to load balancers' addresses. */
export interface LoadBalancer {
  readonly kind: "l2" | "bgp" | "proxy" | "pass-through";
  readonly by: string | undefined;
  readonly source: Source;
}

/** A cluster's services, and how they are made to work. */
export interface ServiceIndex {
  readonly all: readonly Service[];
  readonly kubeProxy: KubeProxy;
  readonly nodePorts: { readonly first: number; readonly last: number; readonly source: Source };
  readonly domain: string;
  readonly loadBalancer: LoadBalancer | undefined;
  byName(namespace: string, name: string): Service | undefined;
  /** Services with this ClusterIP, external or load balancer address, in order of declaration. */
  byAddress(ip: Ip): readonly Service[];
  byNodePort(port: number): readonly Service[];
  /** Workloads whose pods the selector takes; none without a selector. */
  selected(service: Service): readonly Workload[];
  /** Usable endpoints of the port and family, in the order in which kube-proxy sorts them. Kept. */
  endpoints(service: Service, port: ServicePort, family: 4 | 6): readonly ServiceEndpoint[];
}

export interface PodIndex {
  readonly count: number;
  podAt(workload: Workload, ordinal: number): Pod;
  /** Pods on a node, host network ones included, lazily. */
  podsOn(node: Node): Iterable<Pod>;
  countOn(node: Node): number;
  /** By "namespace/name" or "name" (namespace default). */
  podByName(namespace: string, name: string): Pod | undefined;
  /** Every pod that has this address of its own (several where two nodes hold the same range, or by mistake). */
  podsByAddress(ip: Ip): readonly Pod[];
  /** The address that slot `slot` of the node would get. */
  addressOf(node: Node, slot: number): readonly Ip[];
}

/**
 * How a mode hands out pod addresses inside a node's range; given by `cni/` so that the topology need not know modes.
 * For host-local: first host address is the gateway, pods from the next one to the last but one (facts: host-local).
 */
export interface PodAddressing {
  readonly gateway: (cidr: Prefix) => Ip | undefined;
  readonly usable: (cidr: Prefix) => IpRange | undefined;
}

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
    | { readonly kind: "mtu"; readonly atLeast: number };
  readonly source: Source;
}
