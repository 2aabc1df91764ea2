import { describe, expect, it } from "vitest";
import { problemsOf, topologyOf } from "./print.ts";

const inCluster = (statements: string): string => `segment lan { cidr 10.0.0.0/24 }
cluster c {
${statements.includes("cni") ? "" : "  cni bridge\n"}${statements}
}
`;

describe("problems", () => {
  it.each([
    [
      "unknown names, with the most similar one",
      `segment rack-a { cidr 10.0.0.0/24; gateway tro }
router tor { attach rack-a }
host h { attach rack-b }
host g { attach nowhere }
${inCluster("  pods 10.244.0.0/16\n  node n1 { attach lan }\n  pod p on n2")}
expect h -> c/n3 reachable
expect h -> g via nobody
`,
    ],
    [
      "duplicate names",
      `segment lan { cidr 10.0.0.0/24 }
segment lan { cidr 10.0.1.0/24 }
router a
host a
cluster c {
  pods 10.244.0.0/16
  nodes n 1..3
  node n2
  pod p { container x; container x }
  deployment p replicas 2
  node m { daemon d; daemon d }
}
cluster c {}
`,
    ],
    ["a path with several meanings", `cluster a { node n }\ncluster b { node n }\nhost h\nexpect h -> n reachable\n`],
    [
      "addresses outside the segment",
      `segment lan { cidr [10.0.0.0/24 fd00::/64] }
host h { attach lan 10.0.1.7 fd00::7 }
cluster c { pods 10.244.0.0/16; nodes n 1..20 { attach lan 10.0.0.250 } }
`,
    ],
    [
      "a full segment",
      `segment lan { cidr 10.0.0.0/30 }\nrouter r { attach lan }\nhost a { attach lan }\nhost b { attach lan }\nhost c { attach lan }\n`,
    ],
    ["a gateway that is not attached", "segment lan { cidr 10.0.0.0/24; gateway r }\nrouter r\n"],
    ["a next hop of a different family", "host h { route 10.0.0.0/8 via fd00::1 }\n"],
    [
      "pods and ranges outside their ranges",
      inCluster(`  pods 10.244.0.0/16
  node n1 { pod-cidr 10.1.0.0/24 }
  node n2
  pod p on n2 { address 10.244.9.9 }
  pod q { address 10.244.0.9 }`),
    ],
    ["no range left for a node", inCluster("  pods 10.244.0.0/23\n  nodes n 1..5")],
    [
      "no address left on a node",
      inCluster("  pods 10.244.0.0/16 per-node /29\n  nodes n 1..3\n  deployment d replicas 17"),
    ],
    ["no range at all", inCluster("  cni flannel\n  node n1\n  pod p")],
    ["a prefix length that the family does not have", inCluster("  pods 10.244.0.0/16 per-node /64\n  node n1")],
    ["too many nodes", inCluster("  pods 10.0.0.0/8\n  nodes a 1..60000\n  nodes b 1..60000")],
  ])("%s", (_, text) => {
    expect(`\n${problemsOf(text).join("\n")}\n`).toMatchSnapshot();
  });
});

describe("invalid files", () => {
  it.each([
    "segment",
    "segment lan",
    "segment lan { cidr }",
    "segment lan { cidr 10.0.0.0/33 }\nhost h { attach lan }",
    "router { attach }",
    "cluster {",
    "cluster c { node { attach } pods; pod on; deployment d; nodes w 9..1; nodes v 1..4000000000 }",
    "cluster c { pods 10.0.0.0/8 per-node /4; node n; pod p }",
    "cluster c { cni { vni } ; node n { cni flannel { backend } } }",
    "expect -> :80 reachable",
    "expect a ->",
    "host h { route default; route default via; route via x }",
    "segment s { cidr 255.255.255.255/32 }\nhost h { attach s }\nhost g { attach s }",
    "segment s { cidr ::/0 }\nhost h { attach s }",
    "cluster c { pods 0.0.0.0/0 per-node /32; services ::/0; node n; pod p { address 255.255.255.255 } }",
    "cluster c { pods 10.0.0.0/8; deployment d replicas 0; daemonset e; pod p }",
  ])("still result in a topology: %s", (text) => {
    const topology = topologyOf(text);
    for (const cluster of topology.clusters) {
      for (const node of cluster.nodes) expect([...cluster.pods.podsOn(node)].length).toBe(cluster.pods.countOn(node));
    }
  });
});
