/** Policy routing and the firewall of routers, hosts, and nodes, and filters of segments. */
import { acl, aclDocumentation, aclMatches, aclProtocols, stations } from "./station.ts";
import type { ArgSpec, EnumValue, KeywordSpec } from "./types.ts";

const multihomed = `segment lan { cidr 10.0.0.0/24 }
segment storage { cidr 10.30.0.0/24 }
router core {
  attach lan 10.0.0.1
  attach storage 10.30.0.1
}
host nas {
  attach lan 10.0.0.11
  attach storage 10.30.0.11
  rule from 10.30.0.11 lookup 100
  route default via 10.30.0.1 dev eth1 table 100
}
`;

const office = (statements: string): string => `segment lan { cidr 10.0.0.0/24 }
segment wan { cidr 203.0.113.0/24 }
router fw {
  attach lan 10.0.0.1
  attach wan 203.0.113.1
  ${statements}
}
host web {
  attach lan 10.0.0.11
  listen 443
}
host client { attach wan 203.0.113.9 }
`;

/** What the sender receives; iptables-extensions(8), REJECT. */
const REPLIES: readonly EnumValue[] = [
  { value: "icmp-port-unreachable", summary: "ICMP port unreachable: ECONNREFUSED" },
  { value: "icmp-admin-prohibited", summary: "ICMP administratively prohibited: EHOSTUNREACH, over IPv6 EACCES" },
  { value: "icmp-host-prohibited", summary: "ICMP host prohibited (Red Hat's default): EHOSTUNREACH" },
  { value: "icmp-host-unreachable", summary: "ICMP host unreachable: EHOSTUNREACH" },
  { value: "icmp-net-unreachable", summary: "ICMP network unreachable: ENETUNREACH" },
  { value: "tcp-reset", summary: "TCP RST: ECONNREFUSED; only with protocol `tcp`" },
];

const policies: readonly EnumValue[] = [
  { value: "accept", summary: "Packets that match no rule pass" },
  { value: "drop", summary: "Packets that match no rule are dropped silently" },
];

const policyArgs: readonly ArgSpec[] = [
  { name: "policy", type: { kind: "enum", values: policies }, summary: "What happens to packets that match no rule" },
];

