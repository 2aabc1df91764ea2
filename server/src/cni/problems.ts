/** The problems found by this layer, with the values of their messages, which the checks write. */

import type { Ip, Prefix } from "../addressing/ip.ts";
import { type Problem, problemsOf } from "../declared/problem.ts";
import type { StationRef } from "../topology/model.ts";

type None = Readonly<Record<string, never>>;

/** A static route that a machine's kernel rejects. */
interface RejectedRoute {
  readonly station: StationRef;
  readonly dst: string;
}

/** Nodes that cannot claim a block: `nodes` is their number, `node` the first. The pools have `blocks` blocks of length `size`. */
interface FewBlocks {
  readonly cluster: string;
  readonly nodes: number;
  readonly node: string;
  readonly blocks: number;
  readonly size: number;
  readonly pools: readonly Prefix[];
  /** Whether nodes claim blocks themselves. */
  readonly allocates: boolean;
}

/** Fields of a BGPPeer. */
export type PeerField = "as-number" | "node" | "node-selector" | "peer-ip" | "peer-selector";

/** By diagnostic code. `pairs` and `nodes` count the affected ones; `node` and `peer` are the first ones. */
export interface NetworkProblemData {
  /** flannel's CheckNetworkConfig rejects the settings. `error`: flannel's own text. */
  readonly KN130: { readonly error: string };
  /** subnet-len, subnet-min, or subnet-max with the kube manager, which ignores them. */
  readonly KN131: { readonly setting: string };
  /** subnet-min above subnet-max: no node gets a lease; flannel does not report it. */
  readonly KN132: { readonly min: string; readonly max: string };
  /** A node's pod CIDR is outside flannel's network: flanneld exits on that node. */
  readonly KN133: { readonly node: string; readonly cidr: string; readonly network: string };
  /** flannel's network differs from the cluster's pod CIDR. */
  readonly KN134: { readonly network: string; readonly pods: string };
  /** No backend is set: flanneld uses udp. */
  readonly KN135: None;
  /** A device name longer than the kernel's limit of 15 characters. */
  readonly KN136: { readonly device: string; readonly vni: number };
  /** A backend rejects its key. `error`: flannel's own text. */
  readonly KN137: { readonly backend: string; readonly error: string };
  /** Every node has the same container range. */
  readonly KN140: { readonly range: string; readonly nodes: number; readonly isKubernetes: boolean };
  /** A range that AKS rejects. `what`: "service CIDR 172.30.0.0/16". */
  readonly KN141: { readonly what: string; readonly forbidden: string; readonly cluster: string };
  /** Two IP pools overlap. */
  readonly KN150: { readonly pool: string; readonly cidr: Prefix; readonly other: string; readonly otherCidr: Prefix };
  /** A pool in 169.254.0.0/16 or fe80::/10. */
  readonly KN151: { readonly pool: string; readonly cidr: Prefix; readonly range: string };
  /** A block size that Calico rejects: outside the limits of the family, or larger than the pool. */
  readonly KN152: {
    readonly pool: string;
    readonly cidr: string;
    readonly size: number;
    readonly min: number;
    readonly max: number;
  };
  /** ipip and vxlan in one pool. */
  readonly KN153: { readonly pool: string; readonly ipip: string; readonly vxlan: string };
  /** ipip in an IPv6 pool. */
  readonly KN154: { readonly pool: string; readonly cidr: string };
  /** An IPAM configuration that Calico rejects. `what`: the statement that requires strict affinity. */
  readonly KN155: { readonly what: string };
  /** A BGPPeer that Calico rejects. */
  readonly KN156: {
    readonly peer: string;
    readonly conflict: "two-nodes" | "two-peers" | "no-peer" | "as-number";
    readonly fields: readonly PeerField[];
  };
  /** `pod-cidr` of a node, which Calico's IPAM ignores. */
  readonly KN157: { readonly node: string; readonly cidr: string };
  /** A block of a node that is not a block of an IP pool. */
  readonly KN158: { readonly node: string; readonly block: string; readonly pools: string };
  /** `autodetection` finds no address on `nodes` nodes; `node` is the first. */
  readonly KN167: { readonly method: string; readonly node: string; readonly nodes: number };
  /** `bgp-address` is not an address of the node. */
  readonly KN159: { readonly node: string; readonly address: string };
  /** The pods' range contains `count` addresses of machines on the segment; the example is the first. */
  readonly KN160: {
    readonly range: string;
    readonly count: number;
    readonly address: string;
    readonly station: StationRef;
  };
  /** The pods' range is outside the nodes' segment. `cidrs`: of the same family. */
  readonly KN161: { readonly range: string; readonly segment: string; readonly cidrs: readonly string[] };
  /** No `range`: no pod gets an address. */
  readonly KN162: { readonly plugin: string };
  /** The plugin rejects its configuration. `error`: the plugin's own text. */
  readonly KN163: { readonly plugin: string; readonly node: string; readonly error: string };
  /** Weave's range overlaps a route of a node: the launcher exits. */
  readonly KN165: { readonly range: Prefix; readonly node: string; readonly route: string };
  /** The kernel rejects the gateway of a static route. */
  readonly KN210: RejectedRoute & { readonly via: readonly Ip[]; readonly cause: "off-link" | "own" | "broadcast" };
  /** A static route names a device that the machine does not have. */
  readonly KN211: RejectedRoute & { readonly dev: string };
  /** A second route to the same destination with the same metric: "File exists". */
  readonly KN212: RejectedRoute;
  /** Nodes of a mode that routes over the link are not on-link. */
  readonly KN220: {
    readonly backend: string;
    readonly node: string;
    readonly peer: string;
    readonly address: string;
    readonly pairs: number;
  };
  /** Different flannel backends: these nodes ignore each other. */
  readonly KN221: {
    readonly node: string;
    readonly backend: string;
    readonly peer: string;
    readonly peerBackend: string;
  };
  /** Different VNIs or ports: the peer has no matching tunnel. */
  readonly KN222: { readonly node: string; readonly value: string; readonly peer: string; readonly peerValue: string };
  /** host-gw with a public-ip that is not an address of the interface. */
  readonly KN223: { readonly node: string; readonly publicIp: string; readonly address: string | undefined };
  /** `iface` does not match an interface of the node. */
  readonly KN224: { readonly node: string; readonly iface: string };
  /** No default route and no `iface`: flanneld finds no interface. */
  readonly KN225: { readonly node: string };
  /** `more` nodes in addition to two announce the same public address. */
  readonly KN226: { readonly node: string; readonly peer: string; readonly address: string; readonly more: number };
  /** vxlan with a public-ip that no interface has: the kernel cannot send from it. */
  readonly KN227: { readonly node: string; readonly publicIp: string; readonly address: string };
  /** The backend supports only IPv4. */
  readonly KN228: { readonly backend: string; readonly network: string };
  /** One side of a session expects another AS number than the peer has. */
  readonly KN230: {
    readonly node: StationRef;
    readonly as: number;
    readonly peer: StationRef;
    readonly peerAs: number;
  };
  /** Only one side of a session is configured. */
  readonly KN231: { readonly node: StationRef; readonly as: number; readonly peer: StationRef };
  /** Access lists drop TCP port 179 in both directions. */
  readonly KN232: { readonly node: StationRef; readonly peer: StationRef; readonly port: number };
  /** No BGP speaker has the address or the labels, or the peer is out of reach. `peer` is a text if no speaker matches. */
  readonly KN233:
    | { readonly cause: "off-link" | "no-route"; readonly node: StationRef; readonly peer: StationRef }
    | {
        readonly cause: "nobody";
        readonly node: StationRef;
        readonly peer: string;
        readonly address: Ip | undefined;
      };
  /** Nodes without routes to each other's blocks. */
  readonly KN234: { readonly cluster: string; readonly pairs: number } & (
    | { readonly cause: "mesh-off" | "no-session"; readonly node: StationRef; readonly peer: StationRef }
    | {
        readonly cause: "not-reflected";
        readonly node: StationRef;
        readonly peer: StationRef;
        readonly via: StationRef;
      }
    | { readonly cause: "not-exported" | "no-bgp"; readonly pool: string }
  );
  /** Routes are rejected as AS path loops. */
  readonly KN235: {
    readonly cluster: string;
    readonly node: StationRef;
    readonly peer: StationRef;
    readonly pairs: number;
    readonly as: number;
    readonly via: StationRef;
  };
  /** cross-subnet: one node uses the tunnel, the other does not. The nodes' addresses with their prefix lengths. */
  readonly KN236: {
    readonly node: string;
    readonly prefix: Prefix;
    readonly peer: string;
    readonly peerPrefix: Prefix;
  };
  /** cross-subnet: a node within the node's own prefix is on another segment. */
  readonly KN237: {
    readonly node: string;
    readonly prefix: string;
    readonly peer: string;
    readonly address: string;
    readonly pairs: number;
  };
  /** No default route: the node does not reply to ARP for 169.254.1.1. */
  readonly KN238: { readonly node: string; readonly nodes: number };
  /** Nodes on different segments with the same address. */
  readonly KN239: {
    readonly cluster: string;
    readonly node: string;
    readonly peer: string;
    readonly address: string;
    readonly nodes: number;
  };
  /** The source address of a static route is not an address of the machine. `own`: its addresses. */
  readonly KN260: RejectedRoute & { readonly src: string; readonly own: readonly string[] };
  /** The kernel limits the tunnel device to a smaller MTU. `fits`: the setting that it accepts; `written`: whether `mtu` is set. */
  readonly KN320: {
    readonly node: string;
    readonly device: string;
    readonly asked: number;
    readonly given: number;
    readonly fits: number;
    readonly written: boolean;
  };
  /** More routes than the cloud's route table can have. */
  readonly KN410: { readonly cluster: string; readonly routes: number; readonly limit: number };
  /** Pods and nodes need more addresses than the segment has. `perNode`: at most; `surge`: additional nodes during upgrades. */
  readonly KN411: {
    readonly segment: string;
    readonly cidrs: readonly Prefix[];
    readonly cluster: string;
    readonly nodes: number;
    readonly perNode: number;
    readonly surge: number;
    readonly needed: number;
    readonly free: number;
  };
  /** max-pods exceeds the capacity of the machine's interfaces. */
  readonly KN412: {
    readonly instance: string;
    readonly enis: number;
    readonly ips: number;
    readonly most: number;
    readonly maxPods: number;
  };
  /** The mesh has more sessions than recommended. `each`: per node. */
  readonly KN421: {
    readonly cluster: string;
    readonly nodes: number;
    readonly sessions: number;
    readonly each: number;
  };
  /** Nodes without a free block borrow addresses. */
  readonly KN422: FewBlocks;
  /** Nodes without any block under strict affinity. */
  readonly KN423: FewBlocks;
}

