/** Single edits that change one thing on which results elsewhere depend; `node scripts/mutate.ts` removes such dependencies. */
import { expect, it } from "vitest";
import { typist } from "./edited.ts";

/** An edit also replaces the statements around it. */
const DISTANCE = "# -\n".repeat(12);
const APART = "\n  max-pods 50\n  dns-domain example.org\n  node-port-range 30000-31000";

/** The edit and its reversal. */
function checkEdit(text: string, from: string, to: string): void {
  const type = typist(text.replaceAll("\n", `\n${DISTANCE}`));
  for (const [a, b] of [
    [from, to],
    [to, from],
  ] as const) {
    type((now) => {
      const start = now.indexOf(a);
      expect(start).toBeGreaterThanOrEqual(0);
      return { start, end: start + a.length, text: b };
    });
  }
}

/** Two racks behind a router. */
const racks = (router: string, cluster: string): string => `segment a { cidr 10.0.0.0/24; gateway r }
segment b { cidr 10.0.1.0/24; gateway r }
router r { attach a; attach b${router} }
cluster c {
${cluster}
  node n1 { attach a }
  node n2 { attach a }
  node n3 { attach b }
  node n4 { attach b }
}
`;

const cluster = (statements: string): string => `segment a { cidr 10.0.0.0/24 }
cluster c {
${statements}
}
`;

