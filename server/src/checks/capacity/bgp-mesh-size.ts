import type { Check } from "../check.ts";
import { number } from "../text.ts";

const cluster = (nodes: number, mesh: string): string => `segment lan { cidr 10.0.0.0/16; gateway 10.0.0.1 }
cluster prod {
  pods 10.240.0.0/13
  services 10.96.0.0/12
  cni calico${mesh}
  nodes w 1..${nodes} { attach lan }
}
`;

export const bgpMeshSize: Check = {
  code: "KN421",
  name: "bgp-mesh-size",
  family: "capacity",
  severity: "warning",
  summary: "A full BGP mesh has too many sessions.",
  documentation: `In the node-to-node mesh each of N nodes has N−1 sessions, N·(N−1)/2 in all: 4,950 for 100 nodes, 499,500 for 1,000. Above about 100 nodes BIRD's memory, reconnections after a
restart and each change of a route become noticeable. Switch it off and make a few nodes route reflectors, or peer with the racks' routers.`,
  example: {
    bad: cluster(150, ""),
    good: cluster(100, ""),
  },
  message: ({ cluster: name, nodes, sessions, each }) =>
    `the full mesh of cluster ${name} has ${number(Number(sessions))} BGP sessions between ${number(Number(nodes))} nodes, ${number(Number(each))} on each; above about 100 nodes switch it off and use route reflectors`,
};