export type NetworkProblem = Problem<NetworkProblemData>;

export const CODES = {
  flannelConfigRefused: "KN130",
  flannelSubnetIgnored: "KN131",
  flannelSubnetOrder: "KN132",
  flannelLeaseOutside: "KN133",
  flannelNetworkDiffers: "KN134",
  flannelBackendMissing: "KN135",
  flannelDeviceName: "KN136",
  flannelBackendRefused: "KN137",
  dockerSameRange: "KN140",
  aksForbidden: "KN141",
  calicoPoolsOverlap: "KN150",
  calicoPoolLinkLocal: "KN151",
  calicoBlockSize: "KN152",
  calicoTwoEncapsulations: "KN153",
  calicoIpipIpv6: "KN154",
  calicoIpam: "KN155",
  calicoPeer: "KN156",
  calicoPodCidrIgnored: "KN157",
  calicoAutodetection: "KN167",
  calicoBlockOutside: "KN158",
  calicoBgpAddress: "KN159",
  stackedRangeTaken: "KN160",
  stackedRangeOutside: "KN161",
  stackedRangeMissing: "KN162",
  stackedRefused: "KN163",
  weaveRangeOverlaps: "KN165",
  routeGatewayOffLink: "KN210",
  routeDeviceUnknown: "KN211",
  routeExists: "KN212",
  peersOffLink: "KN220",
  flannelBackendsDiffer: "KN221",
  flannelTunnelDiffers: "KN222",
  flannelPublicIp: "KN223",
  flannelIface: "KN224",
  flannelNoDefaultRoute: "KN225",
  flannelPublicIpTwice: "KN226",
  flannelPublicIpNotLocal: "KN227",
  flannelNoIpv6: "KN228",
  bgpAsNumber: "KN230",
  bgpOneSided: "KN231",
  bgpBlocked: "KN232",
  bgpNobody: "KN233",
  bgpRoutesMissing: "KN234",
  bgpLoop: "KN235",
  calicoMasksDiffer: "KN236",
  calicoPrefixSpansSegments: "KN237",
  calicoNoDefaultRoute: "KN238",
  calicoAddressTwice: "KN239",
  routeSource: "KN260",
  flannelMtuClamped: "KN320",
  cloudRouteLimit: "KN410",
  subnetTooSmall: "KN411",
  instanceMaxPods: "KN412",
  calicoMeshSize: "KN421",
  calicoFewBlocks: "KN422",
  calicoNoBlock: "KN423",
} as const satisfies Readonly<Record<string, keyof NetworkProblemData>>;

export const problem = problemsOf<NetworkProblemData>();
