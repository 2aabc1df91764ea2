/** Statements that routers, hosts, and nodes have in common. */
import type { ArgSpec, EnumValue, FlagSpec, KeywordSpec } from "./types.ts";

export const stations = ["router", "host", "node", "nodes"];

/** Protocols that an access list can match. */
export const aclProtocols: readonly EnumValue[] = [
  { value: "any", summary: "Any protocol" },
  { value: "tcp", summary: "TCP, protocol 6" },
  { value: "udp", summary: "UDP, protocol 17" },
  { value: "sctp", summary: "SCTP, protocol 132" },
  { value: "icmp", summary: "ICMP, protocol 1; for IPv6, ICMPv6, protocol 58" },
  { value: "icmpv6", summary: "ICMPv6 only, protocol 58" },
  { value: "ipip", summary: "IP-in-IP, protocol 4" },
  { value: "esp", summary: "IPsec ESP, protocol 50" },
];

/** Arguments that match the header of a packet. */
export const aclMatches: readonly ArgSpec[] = [
  {
    name: "type",
    type: { kind: "icmp-type" },
    after: "type",
    many: true,
    optional: true,
    summary: "ICMP type, or type and code: `3/4`. With `icmp`, of IPv4 only; with `icmpv6`, of IPv6",
    default: "all",
  },
  {
    name: "ports",
    type: { kind: "ports", protocol: false, range: true },
    after: "port",
    many: true,
    optional: true,
    summary: "Destination ports and ranges, of TCP, UDP, and SCTP",
    default: "all",
  },
  {
    name: "from",
    type: { kind: "prefix", orAddress: true },
    after: "from",
    many: true,
    optional: true,
    summary: "Source prefixes",
    default: "all",
  },
  {
    name: "to",
    type: { kind: "prefix", orAddress: true },
    after: "to",
    many: true,
    optional: true,
    summary: "Destination prefixes",
    default: "all",
  },
];

export const acl = (verb: string): readonly (ArgSpec | FlagSpec)[] => [
  {
    name: "protocol",
    type: { kind: "enum", values: aclProtocols },
    optional: true,
    summary: `Protocol of the packets to ${verb}`,
    default: "any",
  },
  {
    name: "direction",
    type: {
      kind: "enum",
      values: [
        { value: "in", summary: "To this machine (INPUT)" },
        { value: "out", summary: "From this machine (OUTPUT)" },
        { value: "forward", summary: "Through this machine (FORWARD)" },
      ],
    },
    optional: true,
    summary: "Direction of the packets to match",
    default: "forward on a router, in on a node or host; out with only `out DEVICE`",
  },
  ...aclMatches,
  {
    name: "in",
    type: { kind: "ref", to: ["segment"], orDevice: true },
    after: "in",
    optional: true,
    summary: "Device, or its segment, on which the packets arrive",
    default: "all devices",
  },
  {
    name: "out",
    type: { kind: "ref", to: ["segment"], orDevice: true },
    after: "out",
    optional: true,
    summary: "Device, or its segment, through which the packets leave",
    default: "all devices",
  },
];

export const aclDocumentation = `An access list: the \`allow\`, \`deny\`, and \`reject\` rules of a machine are evaluated in order, and the first matching rule applies.
Packets that match no rule are allowed, unless \`input-policy\` or \`forward-policy\` is \`drop\`. Replies to an allowed connection pass, as with \`ct state established accept\`;
ICMP errors require a separate \`allow icmp\`, or \`stateful\`. A denied packet is dropped silently (DROP): the sender receives no error.

\`in\` and \`out\` alone are the direction; followed by a device or a segment, they match the interface (\`-i\`, \`-o\`):
\`deny tcp in wan port 22\` on a router matches forwarded packets that arrive on its interface on segment \`wan\`, and
\`deny tcp in in wan port 22\` matches packets to the router itself.`;

