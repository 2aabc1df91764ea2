/** BGP's rules (RFC 4271, RFC 4456) as routes of nodes and routers, and classes of speakers compared with single speakers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printRoutes } from "../../../server/src/dataplane/print.ts";
import { check, shown, type World, world } from "../checks/harness.ts";

function routes({ network }: World, id: string): string[] {
  const netns = network.netns(id);
  if (!netns) throw new Error(`no ${id}`);
  return printRoutes(netns, 4).filter((line) => !/proto kernel|scope link|^blackhole|^default via/.test(line));
}
const errors = (text: string) => check(text).filter(({ finding }) => finding.severity === "error");

/** Three nodes on one segment; n0 can be a route reflector. */
const reflected = (clusterId: string) => `segment lan { cidr 10.0.0.0/24; gateway r }
router r { attach lan 10.0.0.1 }
cluster c {
  pods 10.10.0.0/16
  cni calico { pool p; node-to-node-mesh false; peer rr { peer-selector rr=true } }
  node n0 { attach lan 10.0.0.10; labels rr=true; ${clusterId} }
  nodes n 1..2 { attach lan 10.0.0.11 }
  deployment web replicas 3
}
`;

describe("iBGP", () => {
  it("reaches all nodes through a route reflector, with the nodes themselves as next hops", () => {
    const text = reflected("cni calico { route-reflector-cluster-id 244.0.0.1 }");
    expect(errors(text).map(shown)).toEqual([]);
    const found = world(text);
    expect(routes(found, "c/n1")).toEqual([
      "10.10.0.0/26 via 10.0.0.10 dev eth0 proto bird",
      "10.10.0.128/26 via 10.0.0.12 dev eth0 proto bird",
    ]);
    expect(routes(found, "c/n0")).toEqual([
      "10.10.0.64/26 via 10.0.0.11 dev eth0 proto bird",
      "10.10.0.128/26 via 10.0.0.12 dev eth0 proto bird",
    ]);
  });

  it("is not passed on without a route reflector", () => {
    const found = world(reflected(""));
    expect(routes(found, "c/n1")).toEqual(["10.10.0.0/26 via 10.0.0.10 dev eth0 proto bird"]);
    expect(routes(found, "c/n0")).toHaveLength(2);
    expect(errors(reflected("")).map(({ code }) => code)).toEqual(["KN234"]);
  });

  it("excludes reflectors from the mesh", () => {
    const found = world(
      reflected("cni calico { route-reflector-cluster-id 244.0.0.1 }")
        .replace("node-to-node-mesh false", "node-to-node-mesh true")
        .replace("; peer rr { peer-selector rr=true }", ""),
    );
    expect(routes(found, "c/n1")).toEqual(["10.10.0.128/26 via 10.0.0.12 dev eth0 proto bird"]);
    expect(routes(found, "c/n0")).toEqual([]);
  });

  it("in a mesh of two ASes is eBGP, each with itself as next hop", () => {
    const found = world(reflected("cni calico { as-number 64999 }").replace("node-to-node-mesh false", "backend bird"));
    expect(routes(found, "c/n1")).toEqual([
      "10.10.0.0/26 via 10.0.0.10 dev eth0 proto bird",
      "10.10.0.128/26 via 10.0.0.12 dev eth0 proto bird",
    ]);
    expect(
      errors(reflected("cni calico { as-number 64999 }").replace("node-to-node-mesh false", "backend bird")),
    ).toEqual([]);
  });
});

/** Two racks, each with a router; a fabric segment connects the routers. */
const racks = (options: { peer?: string; node?: string; fabric?: string; as?: readonly [string, string] } = {}) => {
  const { peer = "as-override", node = "", fabric = "", as = ["", ""] } = options;
  const rack = (
    name: string,
    n: number,
    own: string,
  ) => `segment rack-${name} { cidr 10.0.${n}.0/24; gateway tor-${name} }
router tor-${name} {
  attach rack-${name} 10.0.${n}.1
  attach fabric 10.0.0.${n}
  bgp as 6460${n} {
    listen-range 10.0.${n}.0/24 as ${own === "" ? "64512" : own} ${peer}
    peer 10.0.0.${3 - n} as 6460${3 - n}
    advertise 10.0.${n}.0/24
    ${fabric}
  }
}
`;
  return `segment fabric { cidr 10.0.0.0/24 }
${rack("a", 1, as[0])}${rack("b", 2, as[1])}cluster c {
  pods 10.10.0.0/16
  cni calico {
    pool p
    node-to-node-mesh false
    peer a { node-selector rack=a; peer-ip 10.0.1.1; as-number 64601; ${node} }
    peer b { node-selector rack=b; peer-ip 10.0.2.1; as-number 64602; ${node} }
  }
  node a1 { attach rack-a 10.0.1.11; labels rack=a; cni calico { ${as[0] === "" ? "" : `as-number ${as[0]}`} } }
  node a2 { attach rack-a 10.0.1.12; labels rack=a; cni calico { ${as[0] === "" ? "" : `as-number ${as[0]}`} } }
  node b1 { attach rack-b 10.0.2.11; labels rack=b; cni calico { ${as[1] === "" ? "" : `as-number ${as[1]}`} } }
  deployment web replicas 3
}
expect web-0 -> web-2 reachable
expect web-0 -> web-1 reachable
`;
};

