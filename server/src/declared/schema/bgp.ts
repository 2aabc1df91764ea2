/** BGP on the routers of the fabric. */
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
  { name: "as-override", flag: true, summary: "Replaces the peer's AS number in AS paths with the router's own" },
  { name: "allowas-in", flag: true, summary: "Accepts AS paths that contain the router's own AS number" },
  { name: "route-reflector-client", flag: true, summary: "Forwards iBGP routes to this peer (RFC 4456)" },
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
        summary: "AS number of the router",
      },
    ],
    block: "bgp",
    repeat: "once",
    summary: "Enables BGP on the router",
    documentation: `The router learns routes from its peers and forwards them: to eBGP peers, with itself as the next hop unless they are on
the subnet of the next hop; to iBGP peers, the routes learned from eBGP; as a route reflector, also the routes learned
from its clients. A session is established if both peers are configured, the AS numbers match, TCP port 179 is allowed,
and both have a route to the other; an eBGP peer must be on one of the router's subnets. Paths of equal length share the
traffic (ECMP), up to 16; the router advertises only the one from the peer with the lowest router ID, which is the highest
loopback or interface address. Static and connected routes are not advertised, only the prefixes in \`advertise\`
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
        summary: "A node or router, or one of its addresses",
      },
      remoteAs,
      ...options,
    ],
    repeat: "many",
    summary: "A BGP neighbor",
    documentation: `If several sites share an AS number, set \`as-override\` or \`allowas-in\`: otherwise, each site rejects the routes of the
other sites as AS path loops (RFC 4271 section 9.1.2).`,
    example,
  },
  {
    keyword: "listen-range",
    in: ["bgp"],
    args: [
      { name: "range", type: { kind: "prefix" }, summary: "Address range of the neighbors" },
      remoteAs,
      ...options,
    ],
    repeat: "many",
    summary: "Accepts BGP sessions from any address in this range",
    documentation: `Dynamic neighbors (FRR's \`bgp listen range\`): one line covers all nodes of a rack.`,
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
    summary: "Cluster ID of the router as a route reflector",
    documentation: "Route reflectors with the same cluster ID do not exchange routes with each other (RFC 4456).",
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
        summary: "Prefixes that the router advertises as its own",
      },
    ],
    repeat: "many",
    summary: "Advertises prefixes",
    documentation: `Same as FRR's \`network\`, but without checking that the route exists: use 0.0.0.0/0 for a default route, or a data
center range.`,
    example,
  },
];