export const firewall: readonly KeywordSpec[] = [
  {
    keyword: "reject",
    in: stations,
    args: [
      {
        name: "reply",
        type: { kind: "enum", values: REPLIES },
        optional: true,
        summary: "What the sender receives",
        default: "icmp-port-unreachable",
      },
      ...acl("reject"),
    ],
    repeat: "many",
    summary: "Rejects packets: the sender receives an error",
    documentation: `${aclDocumentation}

A rejected packet is dropped, and the sender receives the reply (\`-j REJECT --reject-with …\`): a connection fails immediately
instead of after a timeout. Over IPv6, the prohibited replies are *adm-prohibited*, host unreachable is *addr-unreachable*, and
network unreachable is *no-route*.`,
    example: office(`reject tcp-reset tcp port 25 from 10.0.0.0/24
  reject icmp-admin-prohibited udp port 53 out wan`),
  },
  {
    keyword: "forward-policy",
    in: stations,
    args: policyArgs,
    repeat: "once",
    default: "accept, as in the kernel",
    summary: "Policy of filter/FORWARD: what happens to forwarded packets that match no rule",
    documentation: `\`iptables -P FORWARD DROP\` and \`ip6tables -P FORWARD DROP\`. The policy applies after all rules of the chain, including the rules of the
CNI plugin, kube-proxy, and Docker. Docker, ufw, and firewalld set it to drop. If the access list has rules for
forwarded packets, replies to allowed connections pass.`,
    example: office(`allow tcp port 443 to 10.0.0.11
  forward-policy drop`),
  },
  {
    keyword: "input-policy",
    in: stations,
    args: policyArgs,
    repeat: "once",
    default: "accept, as in the kernel",
    summary: "Policy of filter/INPUT: what happens to packets to this machine that match no rule",
    documentation: `\`iptables -P INPUT DROP\` and \`ip6tables -P INPUT DROP\`. The policy applies after all rules of the chain. If the access list has
rules for packets to the machine, replies to allowed connections pass. IPv6 requires neighbor discovery: also
\`allow icmpv6 in type 133 134 135 136\`.`,
    example: office(`allow tcp in port 22 from 10.0.0.0/24
  allow icmp in
  input-policy drop`),
  },
  {
    keyword: "stateful",
    in: stations,
    args: [
      {
        name: "enabled",
        type: { kind: "boolean" },
        optional: true,
        summary: "Whether the firewall tracks connections",
        default: "true",
      },
    ],
    repeat: "once",
    default: "not stateful",
    summary: "A stateful firewall: packets of known connections pass, others without a connection are dropped",
    documentation: `At the top of filter/INPUT and filter/FORWARD: \`-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\` and
\`-m conntrack --ctstate INVALID -j DROP\`. Replies and ICMP errors about known connections pass all other rules. A reply to
a connection that the machine has not seen is INVALID: if the request takes a path around
this machine and the reply a path through it, the connection fails.`,
    example: office(`stateful true
  allow tcp port 443 in wan to 10.0.0.11
  deny any in wan`),
  },
  {
    keyword: "clamp-mss",
    in: stations,
    args: [
      {
        name: "mss",
        type: { kind: "mss" },
        optional: true,
        summary: "Largest TCP segment in bytes, or `to-pmtu`: the MTU of the route minus the headers",
        default: "to-pmtu",
      },
    ],
    repeat: "once",
    summary: "Lowers the maximum segment size (MSS) of forwarded TCP connections",
    documentation: `\`iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\` (or \`--set-mss\`), also for IPv6. Both
ends then send segments that fit the smaller link, even if ICMP errors are lost. UDP is not affected.`,
    example: office("clamp-mss to-pmtu"),
  },
  {
    keyword: "rule",
    in: stations,
    args: [
      {
        name: "from",
        type: { kind: "prefix", orAddress: true },
        after: "from",
        optional: true,
        summary: "Source prefix",
        default: "all",
      },
      {
        name: "to",
        type: { kind: "prefix", orAddress: true },
        after: "to",
        optional: true,
        summary: "Destination prefix",
        default: "all",
      },
      {
        name: "fwmark",
        type: { kind: "mark" },
        after: "fwmark",
        optional: true,
        summary: "Packet mark, set by the rules of the CNI plugin or kube-proxy",
        default: "all",
      },
      {
        name: "iif",
        type: { kind: "ref", to: ["segment"], orDevice: true },
        after: "iif",
        optional: true,
        summary: "Device, or its segment, on which the packet arrived; `lo` for packets sent by this machine",
        default: "all devices",
      },
      {
        name: "table",
        type: { kind: "routing-table" },
        after: "lookup",
        summary: "The table to look up",
      },
      {
        name: "priority",
        type: { kind: "number", min: 1, max: 32765 },
        after: "priority",
        optional: true,
        summary: "Rules are evaluated in ascending order of priority",
        default: "before all previous rules: 32765, 32764, …",
      },
    ],
    repeat: "many",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a snippet of the editor
    snippet: "rule from ${1:address} lookup ${2:100}",
    summary: "A policy routing rule: selected packets use a separate routing table",
    documentation: `The same as \`ip rule add\`. The kernel evaluates the rules in ascending order of priority; if the table of a matching rule has no route
for the packet, the next rule applies. Table \`local\` is looked up before, table \`main\` after all rules. \`route … table N\`
adds routes to a table. On a machine with several interfaces, a rule per source address makes each reply leave through the interface
on which the request arrived.`,
    example: multihomed,
  },
  {
    keyword: "deny",
    in: ["segment"],
    args: [
      {
        name: "protocol",
        type: { kind: "enum", values: aclProtocols },
        optional: true,
        summary: "Protocol of the packets to drop",
        default: "any",
      },
      ...aclMatches,
    ],
    repeat: "many",
    summary: "Drops packets on the segment: a provider's network that does not carry a protocol or port",
    documentation: `The network drops the packets silently, regardless of sender and receiver: some clouds drop IP-in-IP, hosting
providers block UDP 8472 or TCP 25. It matches the outer header of tunnel packets. A machine's own access list is \`deny\` in its
block.`,
    example: `segment rack {
  cidr 10.0.0.0/24
  deny udp port 8472
  deny ipip
}
cluster prod {
  pods 10.244.0.0/16 per-node /24
  cni flannel { backend host-gw }
  nodes n 1..2 { attach rack }
}
`,
  },
  {
    keyword: "gateway",
    in: ["attach"],
    args: [
      {
        name: "gateway",
        type: { kind: "enum", values: [{ value: "none", summary: "No default route through this interface" }] },
        summary: "The default gateway of this interface",
      },
    ],
    repeat: "once",
    default: "the segment's gateway",
    summary: "Whether the machine uses the segment's gateway",
    documentation: `With \`gateway none\`, the machine has no default route through this interface, although the segment has a gateway. The default route is
then through the next interface whose segment has a gateway.`,
    example: `segment storage { cidr 10.30.0.0/24 }
segment lan { cidr 10.0.0.0/24 }
router core {
  attach storage 10.30.0.1
  attach lan 10.0.0.1
}
host nas {
  attach storage 10.30.0.11 { gateway none }
  attach lan 10.0.0.11
}
`,
  },
];