describe("eBGP", () => {
  it.each([
    ["as-override", {}],
    ["allowed own numbers", { peer: "", node: "num-allowed-local-as-numbers 1" }],
  ])("works between racks of one AS with %s", (_, options) => {
    const text = racks(options);
    expect(errors(text).map(shown)).toEqual([]);
    const found = world(text);
    expect(routes(found, "tor-a").filter((line) => line.startsWith("10.10"))).toEqual([
      "10.10.0.0/26 via 10.0.1.11 dev eth0 proto bgp metric 20",
      "10.10.0.64/26 via 10.0.1.12 dev eth0 proto bgp metric 20",
      "10.10.0.128/26 via 10.0.0.2 dev eth1 proto bgp metric 20",
    ]);
    // The router and both nodes are on one subnet: the next hop of a route within the rack is the node itself.
    expect(routes(found, "c/a1").filter((line) => line.startsWith("10.10"))).toEqual([
      "10.10.0.64/26 via 10.0.1.12 dev eth0 proto bird",
      "10.10.0.128/26 via 10.0.1.1 dev eth0 proto bird",
    ]);
  });

  it("rejects loops otherwise", () => {
    // The routers have routes to all blocks, so packets still arrive through the default route.
    expect(check(racks({ peer: "" })).map(({ code }) => code)).toEqual(["KN235"]);
    expect(routes(world(racks({ peer: "" })), "c/a1").filter((line) => line.startsWith("10.10"))).toEqual([]);
  });

  it("needs no option between racks with their own AS, but within one AS", () => {
    const text = racks({ peer: "", as: ["65001", "65002"] });
    const found = world(text);
    expect(routes(found, "c/a1").filter((line) => line.startsWith("10.10"))).toEqual([
      "10.10.0.128/26 via 10.0.1.1 dev eth0 proto bird",
    ]);
  });

  it("uses the shortest path, and several paths of the same length", () => {
    const line = (fabric: string, more: string) => `segment far { cidr 10.9.0.0/24 }
segment low { cidr 10.0.4.0/24 }
segment high { cidr 10.0.5.0/24 }
router left { attach low 10.0.4.1; attach high 10.0.5.1; bgp as 65001 { peer right as 65002; peer origin as 65004; peer top as 65005 } }
router right { attach low 10.0.4.2; attach high 10.0.5.2; bgp as 65002 { peer left as 65001; peer origin as 65004; peer top as 65005 } }
router origin { attach low 10.0.4.4; attach high 10.0.5.4; bgp as 65004 { peer left as 65001; peer right as 65002; ${fabric} advertise 10.9.0.0/24 } }
router top { attach high 10.0.5.5; bgp as 65005 { peer left as 65001; peer right as 65002; ${more} } }
`;
    expect(routes(world(line("", "")), "top")).toEqual([
      "10.9.0.0/24 proto bgp metric 20",
      "\tnexthop via 10.0.5.1 dev eth0 weight 1",
      "\tnexthop via 10.0.5.2 dev eth0 weight 1",
    ]);
    expect(routes(world(line("peer top as 65005;", "peer origin as 65004")), "top")).toEqual([
      "10.9.0.0/24 via 10.0.5.4 dev eth0 proto bgp metric 20",
    ]);
  });
});

describe("sessions", () => {
  const blocked = (
    rule: string,
    settings = "pool p { ipip always }; program-routes bird",
  ) => `segment a { cidr 10.0.1.0/24; gateway r }
segment b { cidr 10.0.2.0/24; gateway r }
router r { attach a 10.0.1.1; attach b 10.0.2.1; ${rule} }
cluster c {
  pods 10.10.0.0/16
  cni calico { ${settings} }
  node a1 { attach a 10.0.1.11 }
  node a2 { attach a 10.0.1.12 }
  node b1 { attach b 10.0.2.11 }
  deployment web replicas 3
}
`;
  it.each([
    ["deny tcp port 179", ["KN232"], 1],
    ["deny tcp port 179 from 10.0.1.0/24", [], 2],
    ["deny tcp port 179 from 10.0.1.11; deny tcp port 179 to 10.0.1.11", ["KN232"], 1],
    ["allow tcp port 179; deny tcp", [], 2],
  ])("with %s", (rule, codes, count) => {
    expect([...new Set(errors(blocked(rule)).map(({ code }) => code))]).toEqual(codes);
    expect(routes(world(blocked(rule)), "c/a1")).toHaveLength(count);
  });

  it("matter only if BIRD creates the routes", () => {
    expect(routes(world(blocked("deny tcp port 179", "pool p { ipip always }")), "c/a1")).toHaveLength(2);
  });
});

