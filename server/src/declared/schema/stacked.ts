/** Plugins that stack the pods' interfaces on a node interface: macvlan, ipvlan. */
import { mtu, value } from "./cni-parts.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

export const stackedPlugins: readonly EnumValue[] = [
  {
    value: "macvlan",
    summary: "macvlan: each pod is attached to the node's segment with its own MAC address",
  },
  {
    value: "ipvlan",
    summary: "ipvlan: each pod is attached with the node's MAC address (`l2`) or routed by the node (`l3`, `l3s`)",
  },
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
    args: value({ kind: "device" }, "Interface of the node", "the interface of the default route"),
    repeat: "once",
    default: "the interface of the default route",
    summary: "Parent interface of the pods' interfaces (master)",
    documentation: "Its segment is the pods' segment, and its MTU is their maximum MTU.",
    example: macvlanExample,
  },
  {
    keyword: "mode",
    in: ["cni macvlan"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "bridge", summary: "Pods on one node reach each other directly" },
          { value: "private", summary: "Pods on one node cannot reach each other" },
          {
            value: "vepa",
            summary: "Pods on one node reach each other through a switch that reflects frames (802.1Qbg)",
          },
          { value: "passthru", summary: "A single pod uses the interface exclusively" },
        ],
      },
      "Traffic between pods on one node",
      "bridge",
    ),
    repeat: "once",
    default: "bridge",
    summary: "How pods on one node reach each other (mode)",
    documentation: `In every mode, a pod cannot reach its own node, and the node cannot reach the pod: frames pass between the pods and
the network, not up to the node's network stack. Segments in knet are ordinary switches, which never send a frame back
through the port it arrived on.`,
    example: macvlanExample,
  },
  {
    keyword: "mode",
    in: ["cni ipvlan"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "l2", summary: "Pods are attached to the segment with the node's MAC address" },
          { value: "l3", summary: "The node routes packets from pods; pods do not reply to ARP" },
          { value: "l3s", summary: "Like `l3`, but inbound packets pass through the node's netfilter hooks" },
        ],
      },
      "Layer at which packets are switched",
      "l2",
    ),
    repeat: "once",
    default: "l2",
    summary: "Layer at which the node switches the pods' packets (mode)",
    documentation: `With \`l3\` and \`l3s\`, pods have addresses from the node's pod CIDR (\`pods … per-node\`), their packets use the node's
routes, and the routers on the segment need a route to each node's pod CIDR: there is no ARP reply for pod addresses.`,
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
        summary: "A part of the segment's subnet, one per address family",
      },
    ],
    repeat: "once",
    summary: "Pod addresses for the whole cluster",
    documentation: `A part of the nodes' own subnet that all nodes share. If two nodes use host-local with the same range, both can
allocate the same address, so the range requires an IPAM plugin with cluster-wide state (whereabouts, or DHCP).
Exclude the addresses of the other machines on the segment. The network and broadcast addresses of the range are not
allocated. knet allocates the addresses in declaration order.`,
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
        summary: "Addresses and prefixes that are not assigned to pods",
      },
    ],
    repeat: "many",
    summary: "Excluded parts of the range",
    documentation: "Same as whereabouts' `exclude`: addresses of routers, nodes, and other machines within the range.",
    example: macvlanExample,
  },
  {
    keyword: "gateway",
    in: both,
    args: value({ kind: "address" }, "The pods' default gateway", "the segment's gateway"),
    repeat: "many",
    default: "the segment's gateway",
    summary: "Default gateway of the pods",
    documentation: `A router on the segment, never the pod's own node, which does not receive the pod's packets. For the same reason,
services do not work: kube-proxy's rules on the node never see the pod's packets, so a packet to a ClusterIP is sent
to this gateway.`,
    example: macvlanExample,
  },
  {
    keyword: "mtu",
    in: both,
    args: value(mtu, "MTU of the pods' interfaces", "the parent interface's MTU"),
    repeat: "once",
    default: "the parent interface's MTU",
    summary: "MTU of the pods' interfaces (mtu)",
    documentation: "The plugin rejects an MTU above the MTU of the parent interface.",
    example: macvlanExample,
  },
];
