/** BGP on routers of the fabric. */
import type { KeywordSpec } from "./types.ts";

const example = `segment rack-a {
  cidr 10.0.1.0/24
  gateway tor-a
}
segment fabric { cidr 10.0.0.0/24 }
router spine {
  attach fabric 10.0.0.1
  bgp as 64600 {
    peer tor-a as 64513
    advertise 0.0.0.0/0
  }
}
router tor-a {
  attach rack-a 10.0.1.1
  attach fabric 10.0.0.11
  bgp as 64513 {
    cluster-id 10.0.0.11
    peer 10.0.0.1 as 64600 allowas-in
    peer prod/n1 as 64512 as-override
    listen-range 10.0.1.0/24 as 64513 route-reflector-client
  }
}
cluster prod {
  pods 10.244.0.0/16
  cni calico {
    node-to-node-mesh false
    pool default { ipip never }
    peer tor-a {
      node-selector rack=a
      peer-ip 10.0.1.1
      as-number 64513
    }
  }
  node n1 {
    attach rack-a 10.0.1.11
    labels rack=a
  }
}
`;

const options = [
  { name: "as-override", flag: true, summary: "The peer's AS number in paths is replaced by the router's own" },
  { name: "allowas-in", flag: true, summary: "Paths that hold the router's own AS number are accepted" },
  { name: "route-reflector-client", flag: true, summary: "iBGP routes are passed on to it (RFC 4456)" },
] as const;

const remoteAs = {
  name: "as",
  type: { kind: "number", min: 1, max: 4294967295 },
  after: "as",
  summary: "AS number of the peer",
} as const;

export const bgpRows: readonly KeywordSpec[] = [
  {
    keyword: "bgp",
    in: ["router"],
    args: [
      {
        name: "as",
        type: { kind: "number", min: 1, max: 4294967295 },
        after: "as",
        summary: "The router's AS number",
      },
    ],
    block: "bgp",
    repeat: "once",
    summary: "The router speaks BGP",
    documentation: `It learns routes from its peers and passes them on: to eBGP peers with itself as next hop, to iBGP peers what it has learned from
eBGP, and as a route reflector what it has learned from its clients. A session comes up where both ends are configured, the AS numbers fit and TCP
port 179 is open. Paths of equal length share the traffic (ECMP), up to 16. Static and connected routes are not announced, only \`advertise\`
(RFC 4271).`,
    example,
  },
  {
    keyword: "peer",
    in: ["bgp"],
    args: [
      {
        name: "peer",
        type: { kind: "ref", to: ["node", "router"], orAddress: true },
        summary: "A node, a router, or an address of one",
      },
      remoteAs,
      ...options,
    ],
    repeat: "many",
    summary: "A BGP neighbour",
    documentation: `\`as-override\` and \`allowas-in\` help where several sites have one AS number: without them each discards the other's routes as loops
(RFC 4271 section 9.1.2).`,
    example,
  },
  {
    keyword: "listen-range",
    in: ["bgp"],
    args: [
      { name: "range", type: { kind: "prefix" }, summary: "Where the neighbours' addresses lie" },
      remoteAs,
      ...options,
    ],
    repeat: "many",
    summary: "Whoever connects from this range is a neighbour",
    documentation: `Dynamic neighbours: FRR's \`bgp listen range\`. A rack needs one line, whatever nodes are in it.`,
    example,
  },
  {
    keyword: "cluster-id",
    in: ["bgp"],
    args: [
      {
        name: "value",
        type: { kind: "address" },
        summary: "Cluster ID, written as an IPv4 address",
        default: "the router's first address",
      },
    ],
    repeat: "once",
    default: "the router's first address",
    summary: "Cluster ID as a route reflector",
    documentation: `Route reflectors with the same ID do not pass on each other's routes (RFC 4456).`,
    example,
  },
  {
    keyword: "advertise",
    in: ["bgp"],
    args: [
      {
        name: "prefixes",
        type: { kind: "prefix" },
        many: true,
        summary: "Prefixes that the router announces as its own",
      },
    ],
    repeat: "many",
    summary: "Announces prefixes",
    documentation: `\`network\` of FRR, without asking whether the router has such a route: 0.0.0.0/0 for a default route, a data centre's range.`,
    example,
  },
];
