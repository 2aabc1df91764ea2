/** What stands at the top of a file, and inside a segment. */
import type { KeywordSpec } from "./types.ts";

const cloudSubnet = `segment subnet-a {
  cidr 10.0.0.0/24
  cloud aws
  source-check on
  gateway vpc
}
router vpc { attach subnet-a 10.0.0.1 }
cluster prod {
  pods 10.244.0.0/16
  cni kubenet
  nodes w 1..2 { attach subnet-a { source-check off } }
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
    summary: "Takes everything that another file declares",
    documentation: `The declarations of the other file become part of this topology, as if they stood here. Paths are relative to the
file that imports. A file that is imported on several ways counts once; a file that imports itself, also by way of
others, is an error.`,
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
    documentation: `Stations that are attached to the same segment reach each other without a router: ARP and neighbour discovery work
between them, and a route may name any of them as its next hop. A segment has one or several prefixes, an MTU and, for
the stations that do not state a default route, a gateway.`,
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
        summary: "Prefixes of the segment, of either family",
      },
    ],
    repeat: "many",
    required: true,
    summary: "The segment's prefixes",
    documentation: `The on-link prefixes of the segment. Stations that state no address get the next free host address of the first
prefix of each family, in order of declaration. Network and broadcast address, the gateways and every address that
is stated somewhere on the segment are left out.`,
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
        summary: "Largest IP packet, in bytes",
        default: "1500",
      },
    ],
    repeat: "once",
    default: "1500",
    summary: "Largest IP packet that the segment carries",
    documentation: `The MTU of every interface on the segment that does not state its own. Default: 1500, as Ethernet has it (RFC 894).
A packet that is larger than a switch on the way allows is dropped without a word; only routers answer with ICMP.
IPv6 needs 1280 (RFC 8200 §5), IPv4 68 (RFC 791).`,
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
        summary: "A router that is attached to the segment, or an address",
        default: "the router, when one alone is attached",
      },
    ],
    repeat: "once",
    default: "the only attached router",
    summary: "Default gateway of the stations on the segment",
    documentation: `Nodes and hosts whose first \`attach\` names this segment get a default route by this gateway unless they state
a \`route default\` of that family themselves. A router stands for its addresses on the segment. Without this statement the gateway is the
router that is attached to the segment, if there is exactly one; without any there is no default route.`,
    example: rack,
  },
  {
    keyword: "vlan",
    in: ["segment"],
    args: [
      {
        name: "id",
        type: { kind: "number", min: 1, max: 4094 },
        summary: "VLAN id",
      },
    ],
    repeat: "once",
    summary: "VLAN id of the segment, for information",
    documentation: `Printed in drawings and listings (IEEE 802.1Q, 1 to 4094). Segments are separate broadcast domains whether they have
a VLAN id or not.`,
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
            { value: "aws", summary: "Amazon VPC: MTU 9001; the first four addresses and the last are reserved" },
            { value: "azure", summary: "Azure VNet: MTU 1500; the first four addresses and the last are reserved" },
            { value: "gcp", summary: "Google VPC: MTU 1460; the first two addresses and the last two are reserved" },
          ],
        },
        summary: "Whose subnet it is",
      },
    ],
    repeat: "once",
    summary: "The segment is a subnet of this cloud",
    documentation: `A cloud's subnet looks like a segment and is none: the network behind it answers ARP itself and knows which addresses each machine's interface
has. The provider decides the default MTU, which addresses are reserved (they are not given out), how many routes fit into a route
table, and that \`source-check\` is on.`,
    example: cloudSubnet,
  },
  {
    keyword: "source-check",
    in: ["segment", "attach"],
    args: [
      {
        name: "value",
        type: {
          kind: "enum",
          values: [
            { value: "on", summary: "Only packets from and to the interface's own addresses pass" },
            { value: "off", summary: "Any packet passes" },
          ],
        },
        summary: "Whether the network checks addresses",
      },
    ],
    repeat: "once",
    default: "on in a cloud's subnet, off elsewhere and for routers",
    summary: "The network drops what a station sends from, or gets for, an address that is not its own",
    documentation: `AWS calls it source/destination check, Google's opposite is \`can-ip-forward\`, Azure's IP forwarding of a network interface, OpenStack's port
security. On machines that route for pods with addresses of their own (kubenet, host-gw, BGP) it must be off; tunnels pass, since their outer packets are the
machine's own. In a segment it holds for all stations but routers, in an \`attach\` for that interface.`,
    example: cloudSubnet,
  },
  {
    keyword: "router",
    in: ["file"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the router" }],
    defines: "router",
    block: "router",
    repeat: "many",
    summary: "A router between segments",
    documentation: `A station that forwards: \`net.ipv4.ip_forward\` and \`net.ipv6.conf.all.forwarding\` are 1. It knows the prefixes of the
segments to which it is attached and what \`route\` says. It knows nothing of pods unless it is told: a router without
a route to the pod CIDRs drops or misroutes them, as a real one does.`,
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
    summary: "A machine outside every cluster",
    documentation: `A client, a database, a DNS server: anything that sends or receives but runs no pods. It does not forward.`,
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
    summary: "A Kubernetes cluster: its address ranges, its CNI plugin, its nodes and pods",
    documentation: `Everything inside has the cluster's name as the first part of its path: node \`prod/n1\`, pod \`prod/shop/web\`.`,
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
        summary: "Sender: a pod, node, host or router",
      },
      {
        name: "to",
        type: { kind: "endpoint", port: true },
        after: "->",
        summary: "Receiver, with port and protocol: shop/api:80, n1:53/udp",
      },
      { name: "reachable", flag: true, summary: "The packet arrives and its reply comes back, on every path" },
      { name: "blocked", flag: true, summary: "No packet arrives" },
      {
        name: "via",
        type: { kind: "ref", to: ["router", "node", "host"] },
        after: "via",
        optional: true,
        summary: "A station that the packet passes",
      },
      { name: "preserves-source", flag: true, summary: "The receiver sees the sender's own address" },
      {
        name: "mtu",
        type: { kind: "number", min: 68, max: 65535, unit: "bytes" },
        after: "mtu >=",
        optional: true,
        summary: "Packets of this size pass unfragmented",
      },
    ],
    atLeastOneOf: ["reachable", "blocked", "via", "preserves-source", "mtu"],
    atMostOneOf: ["reachable", "blocked", "via", "preserves-source", "mtu"],
    repeat: "many",
    summary: "What must hold between two ends; checked while you type",
    documentation: `Each expectation is traced and compared. One that fails is an error, with the trace as its related information.
Without a port the packet is an ICMP echo request, with a port TCP unless \`/udp\` or \`/sctp\` follows. An IPv6 address with
a port is written in quotes: \`"[fd00::1]:80"\`.`,
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