/* ------------------------------------------------- two ways to one answer */

interface Plan {
  readonly nodes: readonly { readonly rack: number; readonly reflector: boolean; readonly as: number }[];
  readonly mesh: boolean;
  readonly peers: readonly ("reflectors" | "rack" | "node")[];
  readonly override: boolean;
}
const plans: fc.Arbitrary<Plan> = fc.record({
  nodes: fc.array(
    fc.record({ rack: fc.nat(2), reflector: fc.boolean(), as: fc.constantFrom(64512, 64512, 64512, 65000) }),
    { minLength: 2, maxLength: 7 },
  ),
  mesh: fc.boolean(),
  peers: fc.uniqueArray(fc.constantFrom("reflectors", "rack", "node"), { maxLength: 3 }),
  override: fc.boolean(),
});

/**
 * `single`: an access list on each node that has no effect except making it a separate class.
 *
 * With `as-override`, the routes to the racks are static. If they were BGP routes, BIRD could not resolve next hops through
 * them, and two states would be stable: a node uses the ToR's route to a block, or the ToR uses the node's.
 */
function textOf({ nodes, mesh, peers, override }: Plan, single: boolean): string {
  const lines = ["segment fabric { cidr 10.0.100.0/24 }"];
  for (let rack = 0; rack < 3; rack++) {
    lines.push(
      `segment rack-${rack} { cidr 10.0.${rack}.0/24; gateway tor-${rack} }`,
      `router tor-${rack} { attach rack-${rack} 10.0.${rack}.1; attach fabric 10.0.100.${rack + 1}`,
      ...(override ? others(rack).map((other) => `  route 10.0.${other}.0/24 via 10.0.100.${other + 1}`) : []),
      `  bgp as ${64600 + rack} { listen-range 10.0.${rack}.0/24 as 64512 ${override ? "as-override" : `; advertise 10.0.${rack}.0/24`}`,
      ...others(rack).map((other) => `    peer tor-${other} as ${64600 + other}`),
      "  } }",
    );
  }
  lines.push("cluster c {", "  pods 10.10.0.0/16", `  cni calico { pool p; node-to-node-mesh ${mesh}`);
  if (peers.includes("reflectors")) lines.push("    peer rr { peer-selector rr=true }");
  if (peers.includes("node")) lines.push("    peer one { node n0; peer-ip 10.0.1.1; as-number 64601 }");
  if (peers.includes("rack")) {
    for (let rack = 0; rack < 3; rack++)
      lines.push(
        `    peer tor-${rack} { node-selector rack=${rack}; peer-ip 10.0.${rack}.1; as-number ${64600 + rack} }`,
      );
  }
  lines.push("  }");
  nodes.forEach(({ rack, reflector, as }, i) => {
    lines.push(
      `  node n${i} { attach rack-${rack} 10.0.${rack}.${10 + i}; labels rack=${rack} rr=${reflector}`,
      `    ${single ? `deny udp port ${10000 + i}` : ""}`,
      `    cni calico { as-number ${as}; ${reflector ? "route-reflector-cluster-id 244.0.0.1" : ""} }`,
      "  }",
    );
  });
  return `${[...lines, "}"].join("\n")}\n`;
}

function others(rack: number): readonly number[] {
  return [0, 1, 2].filter((other) => other !== rack);
}

describe("classes of speakers", () => {
  it("learn the same routes as each single speaker", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const [together, apart] = [world(textOf(plan, false)), world(textOf(plan, true))];
        for (const id of ["tor-0", "tor-1", "tor-2", ...plan.nodes.map((_, i) => `c/n${i}`)]) {
          expect(sorted(routes(together, id)), id).toEqual(sorted(routes(apart, id)));
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** Next hops of one route are in the order in which they were learned. */
function sorted(lines: readonly string[]): string[] {
  const groups: string[][] = [];
  for (const line of lines) {
    if (line.startsWith("\t")) groups.at(-1)?.push(line);
    else groups.push([line]);
  }
  return groups.flatMap(([first = "", ...hops]) => [first, ...hops.sort()]);
}
