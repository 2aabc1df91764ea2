/** The findings of this floor, by code; `data` says what their texts name. The checks floor gives them words. */
import type { Source } from "../language/tree.ts";
import type { TopologyProblem } from "../topology/model.ts";

export const CODES = {
  /** flannel's CheckNetworkConfig refuses the settings. data: error (flannel's own text). */
  flannelConfigRefused: "KN130",
  /** subnet-len, subnet-min or subnet-max with the kube manager, which ignores them. data: setting. */
  flannelSubnetIgnored: "KN131",
  /** subnet-min above subnet-max: no lease at all; flannel does not notice. data: min, max. */
  flannelSubnetOrder: "KN132",
  /** A node's pod CIDR outside flannel's network: flanneld ends on that node. data: node, cidr, network. */
  flannelLeaseOutside: "KN133",
  /** flannel's network is not the cluster's pod CIDR. data: network, pods. */
  flannelNetworkDiffers: "KN134",
  /** No backend given: flanneld takes udp. data: none. */
  flannelBackendMissing: "KN135",
  /** Device name longer than the kernel's 15 characters. data: device, vni. */
  flannelDeviceName: "KN136",
  /** A backend refuses its key. data: backend, error (flannel's own text). */
  flannelBackendRefused: "KN137",
  /** Two IP pools share addresses. data: pool, cidr, other, otherCidr. */
  calicoPoolsOverlap: "KN150",
  /** A pool in 169.254.0.0/16 or fe80::/10. data: pool, cidr, range. */
  calicoPoolLinkLocal: "KN151",
  /** A block size that Calico refuses. data: pool, cidr, size, min, max. */
  calicoBlockSize: "KN152",
  /** ipip and vxlan in one pool. data: pool, ipip, vxlan. */
  calicoTwoEncapsulations: "KN153",
  /** ipip in an IPv6 pool. data: pool, cidr. */
  calicoIpipIpv6: "KN154",
  /** An IPAM configuration that Calico refuses. data: what, needs. */
  calicoIpam: "KN155",
  /** A BGPPeer that Calico refuses. data: peer, what. */
  calicoPeer: "KN156",
  /** `pod-cidr` of a node, which Calico's IPAM ignores. data: node, cidr. */
  calicoPodCidrIgnored: "KN157",
  /** A block of a node that is none of a pool's. data: node, block, pools. */
  calicoBlockOutside: "KN158",
  /** `bgp-address` is none of the node's addresses. data: node, address. */
  calicoBgpAddress: "KN159",
  /** The pods' range holds addresses that stations of the segment have. data: range, count, address, station, exclude. */
  stackedRangeTaken: "KN160",
  /** The pods' range is not in the segment of the nodes. data: range, segment, cidr. */
  stackedRangeOutside: "KN161",
  /** No `range`: no pod gets an address. data: plugin. */
  stackedRangeMissing: "KN162",
  /** The plugin refuses its configuration. data: plugin, node, error (the plugin's own text). */
  stackedRefused: "KN163",
  /** Weave's range overlaps a route of a node: the launcher ends. data: range, node, route. */
  weaveRangeOverlaps: "KN165",
  /** Every node has the same container range. data: range, nodes. */
  dockerSameRange: "KN140",
  /** The kernel refuses a static route: its gateway is not on-link. data: station, dst, via. */
  routeGatewayOffLink: "KN210",
  /** A static route names a device that the station lacks. data: station, dst, dev. */
  routeDeviceUnknown: "KN211",
  /** A second route to the same destination with the same metric: "File exists". data: station, dst. */
  routeExists: "KN212",
  /** A mode that routes over the link has nodes that are not neighbours. data: backend, node, peer, address, pairs. */
  peersOffLink: "KN220",
  /** flannel backends differ: such nodes ignore each other. data: node, backend, peer, peerBackend. */
  flannelBackendsDiffer: "KN221",
  /** VNI or port differ: the other end has no such tunnel. data: node, value, peer, peerValue. */
  flannelTunnelDiffers: "KN222",
  /** host-gw with a public-ip that is no address of the interface. data: node, publicIp, address. */
  flannelPublicIp: "KN223",
  /** `iface` names no interface of the node. data: node, iface. */
  flannelIface: "KN224",
  /** No default route and no `iface`: flanneld finds no interface. data: node. */
  flannelNoDefaultRoute: "KN225",
  /** Two nodes announce the same public address. data: node, peer, address. */
  flannelPublicIpTwice: "KN226",
  /** vxlan with a public-ip that no interface has: the kernel sends nothing from it. data: node, publicIp, address. */
  flannelPublicIpNotLocal: "KN227",
  /** The backend carries IPv4 only. data: backend, network. */
  flannelNoIpv6: "KN228",
  /** More routes than the cloud's route table holds. data: cluster, routes, limit. */
  cloudRouteLimit: "KN410",
  /** The AS number that one end expects is not the other's. data: node, as, peer, peerAs. */
  bgpAsNumber: "KN230",
  /** Only one end is configured. data: node, as, peer. */
  bgpOneSided: "KN231",
  /** An access list drops TCP port 179 both ways. data: node, peer, port. */
  bgpBlocked: "KN232",
  /** No speaker has the address, or the labels. data: node, peer. */
  bgpNobody: "KN233",
  /** Nodes without routes to each other's blocks. data: cluster, node, peer, pairs, cause (mesh-off, not-reflected, not-exported, no-bgp, none), via. */
  bgpRoutesMissing: "KN234",
  /** Routes are discarded as loops. data: cluster, node, peer, pairs, as, via. */
  bgpLoop: "KN235",
  /** cross-subnet: one node takes the tunnel, the other does not. data: node, prefix, peer, peerPrefix. */
  calicoMasksDiffer: "KN236",
  /** cross-subnet: a node inside the own prefix is on another segment. data: node, prefix, peer, address, pairs. */
  calicoPrefixSpansSegments: "KN237",
  /** No default route: the node does not answer ARP for 169.254.1.1. data: node. */
  calicoNoDefaultRoute: "KN238",
  /** Nodes of different segments with one address. data: cluster, node, peer, address, nodes. */
  calicoAddressTwice: "KN239",
  /** The mesh has too many sessions. data: cluster, nodes, sessions, each. */
  calicoMeshSize: "KN421",
  /** Nodes for which no block is left borrow. data: cluster, nodes, node, blocks, size, pools. */
  calicoFewBlocks: "KN422",
  /** Nodes without any block under strict affinity. data: cluster, nodes, node, blocks, size, pools, allocates (yes, no). */
  calicoNoBlock: "KN423",
  /** A range that AKS refuses. data: what, forbidden, cluster. */
  aksForbidden: "KN141",
  /** Pods and nodes need more addresses than the segment has. data: segment, cidrs, cluster, nodes, perNode, surge, needed, free. */
  subnetTooSmall: "KN411",
  /** max-pods above what the machine's interfaces hold. data: instance, enis, ips, most, maxPods. */
  instanceMaxPods: "KN412",
  /** The kernel gives the tunnel device less than flannel asks for. data: node, device, asked, given, written (yes, no). */
  flannelMtuClamped: "KN320",
} as const;

export type ProblemCode = (typeof CODES)[keyof typeof CODES];

export function problem(
  code: ProblemCode,
  source: Source,
  data: Readonly<Record<string, string | number>>,
  related: TopologyProblem["related"] = [],
): TopologyProblem {
  return { code, source, data, related };
}