export const aclExample = `segment lan { cidr 10.0.0.0/24 }
segment dmz { cidr 10.0.1.0/24 }
router fw {
  attach lan 10.0.0.1
  attach dmz 10.0.1.1
  allow tcp port 80 443 from 10.0.0.0/24
  deny udp port 8472
  deny any in from 10.0.1.0/24
  deny icmp type 13 in lan
}
`;

export const station: readonly KeywordSpec[] = [
  {
    keyword: "attach",
    in: stations,
    args: [
      { name: "segment", type: { kind: "ref", to: ["segment"] }, summary: "The segment" },
      {
        name: "addresses",
        type: { kind: "interface-address" },
        many: true,
        optional: true,
        summary: "Own addresses, optionally with a prefix length",
        default: "the next free address of the segment, one per address family",
      },
    ],
    block: "attach",
    repeat: "many",
    summary: "An interface on a segment",
    documentation: `Interfaces are named eth0, eth1, … in the order of the \`attach\` statements. An address without a prefix length has the
length of the segment prefix that contains it. Without an address, the machine is assigned the next free host address
of the segment, in declaration order; if the segment's only router is attached without an address, it is assigned the
\`gateway\` address. In a node pool (\`nodes w 1..50\`), the address belongs to the first node, the next address to the
second node, and so on.`,
    example: `segment lan { cidr 10.0.0.0/24 }
segment storage {
  cidr 10.30.0.0/24
  mtu 9000
}
cluster prod {
  pods 10.244.0.0/16
  node n1 {
    attach lan 10.0.0.11
    attach storage 10.30.0.11 { mtu 9000 }
  }
  nodes w 1..3 { attach lan }
}
`,
  },
  {
    keyword: "mtu",
    in: ["attach"],
    args: [
      {
        name: "value",
        type: { kind: "number", min: 68, max: 65535, unit: "bytes" },
        summary: "Largest IP packet in bytes",
        default: "the segment's MTU",
      },
    ],
    repeat: "once",
    default: "the segment's MTU",
    summary: "MTU of this interface",
    documentation: `Set it if the interface's MTU differs from the segment's: for example, a node left at 1500 on a jumbo-frame segment,
or a cloud interface with 1460.`,
    example: `segment lan {
  cidr 10.0.0.0/24
  mtu 9000
}
host old {
  attach lan 10.0.0.5 { mtu 1500 }
}
`,
  },
  {
    keyword: "route",
    in: stations,
    args: [
      {
        name: "destination",
        type: { kind: "prefix", orDefault: true, orAddress: true },
        summary: "Prefix, address, or `default`",
      },
      {
        name: "via",
        type: { kind: "address" },
        after: "via",
        many: true,
        optional: true,
        summary: "Next hop; several next hops share the traffic (ECMP)",
      },
      { name: "blackhole", flag: true, summary: "Drop silently" },
      { name: "unreachable", flag: true, summary: "Reject with ICMP host unreachable" },
      { name: "prohibit", flag: true, summary: "Reject with ICMP administratively prohibited" },
      {
        name: "dev",
        type: { kind: "device" },
        after: "dev",
        optional: true,
        summary: "Device: eth0, eth1, …; without `via`, the destination is on-link there",
        default: "the device whose prefix contains the next hop",
      },
      {
        name: "metric",
        type: { kind: "number", min: 0, max: 4294967295 },
        after: "metric",
        optional: true,
        summary: "Metric; lower values are preferred",
        default: "0; for IPv6, 1024",
      },
      {
        name: "table",
        type: { kind: "routing-table" },
        after: "table",
        optional: true,
        summary: "Routing table, which a `rule` looks up",
        default: "table main",
      },
      {
        name: "src",
        type: { kind: "address" },
        after: "src",
        optional: true,
        summary: "Source address of packets that this machine sends with this route",
        default: "the first address of the device",
      },
      {
        name: "mtu",
        type: { kind: "number", min: 68, max: 65535, unit: "bytes" },
        after: "mtu",
        optional: true,
        summary: "Largest IP packet with this route, in bytes",
        default: "the MTU of the device",
      },
      { name: "onlink", flag: true, summary: "The kernel assumes that the next hop is directly connected to `dev`" },
    ],
    atLeastOneOf: ["via", "dev", "blackhole", "unreachable", "prohibit"],
    atMostOneOf: ["via", "blackhole", "unreachable", "prohibit"],
    repeat: "many",
    summary: "A static route",
    documentation: `The same as \`ip route add\`, in table main or the given \`table\`. The kernel rejects a route if its next hop is not on-link ("Nexthop has
invalid gateway"); knet reports the error and ignores the route. On nodes and hosts, a \`route default\` replaces the
default route through the segment's gateway. \`default\` is 0.0.0.0/0 or ::/0, depending on the next hop; without a next
hop, it is both.`,
    example: `segment lan { cidr 10.0.0.0/24 }
router edge {
  attach lan 10.0.0.1
  route 10.244.1.0/24 via 10.0.0.11
  route 10.244.0.0/16 blackhole metric 100
}
cluster prod {
  pods 10.244.0.0/16
  node n1 {
    attach lan 10.0.0.11
    route default via 10.0.0.1 dev eth0
  }
}
`,
  },
  {
    keyword: "allow",
    in: stations,
    args: acl("allow"),
    repeat: "many",
    summary: "Allows packets; takes precedence over a later `deny`",
    documentation: aclDocumentation,
    example: aclExample,
  },
  {
    keyword: "deny",
    in: stations,
    args: acl("drop"),
    repeat: "many",
    summary: "Drops packets (access list rule)",
    documentation: aclDocumentation,
    example: aclExample,
  },
  {
    keyword: "sysctl",
    in: stations,
    args: [
      { name: "name", type: { kind: "sysctl" }, summary: "Full sysctl name with dots" },
      {
        name: "value",
        type: { kind: "number", min: 0, max: 2 },
        summary: "Value of the sysctl",
      },
    ],
    repeat: "many",
    summary: "A sysctl that affects where packets go",
    documentation: `Supported sysctls: \`net.ipv4.ip_forward\` (or \`net.ipv4.conf.all.forwarding\`), \`net.ipv6.conf.all.forwarding\`, \`net.ipv4.conf.{all,default,DEV}.rp_filter\`
(0 off, 1 strict, 2 loose; the maximum of \`all\` and the device's value applies),
\`net.ipv4.conf.{all,default,DEV}.proxy_arp\`, \`net.ipv4.conf.{all,default,DEV}.route_localnet\`,
\`net.bridge.bridge-nf-call-iptables\`, and
\`net.bridge.bridge-nf-call-ip6tables\` (Documentation/networking/ip-sysctl.rst). A sysctl that is not set has the value
set by the kernel, the CNI plugin, or kubelet.`,
    example: `segment lan { cidr 10.0.0.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 {
    attach lan
    sysctl net.ipv4.ip_forward 0
    sysctl net.ipv4.conf.eth0.rp_filter 1
    sysctl net.bridge.bridge-nf-call-iptables 0
  }
}
`,
  },
  {
    keyword: "daemon",
    in: ["host", "node", "nodes"],
    args: [{ name: "name", type: { kind: "name" }, summary: "Name of the process" }],
    defines: "daemon",
    block: "daemon",
    repeat: "many",
    summary: "A process that runs on the machine",
    documentation: `Runs in the machine's network namespace, for example kubelet, a log collector, or sshd. Its path is the machine's path
plus the process name: \`prod/n1/kubelet\`.`,
    example: `segment lan { cidr 10.0.0.0/24 }
cluster prod {
  pods 10.244.0.0/16
  node n1 {
    attach lan
    daemon kubelet { listen 10250/tcp }
  }
}
`,
  },
];
