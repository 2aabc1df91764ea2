/** What routers, hosts and nodes do at the edge of a network: addresses of their own, NAT, the world behind them. */
import type { KeywordSpec } from "./types.ts";

const stations = ["router", "host", "node"];

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
        summary: "Addresses of the machine that belong to no segment",
      },
    ],
    repeat: "many",
    summary: "Addresses on the loopback device",
    documentation: `A router's identity, a virtual address, an anycast address that several machines have on purpose. The machine takes packets for it
and answers ARP for it on its segments (\`arp_ignore\` is 0), but others need a route to it.`,
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
        name: "out",
        type: { kind: "ref", to: ["segment"] },
        after: "out",
        optional: true,
        summary: "Only packets that leave to this segment",
        default: "all but the loopback device",
      },
    ],
    repeat: "many",
    summary: "Source NAT: packets leave with this machine's own address",
    documentation: `\`iptables -t nat -A POSTROUTING -s … -o … -j MASQUERADE\`. The replies come back to this machine, which sends them on to the first sender.
What the receiver sees, and what its firewall has to allow, is this machine.`,
    example: edgeExample,
  },
  {
    keyword: "port-forward",
    in: stations,
    args: [
      {
        name: "port",
        type: { kind: "ports", protocol: true, range: false },
        summary: "Port on this machine's addresses; tcp where no protocol is written",
      },
      { name: "to", type: { kind: "address" }, after: "->", summary: "Where the packets go" },
      {
        name: "to-port",
        type: { kind: "number", min: 1, max: 65535 },
        after: "port",
        optional: true,
        summary: "Port there",
        default: "the same",
      },
      {
        name: "in",
        type: { kind: "ref", to: ["segment"] },
        after: "in",
        optional: true,
        summary: "Only packets that come from this segment",
        default: "all",
      },
    ],
    repeat: "many",
    summary: "Destination NAT: a port of this machine leads to another one",
    documentation: `\`iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport … -j DNAT --to-destination …\`. The receiver sees the client's
own address, and its answers have to come back by this machine.`,
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
            { value: "own", summary: "Only its own addresses" },
            { value: "any", summary: "Every address that a packet reaches it with" },
          ],
        },
        summary: "Which addresses are this host",
      },
    ],
    repeat: "once",
    default: "only its own addresses",
    summary: "Whether the host stands for everybody behind it",
    documentation: `\`answers any\` makes a host that stands for the Internet or for a company's network: packets to whatever address reach it and are answered from
that address (as by \`iptables -t nat -A PREROUTING -m addrtype ! --dst-type LOCAL -j DNAT\` to its own). It has no default
route, and so no way back to private addresses: give the network a \`masquerade\`, or this host a route.`,
    example: edgeExample,
  },
];
