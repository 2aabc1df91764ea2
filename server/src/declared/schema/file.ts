/** Statements at the top level of a file, and in a segment. */
import type { KeywordSpec } from "./types.ts";

const cloudSubnet = `segment subnet-a {
  cidr 10.0.0.0/24
  cloud aws
  source-check true
  gateway vpc
}
router vpc { attach subnet-a 10.0.0.1 }
cluster prod {
  pods 10.244.0.0/16
  cni kubenet
  nodes w 1..2 { attach subnet-a { source-check false } }
}
`;

const rack = `segment rack-a {
  cidr 10.168.0.0/24
  gateway tor
}
router tor { attach rack-a 10.168.0.1 }
host laptop { attach rack-a 10.168.0.50 }
`;

export const file: readonly KeywordSpec[] = [
  {
    keyword: "import",
    in: ["file"],
    args: [{ name: "path", type: { kind: "string" }, summary: "Path of a .knet file, relative to this one" }],
    repeat: "many",
    summary: "Imports all declarations of another file",
    documentation: `Adds the declarations of the imported file to this topology, as if they were written here. The path is relative to the
importing file. A file that is imported more than once is loaded once, also if files import each other. A topology can have at most 1,000 files with 4,000,000
characters in total.`,
    example: `import "fabric.knet"

host laptop { attach office 192.168.1.10 }
`,
  },
  {
    keyword: "segment",
    in: ["file"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the segment" }],
    defines: "segment",
    block: "segment",
    blockRequired: true,
    repeat: "many",
    summary: "A layer-2 broadcast domain: a switch, a VLAN, a cloud subnet",
    documentation: `Machines on the same segment reach each other without a router: ARP and neighbor discovery (NDP) work between them,
and a route can use any of them as its next hop. A segment has one or more prefixes (\`cidr\`), an MTU (\`mtu\`), and a
default gateway (\`gateway\`) for nodes and hosts without a \`route default\`.`,
    example: `segment rack-a {
  cidr 10.168.0.0/24
  cidr fd00:168::/64
  mtu 9000
}
`,
  },
  {
    keyword: "cidr",
    in: ["segment"],
    args: [
      {
        name: "prefixes",
        type: { kind: "prefix" },
        many: true,
        summary: "Prefixes of the segment, of either address family",
      },
    ],
    repeat: "many",
    required: true,
    summary: "Prefixes of the segment",
    documentation: `The on-link prefixes of the segment. A machine that is attached without an address is assigned the next free host
address of the first prefix of each family, in declaration order. Network and broadcast addresses, gateways, and
addresses that are set explicitly on the segment are not allocated. A segment requires at least one prefix.`,
    example: `segment rack-a {
  cidr 10.168.0.0/24
  cidr fd00:168::/64
}
segment rack-b { cidr [10.168.1.0/24 10.168.2.0/24] }
`,
  },
  {
    keyword: "mtu",
    in: ["segment"],
    args: [
      {
        name: "value",
        type: { kind: "number", min: 68, max: 65535, unit: "bytes" },
        summary: "Largest IP packet in bytes",
        default: "1500",
      },
    ],
    repeat: "once",
    default: "1500",
    summary: "Largest IP packet that the segment carries (MTU)",
    documentation: `The MTU of all interfaces on the segment, except those whose \`attach\` block sets \`mtu\`. The default is 1500, as for
Ethernet (RFC 894), or the provider's MTU if \`cloud\` is set. A larger packet is dropped silently by the switch; only
routers reply with an ICMP error. The minimum is 1280 for IPv6 (RFC 8200 §5) and 68 for IPv4 (RFC 791).`,
    example: `segment storage {
  cidr 10.30.0.0/24
  mtu 9000
}
`,
  },
  {
    keyword: "gateway",
    in: ["segment"],
    args: [
      {
        name: "routers",
        type: { kind: "ref", to: ["router"], orAddress: true },
        many: true,
        optional: true,
        summary: "A router attached to the segment, or an address",
        default: "the attached router, if there is exactly one",
      },
      { name: "none", flag: true, summary: "No default gateway, although a router is attached" },
    ],
    atLeastOneOf: ["routers", "none"],
    atMostOneOf: ["routers", "none"],
    repeat: "once",
    default: "the attached router, if there is exactly one",
    summary: "Default gateway of the machines on the segment",
    documentation: `Nodes and hosts whose first \`attach\` names this segment get a default route via this gateway, unless they set a
\`route default\` of the same family. A router name refers to the router's addresses on the segment. Without this
statement, the gateway is the attached router if there is exactly one; otherwise, there is no default route. With
\`gateway none\`, the segment has no default gateway: nodes and hosts reach other segments only with \`route\` statements.`,
    example: rack,
  },
  {
    keyword: "vlan",
    in: ["segment"],
    args: [
      {
        name: "id",
        type: { kind: "number", min: 1, max: 4094 },
        summary: "VLAN ID",
      },
    ],
    repeat: "once",
    summary: "VLAN ID of the segment (informational)",
    documentation: `Shown in hovers and diagrams (IEEE 802.1Q, 1 to 4094). Segments are separate broadcast domains with or without a VLAN
ID.`,
    example: `segment rack-a {
  cidr 10.168.0.0/24
  vlan 168
}
`,
  },
  {
    keyword: "cloud",
    in: ["segment"],
    args: [
      {
        name: "provider",
        type: {
          kind: "enum",
          values: [
            { value: "aws", summary: "Amazon VPC: MTU 9001; AWS reserves the first four addresses and the last" },
            { value: "azure", summary: "Azure VNet: MTU 1500; Azure reserves the first four addresses and the last" },
            { value: "gcp", summary: "Google VPC: MTU 1460; Google reserves the first two addresses and the last two" },
          ],
        },
        summary: "Cloud provider of the subnet",
      },
    ],
    repeat: "once",
    summary: "Makes the segment a subnet of this cloud",
    documentation: `A cloud subnet is not an Ethernet segment: the cloud network replies to ARP itself and knows the addresses of each
interface. The provider determines the default MTU, the reserved addresses (they are not allocated), and the size
limit of the route table, and it enables \`source-check\`. Without this statement, the segment is an ordinary layer-2
network.`,
    example: cloudSubnet,
  },
  {
    keyword: "source-check",
    in: ["segment", "attach"],
    args: [
      {
        name: "value",
        type: { kind: "boolean" },
        summary: "Whether the network checks source and destination addresses",
      },
    ],
    repeat: "once",
    default: "true for cloud subnets, false otherwise and for routers",
    summary: "Drops packets from or to an address that is not the interface's own (source/destination check)",
    documentation: `On AWS, this is the source/destination check; on Google Cloud, the opposite of \`can-ip-forward\`; on Azure, the
opposite of IP forwarding on a network interface; on OpenStack, port security. It must be \`false\` on machines that route
packets with pod addresses (kubenet, host-gw, BGP); encapsulated packets pass because their outer addresses belong to
the machine. In a segment, it applies to all attached machines except routers; in an \`attach\` block, to that
interface.`,
    example: cloudSubnet,
  },
  {
    keyword: "router",
    in: ["file"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the router" }],
    defines: "router",
    block: "router",
    repeat: "many",
    summary: "A router that connects segments",
    documentation: `A machine that forwards packets: \`net.ipv4.ip_forward\` and \`net.ipv6.conf.all.forwarding\` are 1. It has connected
routes to the prefixes of its segments, the static routes from \`route\`, and routes learned by \`bgp\`. Routes to the pod
CIDRs are not added automatically: without them, the router drops or misroutes packets to pods, like a physical
router.`,
    example: `segment rack-a { cidr 10.168.0.0/24 }
segment rack-b { cidr 10.168.1.0/24 }
router tor {
  attach rack-a 10.168.0.1
  attach rack-b 10.168.1.1
}
`,
  },
  {
    keyword: "host",
    in: ["file"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the host" }],
    defines: "host",
    block: "host",
    repeat: "many",
    summary: "A machine outside of all clusters",
    documentation: `A client, database, DNS server, or any other machine that sends or receives packets but runs no pods. It does not
forward packets.`,
    example: `segment office { cidr 192.168.1.0/24 }
host laptop { attach office 192.168.1.10 }
host db {
  attach office 192.168.1.20
  listen 5432/tcp
}
`,
  },
  {
    keyword: "cluster",
    in: ["file"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the cluster" }],
    defines: "cluster",
    block: "cluster",
    blockRequired: true,
    repeat: "many",
    summary: "A Kubernetes cluster: its address ranges, CNI plugin, nodes, and pods",
    documentation: `The block contains the cluster's pod and service CIDRs, CNI plugin, nodes, namespaces, and workloads. The cluster name
is the first component of the path of everything in it: node \`prod/n1\`, pod \`prod/shop/web\`.`,
    example: `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod web on n1
}
`,
  },
  {
    keyword: "expect",
    in: ["file"],
    args: [
      {
        name: "from",
        type: { kind: "endpoint", port: false },
        summary: "Source: a pod, node, host, or router",
      },
      {
        name: "to",
        type: { kind: "endpoint", port: true },
        after: "->",
        summary: "Destination, with port and protocol: shop/api:80, n1:53/udp",
      },
      { name: "reachable", flag: true, summary: "The packet and its reply are delivered, on every path" },
      { name: "blocked", flag: true, summary: "The packet is not delivered on any path" },
      {
        name: "via",
        type: { kind: "ref", to: ["router", "node", "host"], withKind: true },
        after: "via",
        optional: true,
        summary: "A machine that the packet passes through",
      },
      { name: "preserves-source", flag: true, summary: "The receiver sees the source's own address" },
      {
        name: "mtu",
        type: { kind: "number", min: 68, max: 65535, unit: "bytes" },
        after: "mtu >=",
        optional: true,
        summary: "Packets of this size pass unfragmented",
      },
      {
        name: "survives",
        type: {
          kind: "enum",
          values: [
            { value: "any-link", summary: "Any single link of a machine, or between two machines" },
            { value: "any-node", summary: "Any single node, except the node of the source or of a named pod" },
            { value: "any-router", summary: "Any single router, or host that forwards packets" },
          ],
        },
        after: "survives",
        optional: true,
        summary: "Reachable, also after any single failure of this kind",
      },
    ],
    atLeastOneOf: ["reachable", "blocked", "via", "preserves-source", "mtu", "survives"],
    atMostOneOf: ["reachable", "blocked", "via", "preserves-source", "mtu", "survives"],
    repeat: "many",
    summary: "Requirement for the traffic between two endpoints; checked while you type",
    documentation: `knet traces the packet and compares the result with the expectation. A failed expectation is an error with the trace
as its related information. Without a port, the packet is an ICMP echo request, or, to a service, a packet to its first
port; with a port, it is TCP unless \`/udp\` or \`/sctp\` follows. An IPv6 address with a port must be quoted: \`"[fd00::1]:80"\`.

If objects of different kinds share a path, write the kind in front of it: \`pod/web\`, \`service/shop/web\`,
\`node/prod/n1\`. Without it, a destination refers to the service, and a source to the pod.

\`survives\` removes one link, node, or router at a time, solves BGP again, removes the endpoints of failed nodes from services,
and traces the packet again. The source and a named destination, or the nodes of these pods, are not removed; a service must
survive the loss of any of its nodes. \`knet check --failures 1\` does the same for all expectations and for all pairs of nodes.`,
    example: `${rack}host db {
  attach rack-a 10.168.0.60
  listen 5432/tcp
}
expect laptop -> db reachable
expect laptop -> db:5432 reachable
expect laptop -> db:5432 preserves-source
expect laptop -> db mtu >= 1500
expect laptop -> 10.168.0.200 blocked
`,
  },
];