it.each([
  [
    "whether a host forwards decides which segments are in one routing domain",
    `segment a { cidr 10.0.0.0/24 }
segment m { cidr 10.1.0.0/24 }
segment b { cidr 10.0.0.0/24 }
host h { attach a; attach m; sysctl net.ipv4.ip_forward 0 }
router r { attach m; attach b }
`,
    "ip_forward 0",
    "ip_forward 1",
  ],
  [
    "a router's interfaces decide which segments are in one routing domain",
    `segment a { cidr 10.0.0.0/24 }
segment m { cidr 10.1.0.0/24 }
segment b { cidr 10.0.0.0/24 }
router q { attach a }
router r { attach m; attach b }
`,
    "attach a }",
    "attach a; attach m }",
  ],
  [
    "the segments of a cluster's nodes decide which ranges it can reach",
    `segment a { cidr 10.0.0.0/24 }
segment b { cidr 10.1.0.0/24 }
segment x { cidr 10.244.9.0/24 }
router r { attach b; attach x }
cluster c { cni none; pods 10.244.0.0/16; node n1 { attach a } }
`,
    "node n1 { attach a }",
    "node n1 { attach b }",
  ],
  [
    "the name of a cluster in an overlap of its ranges",
    cluster("  cni none\n  pods 10.0.0.0/16\n  services 10.0.0.0/20\n  node n1 { attach a }"),
    "cluster c",
    "cluster d",
  ],
  [
    "a range of services that overlaps the range of pods",
    cluster(`  pods 10.244.0.0/16\n  cni none\n  node n1 { attach a }${APART}\n  services 10.96.0.0/24`),
    "services 10.96.0.0/24",
    "services 10.244.0.0/24",
  ],
  [
    "an access list that separates racks",
    racks("", "  cni flannel { backend host-gw }\n  pods 10.244.0.0/16"),
    "attach b }",
    "attach b; deny from 10.0.1.0/24 to 10.0.0.0/24 }",
  ],
  [
    "an access list that separates racks, below a tunnel",
    racks("", "  cni flannel\n  pods 10.244.0.0/16"),
    "attach b }",
    "attach b; deny udp from 10.0.1.0/24 to 10.0.0.11 }",
  ],
  [
    "the length of a node's range",
    cluster(
      "  cni bridge\n  node n1 { attach a; pod-cidr 10.244.0.0/24 }\n  node n2 { attach a; pod-cidr 10.244.1.0/24 }",
    ),
    "10.244.0.0/24",
    "10.244.0.0/23",
  ],
  [
    "whether a node's range is allocated",
    cluster(
      "  cni bridge\n  pods 10.244.0.0/16\n  node n1 { attach a; pod-cidr 10.244.0.0/24 }\n  node n2 { attach a }",
    ),
    "attach a; pod-cidr 10.244.0.0/24 }",
    "attach a }",
  ],
  [
    "the plugin decides which ranges nodes have",
    cluster("  cni bridge\n  pods 10.244.0.0/16\n  node n1 { attach a }\n  node n2 { attach a }\n  pod p"),
    "cni bridge",
    "cni docker",
  ],
  [
    "the plugin decides which addresses pods have",
    cluster(`  cni bridge${APART}\n  node n1 { attach a; pod-cidr 10.244.0.0/24 }\n  pod p\n  pod q`),
    "cni bridge",
    "cni none",
  ],
  [
    "the bridge of all Docker nodes",
    cluster("  cni docker\n  docker-bridge 172.18.0.1/16\n  node n1 { attach a }\n  pod p"),
    "172.18.0.1/16",
    "10.0.0.1/16",
  ],
  [
    "the bridge of one Docker node",
    cluster("  cni docker\n  node n1 { attach a; docker-bridge 172.18.0.1/16 }\n  node n2 { attach a }\n  pod p on n1"),
    "172.18.0.1/16",
    "10.0.0.1/16",
  ],
  [
    "the plugin of one node",
    cluster(
      "  cni bridge\n  pods 10.244.0.0/16\n  node n1 { attach a; cni docker }\n  node n2 { attach a }\n  pod p on n1",
    ),
    "cni docker",
    "cni bridge",
  ],
  [
    "the range of a pool decides which names of nodes are taken",
    cluster(
      "  cni bridge\n  pods 10.244.0.0/16\n  nodes w 1..2 { attach a }\n  node w3 { attach a; pod-cidr 10.9.0.0/24 }",
    ),
    "nodes w 1..2",
    "nodes w 1..3",
  ],
  [
    "the width of the numbers of a pool decides which names of nodes are taken",
    cluster(
      "  cni bridge\n  pods 10.244.0.0/16\n  nodes w 1..2 { attach a }\n  node w02 { attach a; pod-cidr 10.9.0.0/24 }",
    ),
    "nodes w 1..2",
    "nodes w 01..02",
  ],
  [
    "a configured ClusterIP is not allocated to another service",
    cluster(`  cni none
  services 10.96.0.0/29
  service one { port 80; cluster-ip 10.96.0.1 }
  service two { port 80 }`),
    "cluster-ip 10.96.0.1",
    "cluster-ip 10.96.0.2",
  ],
  [
    "a configured node port is not allocated to another service",
    cluster(`  cni none
  services 10.96.0.0/24
  node-port-range 30000-30002
  service one { type node-port; port 80; node-port 30000 }
  service two { type node-port; port 80 }`),
    "node-port 30000",
    "node-port 30001",
  ],
  [
    "the name of a cluster without nodes, in the paths of its pods",
    cluster(
      "  cni none\n  deployment web replicas 2 { listen 80; labels app=web }\n  service web { select app=web; port 80 }",
    ),
    "cluster c",
    "cluster d",
  ],
  [
    "a configured health check node port is not allocated to another service",
    cluster(`  cni none
  services 10.96.0.0/24
  node-port-range 30000-30002
  service one { type load-balancer; external-traffic-policy local; port 80; node-port 30000; health-check-node-port 30001 }
  service two { type node-port; port 80 }`),
    "health-check-node-port 30001",
    "health-check-node-port 30002",
  ],
  [
    "a health check node port is allocated only for external-traffic-policy local",
    cluster(`  cni none
  services 10.96.0.0/24
  node-port-range 30000-30002
  service one { type load-balancer; external-traffic-policy local; port 80; node-port 30000 }
  service two { type node-port; port 80 }`),
    "policy local",
    "policy cluster",
  ],
  [
    "the type of a service decides whether it has a node port",
    cluster(
      "  cni none\n  services 10.96.0.0/24\n  service one { type cluster-ip; port 80 }\n  service two { type node-port; port 80 }",
    ),
    "type cluster-ip",
    "type node-port",
  ],
  [
    "an edit inside the second service of a name",
    cluster("  cni none\n  services 10.96.0.0/24\n  service one { port 80 }\n  service one { port 81 }"),
    "port 81",
    "port 8181",
  ],
  [
    "a range of services that a service requires",
    cluster("  cni none\n  services 10.96.0.0/24\n  service one { port 80 }"),
    "services 10.96.0.0/24",
    "max-pods 50",
  ],
])("%s", (_, text, from, to) => {
  checkEdit(text, from, to);
});
