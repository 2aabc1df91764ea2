import type { Check } from "../check.ts";

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

export const bgpNobody: Check = {
  code: "KN233",
  name: "bgp-nobody",
  family: "reachability",
  severity: "warning",
  summary: "Nobody who speaks BGP is where a session shall go.",
  documentation: `The address of the peer belongs to no node with BGP and no router with a \`bgp\` block in this file, or no node has the labels. If the peer is real but not part of
the file, add it as a router, so that its routes can be followed.`,
  example: {
    bad: topology(""),
    good: topology("bgp as 64513 { listen-range 192.168.10.0/24 as 64512 as-override }"),
  },
  message: ({ node, peer }) => `${node} peers with ${peer}, and nobody there speaks BGP; give that router a bgp block`,
};
