/** The problems found by this layer, by code; `data` has the values of their messages, which the checks write. */
import type { Origin } from "../declared/origin.ts";
import type { TopologyProblem } from "../topology/problems.ts";

export const CODES = {
  /** flannel's CheckNetworkConfig rejects the settings. data: error (flannel's own text). */
  flannelConfigRefused: "KN130",
  /** subnet-len, subnet-min, or subnet-max with the kube manager, which ignores them. data: setting. */
  flannelSubnetIgnored: "KN131",
  /** subnet-min above subnet-max: no node gets a lease; flannel does not report it. data: min, max. */
  flannelSubnetOrder: "KN132",
  /** A node's pod CIDR is outside flannel's network: flanneld exits on that node. data: node, cidr, network. */
  flannelLeaseOutside: "KN133",
  /** flannel's network differs from the cluster's pod CIDR. data: network, pods. */
  flannelNetworkDiffers: "KN134",
  /** No backend is set: flanneld uses udp. data: none. */
  flannelBackendMissing: "KN135",
  /** A device name longer than the kernel's limit of 15 characters. data: device, vni. */
  flannelDeviceName: "KN136",
  /** A backend rejects its key. data: backend, error (flannel's own text). */
  flannelBackendRefused: "KN137",
  /** Two IP pools overlap. data: pool, cidr, other, otherCidr. */
  calicoPoolsOverlap: "KN150",
  /** A pool in 169.254.0.0/16 or fe80::/10. data: pool, cidr, range. */
  calicoPoolLinkLocal: "KN151",
  /** A block size that Calico rejects. data: pool, cidr, size, min, max. */
  calicoBlockSize: "KN152",
  /** ipip and vxlan in one pool. data: pool, ipip, vxlan. */
  calicoTwoEncapsulations: "KN153",
  /** ipip in an IPv6 pool. data: pool, cidr. */
  calicoIpipIpv6: "KN154",
  /** An IPAM configuration that Calico rejects. data: what, needs. */
  calicoIpam: "KN155",
  /** A BGPPeer that Calico rejects. data: peer, what. */
  calicoPeer: "KN156",
  /** `pod-cidr` of a node, which Calico's IPAM ignores. data: node, cidr. */
  calicoPodCidrIgnored: "KN157",
  /** A block of a node that is not a block of an IP pool. data: node, block, pools. */
  calicoBlockOutside: "KN158",
  /** `bgp-address` is not an address of the node. data: node, address. */
  calicoBgpAddress: "KN159",
  /** The pods' range contains addresses of machines on the segment. data: range, count, address, station, exclude. */
  stackedRangeTaken: "KN160",
  /** The pods' range is outside the nodes' segment. data: range, segment, cidr. */
  stackedRangeOutside: "KN161",
  /** No `range`: no pod gets an address. data: plugin. */
  stackedRangeMissing: "KN162",
  /** The plugin rejects its configuration. data: plugin, node, error (the plugin's own text). */
  stackedRefused: "KN163",
  /** Weave's range overlaps a route of a node: the launcher exits. data: range, node, route. */
  weaveRangeOverlaps: "KN165",
  /** Every node has the same container range. data: range, nodes. */
  dockerSameRange: "KN140",
  /** The kernel rejects the gateway of a static route. data: station, dst, via, cause (off-link, own, broadcast). */
  routeGatewayOffLink: "KN210",
  /** A static route names a device that the machine does not have. data: station, dst, dev. */
  routeDeviceUnknown: "KN211",
  /** A second route to the same destination with the same metric: "File exists". data: station, dst. */
  routeExists: "KN212",
  /** Nodes of a mode that routes over the link are not on-link. data: backend, node, peer, address, pairs. */
  peersOffLink: "KN220",
  /** Different flannel backends: these nodes ignore each other. data: node, backend, peer, peerBackend. */
  flannelBackendsDiffer: "KN221",
  /** Different VNIs or ports: the peer has no matching tunnel. data: node, value, peer, peerValue. */
  flannelTunnelDiffers: "KN222",
  /** host-gw with a public-ip that is not an address of the interface. data: node, publicIp, address. */
  flannelPublicIp: "KN223",
  /** `iface` does not match an interface of the node. data: node, iface. */
  flannelIface: "KN224",
  /** No default route and no `iface`: flanneld finds no interface. data: node. */
  flannelNoDefaultRoute: "KN225",
  /** Two nodes announce the same public address. data: node, peer, address, more. */
  flannelPublicIpTwice: "KN226",
  /** vxlan with a public-ip that no interface has: the kernel cannot send from it. data: node, publicIp, address. */
  flannelPublicIpNotLocal: "KN227",
  /** The backend supports only IPv4. data: backend, network. */
  flannelNoIpv6: "KN228",
  /** More routes than the cloud's route table can have. data: cluster, routes, limit. */
  cloudRouteLimit: "KN410",
  /** One side of a session expects another AS number than the peer has. data: node, as, peer, peerAs. */
  bgpAsNumber: "KN230",
  /** Only one side of a session is configured. data: node, as, peer. */
  bgpOneSided: "KN231",
  /** Access lists drop TCP port 179 in both directions. data: node, peer, port. */
  bgpBlocked: "KN232",
  /** No BGP speaker has the address or the labels, or the peer is out of reach. data: node, peer, cause (nobody, off-link, no-route). */
  bgpNobody: "KN233",
  /** Nodes without routes to each other's blocks. data: cluster, node, peer, pairs, cause (mesh-off, not-reflected, not-exported, no-bgp, none), via. */
  bgpRoutesMissing: "KN234",
  /** Routes are rejected as AS path loops. data: cluster, node, peer, pairs, as, via. */
  bgpLoop: "KN235",
  /** cross-subnet: one node uses the tunnel, the other does not. data: node, prefix, peer, peerPrefix. */
  calicoMasksDiffer: "KN236",
  /**
   * cross-subnet: a node within the node's own prefix is on another segment. data: node, prefix, peer, address, pairs.
   */
  calicoPrefixSpansSegments: "KN237",
  /** No default route: the node does not reply to ARP for 169.254.1.1. data: node. */
  calicoNoDefaultRoute: "KN238",
  /** Nodes on different segments with the same address. data: cluster, node, peer, address, nodes. */
  calicoAddressTwice: "KN239",
  /** The mesh has more sessions than recommended. data: cluster, nodes, sessions, each. */
  calicoMeshSize: "KN421",
  /** Nodes without a free block borrow addresses. data: cluster, nodes, node, blocks, size, pools. */
  calicoFewBlocks: "KN422",
  /** Nodes without any block under strict affinity. data: cluster, nodes, node, blocks, size, pools, allocates (yes, no). */
  calicoNoBlock: "KN423",
  /** A range that AKS rejects. data: what, forbidden, cluster. */
  aksForbidden: "KN141",
  /** Pods and nodes need more addresses than the segment has. data: segment, cidrs, cluster, nodes, perNode, surge, needed, free. */
  subnetTooSmall: "KN411",
  /** max-pods exceeds the capacity of the machine's interfaces. data: instance, enis, ips, most, maxPods. */
  instanceMaxPods: "KN412",
  /**
   * The kernel limits the tunnel device to a smaller MTU. data: node, device, asked, given, fits, written (yes, no).
   */
  flannelMtuClamped: "KN320",
} as const;

export type ProblemCode = (typeof CODES)[keyof typeof CODES];

export function problem(
  code: ProblemCode,
  source: Origin,
  data: Readonly<Record<string, string | number>>,
  related: TopologyProblem["related"] = [],
): TopologyProblem {
  return { code, source, data, related };
}
