/** The edge of a network: additional addresses and NAT of routers, hosts, and nodes, and hosts that represent the internet. */
import type { KeywordSpec } from "./types.ts";

const stations = ["router", "host", "node", "nodes"];

const edgeExample = `segment office { cidr 192.168.1.0/24 }
segment wan { cidr 203.0.113.0/24 }
router edge {
  attach office 192.168.1.1
  attach wan 203.0.113.2
  route default via 203.0.113.1
  masquerade from 192.168.1.0/24 out wan
  port-forward 443/tcp -> 192.168.1.20 port 8443 in wan
}
host web {
  attach office 192.168.1.20
  listen 8443/tcp
}
host internet {
  attach wan 203.0.113.1
  answers any
  listen 53/udp 80 443
}
`;

export const edge: readonly KeywordSpec[] = [
  {
    keyword: "loopback",
    in: stations,
    args: [
      {
        name: "addresses",
        type: { kind: "address" },
        many: true,
        summary: "Addresses of the machine that are not on a segment",
      },
    ],
    repeat: "many",
    summary: "Addresses on the loopback device",
    documentation: `For a router ID, a virtual IP, or an anycast address that several machines share on purpose. The machine accepts
packets to the address and replies to ARP for it on its segments (\`arp_ignore\` is 0), but other machines need a route
to it. In a node pool, the address belongs to the first node, the next address to the second node, and so on.`,
    example: `segment lan { cidr 10.0.0.0/24 }
router r {
  attach lan 10.0.0.1
  route 10.53.53.53/32 via 10.0.0.11
}
host dns {
  attach lan 10.0.0.11
  loopback 10.53.53.53
  listen 53/udp
}
`,
  },
  {
    keyword: "masquerade",
    in: stations,
    args: [
      {
        name: "from",
        type: { kind: "prefix", orAddress: true },
        after: "from",
        many: true,
        optional: true,
        summary: "Only packets from these sources",
        default: "all",
      },
      {
        name: "to",
        type: { kind: "prefix", orAddress: true },
        after: "to",
        many: true,
        optional: true,
        summary: "Only packets to these destinations",
        default: "all",
      },
      {
        name: "out",
        type: { kind: "ref", to: ["segment"] },
        after: "out",
        optional: true,
        summary: "Only packets that leave through this segment",
        default: "all except the loopback device",
      },
    ],
    repeat: "many",
    summary: "Source NAT: packets leave with this machine's address",
    documentation: `\`iptables -t nat -A POSTROUTING -s … -d … -o … -j MASQUERADE\`. Replies return to this machine, which forwards them to the
original source. The receiver sees this machine's address, so a firewall at the receiver must allow this address.`,
    example: edgeExample,
  },
  {
    keyword: "port-forward",
    in: stations,
    args: [
      {
        name: "port",
        type: { kind: "ports", protocol: true, range: false },
        summary: "Port on this machine's addresses; tcp by default",
      },
      { name: "to", type: { kind: "address" }, after: "->", summary: "Destination of the packets" },
      {
        name: "to-port",
        type: { kind: "number", min: 1, max: 65535 },
        after: "port",
        optional: true,
        summary: "Port at the destination",
        default: "the same port",
      },
      {
        name: "in",
        type: { kind: "ref", to: ["segment"] },
        after: "in",
        optional: true,
        summary: "Only packets that arrive from this segment",
        default: "all",
      },
    ],
    repeat: "many",
    summary: "Destination NAT: forwards a port of this machine to another machine",
    documentation: `\`iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport … -j DNAT --to-destination …\`. The receiver
sees the client's address, so its replies must return through this machine.`,
    example: edgeExample,
  },
  {
    keyword: "answers",
    in: ["host"],
    args: [
      {
        name: "addresses",
        type: {
          kind: "enum",
          values: [
            { value: "own", summary: "Its own addresses only" },
            { value: "any", summary: "Any address (accepts every packet)" },
          ],
        },
        summary: "Addresses that this host accepts packets for",
      },
    ],
    repeat: "once",
    default: "only its own addresses",
    summary: "Whether the host accepts packets to any address (to represent, for example, the internet)",
    documentation: `With \`answers any\`, the host represents the internet or a company network: it accepts packets to any address and
replies from that address, as if \`iptables -t nat -A PREROUTING -m addrtype ! --dst-type LOCAL -j DNAT\` rewrote them
to its own address. The host has no default route and therefore no route back to private addresses: configure
\`masquerade\` at the network edge, or add a \`route\` to this host.`,
    example: edgeExample,
  },
];
