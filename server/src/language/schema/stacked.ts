/** Plugins that stack the pods' interfaces on the node's: macvlan, ipvlan. */
import { mtu, value } from "./cni-parts.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

export const stackedPlugins: readonly EnumValue[] = [
  {
    value: "macvlan",
    summary: "macvlan: each pod is a station of the node's segment, with a hardware address of its own",
  },
  { value: "ipvlan", summary: "ipvlan: likewise with the node's hardware address, or routed by the node" },
];

export const stackedContexts: Readonly<Record<string, string>> = { macvlan: "cni macvlan", ipvlan: "cni ipvlan" };

const both = ["cni macvlan", "cni ipvlan"];

const around = (settings: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  ${settings}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1
  pod b on n2
}
expect a -> b reachable
`;

const macvlanExample = around(`cni macvlan {  # knet-ignore KN240 no probes in this lab
    master eth0
    mode bridge
    range 192.168.10.128/25
    exclude 192.168.10.200
    gateway 192.168.10.1
    mtu 1500
  }`);

const ipvlanExample = around(`cni ipvlan {  # knet-ignore KN240 no probes in this lab
    master eth0
    mode l2
    range 192.168.10.128/25
  }`);

export const stackedSettings: readonly KeywordSpec[] = [
  {
    keyword: "master",
    in: both,
    args: value({ kind: "device" }, "The node's interface", "that of the default route"),
    repeat: "once",
    default: "that of the default route",
    summary: "Interface on which the pods' are stacked (master)",
    documentation: "Its segment is the pods' segment, its MTU the most that theirs can be.",
    example: macvlanExample,
  },
  {
    keyword: "mode",
    in: ["cni macvlan"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "bridge", summary: "Pods of one node reach each other at once" },
          { value: "private", summary: "Pods of one node never reach each other" },
          { value: "vepa", summary: "Pods of one node reach each other by a switch that sends frames back (802.1Qbg)" },
          { value: "passthru", summary: "One pod takes the interface for itself" },
        ],
      },
      "Between the pods of a node",
      "bridge",
    ),
    repeat: "once",
    default: "bridge",
    summary: "What pods of one node are to each other (mode)",
    documentation: `In no mode does a pod reach its own node, nor the node the pod: frames pass between the pods and the wire, not up to the node's own
stack. The segments of knet are ordinary switches, which send no frame back by the port by which it came.`,
    example: macvlanExample,
  },
  {
    keyword: "mode",
    in: ["cni ipvlan"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "l2", summary: "Pods are stations of the segment, with the node's hardware address" },
          { value: "l3", summary: "The node routes what pods send; nobody asks for them by ARP" },
          { value: "l3s", summary: "Likewise, and what comes in passes the node's netfilter" },
        ],
      },
      "At which layer packets are switched",
      "l2",
    ),
    repeat: "once",
    default: "l2",
    summary: "At which layer the node switches the pods' packets (mode)",
    documentation: `In the layer-3 modes pods have addresses of the node's range (\`pods … per-node\`), their packets take the node's routes, and the routers of the segment
need a route to each node's range: nobody answers ARP for a pod.`,
    example: ipvlanExample,
  },
  {
    keyword: "range",
    in: both,
    args: [
      {
        name: "value",
        type: { kind: "prefix" },
        many: true,
        summary: "A part of the segment's subnet, one a family",
      },
    ],
    repeat: "once",
    summary: "Addresses for the pods of the whole cluster",
    documentation: `Out of the nodes' own subnet, and for all nodes together: two nodes with a host-local range of the same addresses would give them out twice, so
an IPAM plugin that keeps count for the cluster (whereabouts, or DHCP) has to. What stations of the segment have must be left out. Network and broadcast address
of the range are not given out. knet gives the addresses in order of declaration.`,
    example: macvlanExample,
  },
  {
    keyword: "exclude",
    in: both,
    args: [
      {
        name: "value",
        type: { kind: "prefix", orAddress: true },
        many: true,
        summary: "Addresses and prefixes that no pod gets",
      },
    ],
    repeat: "many",
    summary: "Parts of the range that are left out",
    documentation: "As whereabouts' `exclude`: addresses of routers, nodes and others that lie in the range.",
    example: macvlanExample,
  },
  {
    keyword: "gateway",
    in: both,
    args: value({ kind: "address" }, "The pods' default gateway", "the segment's"),
    repeat: "many",
    default: "the segment's",
    summary: "Default gateway of the pods",
    documentation: `A router of the segment, never the pod's own node: that one does not hear the pod. Services (kube-proxy) work on the node and see nothing of the pods' packets;
a ClusterIP ends at this gateway.`,
    example: macvlanExample,
  },
  {
    keyword: "mtu",
    in: both,
    args: value(mtu, "MTU of the pods' interfaces", "the interface's"),
    repeat: "once",
    default: "that of the interface below",
    summary: "MTU of the pods' interfaces (mtu)",
    documentation: "The plugin refuses one above that of the interface below.",
    example: macvlanExample,
  },
];
