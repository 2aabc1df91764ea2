import type { Check } from "../check.ts";
import { plural } from "../text.ts";

const topology = (router: string, settings = ""): string => `segment lan { cidr 192.168.10.0/24; gateway tor }
router tor {
  attach lan 192.168.10.1
  ${router}
}
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni calico {
    pool default
    node-to-node-mesh false
    peer tor {
      peer-ip 192.168.10.1
      as-number 64513
    }${settings}
  }
  nodes n 1..2 { attach lan }
  pod a on n1 { listen 80/tcp }
  pod b on n2 { listen 80/tcp }
}
`;

export const bgpLoop: Check = {
  code: "KN235",
  name: "bgp-loop",
  family: "reachability",
  severity: "warning",
  summary: "Nodes discard each other's routes as AS loops.",
  documentation: `A speaker drops a path that holds its own AS number (RFC 4271 section 9.1.2). Where all nodes are in one AS and peer by eBGP with their routers, each sees its own number in
the others' paths. What a node learns no route to follows its default route, and reaches its end only where that router knows the blocks. Let the router put its own number in its place (\`as-override\`), let the nodes accept it (\`num-allowed-local-as-numbers\`), or
give each rack an AS number of its own.`,
  example: {
    bad: topology("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 }"),
    good: topology("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  impliedBy: ["KN230", "KN231", "KN232", "KN233"],
  message: ({ node, peer, pairs, as, via }) =>
    `${node} discards what ${via} tells of ${peer}: AS ${as}, its own, is in the path (${plural(Number(pairs), "such pair")} of nodes), and such packets follow the default route; use as-override on the router's peers, or num-allowed-local-as-numbers`,
};
