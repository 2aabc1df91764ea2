/** BGP as real BIRD daemons do it (test/programs/bird): each topology is one on which knet's routes were different. */
import { describe, expect, it } from "vitest";
import { printRoutes } from "../../../server/src/dataplane/print.ts";
import { check, shown, world } from "../checks/harness.ts";

function learned(text: string, id: string): string[] {
  const netns = world(text).network.netns(id);
  if (!netns) throw new Error(`no ${id}`);
  return printRoutes(netns, 4).filter(
    (line) => /proto (bgp|bird)|^\tnexthop/.test(line) && !line.startsWith("blackhole"),
  );
}

const findings = (text: string): string[] => check(text).map(shown);

describe("next hops", () => {
  const lan = (more: string) => `segment lan { cidr 10.0.0.0/24 }
segment inner { cidr 10.5.0.0/24 }
router a { attach lan 10.0.0.1; bgp as 65001 { peer b as 65002; advertise 172.16.0.0/24 } }
router b { attach lan 10.0.0.2; attach inner 10.5.0.2; ${more} }
router c { attach lan 10.0.0.3; bgp as 65003 { peer b as 65002 } }
`;
  it("remain between two eBGP peers on one subnet", () => {
    expect(learned(lan("bgp as 65002 { peer a as 65001; peer c as 65003 }"), "c")).toEqual([
      "172.16.0.0/24 via 10.0.0.1 dev eth0 proto bgp metric 20",
    ]);
  });

  it("of an iBGP route are the gateway on the subnet of an eBGP peer", () => {
    const text = `segment lan { cidr 10.0.0.0/24 }
segment inner { cidr 10.5.0.0/24 }
router a { attach lan 10.0.0.1; bgp as 65002 { peer b as 65002; advertise 172.16.0.0/24 } }
router b { attach lan 10.0.0.2; bgp as 65002 { peer a as 65002; peer c as 65003 } }
router c { attach lan 10.0.0.3; bgp as 65003 { peer b as 65002 } }
`;
    expect(learned(text, "c")).toEqual(["172.16.0.0/24 via 10.0.0.1 dev eth0 proto bgp metric 20"]);
  });

  it("of an iBGP peer that is not beside the router are found through routes of BGP", () => {
    const text = `segment one { cidr 10.1.0.0/24 }
segment two { cidr 10.2.0.0/24 }
router a { attach one 10.1.0.1; bgp as 65001 { peer b as 65001 route-reflector-client } }
router b { attach one 10.1.0.2; attach two 10.2.0.2; bgp as 65001 { peer a as 65001 route-reflector-client; peer c as 65001 route-reflector-client; advertise 10.2.0.0/24 } }
router c { attach two 10.2.0.3; bgp as 65001 { peer b as 65001; advertise 172.16.0.0/24 } }
`;
    expect(learned(text, "a")).toEqual([
      "10.2.0.0/24 via 10.1.0.2 dev eth0 proto bgp metric 20",
      "172.16.0.0/24 via 10.1.0.2 dev eth0 proto bgp metric 20",
    ]);
  });
});

describe("a router with several equal routes", () => {
  const fabric = (option: string) => `segment up { cidr 10.1.0.0/24 }
segment down { cidr 10.2.0.0/24 }
router e1 { attach up 10.1.0.1; bgp as 65010 { peer m as 65001; advertise 172.16.0.0/24 } }
router e2 { attach up 10.1.0.2; bgp as 65010 { peer m as 65001; advertise 172.16.0.0/24 } }
router m { attach up 10.1.0.5; attach down 10.2.0.5; bgp as 65001 { peer e1 as 65010; peer e2 as 65010; peer r as 65001 ${option} } }
router r { attach down 10.2.0.6; route 10.1.0.0/24 via 10.2.0.5; bgp as 65001 { peer m as 65001 } }
`;
  it("uses all of them", () => {
    expect(learned(fabric(""), "m")).toEqual([
      "172.16.0.0/24 proto bgp metric 20",
      "\tnexthop via 10.1.0.1 dev eth0 weight 1",
      "\tnexthop via 10.1.0.2 dev eth0 weight 1",
    ]);
  });

  it("advertises the one from the lowest router ID", () => {
    const text = `segment up { cidr 10.1.0.0/24 }
segment side { cidr 10.3.0.0/24 }
segment down { cidr 10.2.0.0/24 }
router e1 { attach up 10.1.0.1; bgp as 65010 { peer m as 65001; advertise 172.16.0.0/24 } }
router e2 { attach side 10.3.0.2; bgp as 65010 { peer m as 65001; advertise 172.16.0.0/24 } }
router m { attach up 10.1.0.5; attach side 10.3.0.5; attach down 10.2.0.5; bgp as 65001 { peer e1 as 65010; peer e2 as 65010; peer r as 65001 } }
router left { attach up 10.1.0.8; attach down 10.2.0.8 }
router right { attach side 10.3.0.9; attach down 10.2.0.9 }
router r { attach down 10.2.0.6; route 10.1.0.0/24 via 10.2.0.8; route 10.3.0.0/24 via 10.2.0.9; bgp as 65001 { peer m as 65001 } }
`;
    expect(learned(text, "r")).toEqual(["172.16.0.0/24 via 10.2.0.8 dev eth0 proto bgp metric 20"]);
  });
});

/** Two racks of one AS; the mesh and the rack routers, which advertise the racks' subnets. */
const racks = (options: { mesh: boolean; subnets: boolean }) => {
  const rack = (name: string, n: number) => `segment rack-${name} { cidr 10.0.${n}.0/24; gateway tor-${name} }
router tor-${name} {
  attach rack-${name} 10.0.${n}.1
  attach fabric 10.0.0.${n}
  route 10.0.${3 - n}.0/24 via 10.0.0.${3 - n}
  bgp as 6460${n} {
    listen-range 10.0.${n}.0/24 as 64512
    peer 10.0.0.${3 - n} as 6460${3 - n}
    ${options.subnets ? `advertise 10.0.${n}.0/24` : ""}
  }
}
`;
  return `segment fabric { cidr 10.0.0.0/24 }
${rack("a", 1)}${rack("b", 2)}cluster c {
  pods 10.10.0.0/16
  cni calico {
    pool p
    node-to-node-mesh ${options.mesh}
    peer a { node-selector rack=a; peer-ip 10.0.1.1; as-number 64601 }
    peer b { node-selector rack=b; peer-ip 10.0.2.1; as-number 64602 }
  }
  node a1 { attach rack-a 10.0.1.11; labels rack=a }
  node b1 { attach rack-b 10.0.2.11; labels rack=b }
  deployment web replicas 2
}
`;
};

describe("Calico's BIRD", () => {
  it("resolves next hops through the default route", () => {
    expect(learned(racks({ mesh: true, subnets: false }), "c/a1")).toEqual([
      "10.10.0.64/26 via 10.0.1.1 dev eth0 proto bird",
    ]);
  });

  // "Next hop address 10.0.2.11 resolvable through recursive route for 10.0.2.0/24"
  it("rejects packets if a next hop matches another route of BGP", () => {
    const text = racks({ mesh: true, subnets: true });
    expect(learned(text, "c/a1")).toEqual([
      "10.0.2.0/24 via 10.0.1.1 dev eth0 proto bird",
      "unreachable 10.10.0.64/26 proto bird",
    ]);
    expect(findings(text)).toEqual([
      "KN201 error line 27: pod `web-0` on node `c/a1` cannot reach pod `web-1` on node `c/b1` (2 node pairs affected): node c/a1 rejects packets to 10.10.0.64 (unreachable route)",
    ]);
  });
});

describe("AS paths", () => {
  it("with the own number are rejected within an AS, too", () => {
    const text = `segment one { cidr 10.1.0.0/24 }
segment two { cidr 10.2.0.0/24 }
router origin { attach one 10.1.0.1; bgp as 65001 { peer far as 65002; advertise 172.16.0.0/24 } }
router far { attach one 10.1.0.2; attach two 10.2.0.2; bgp as 65002 { peer origin as 65001; peer back as 65001 } }
router back { attach two 10.2.0.3; bgp as 65001 { peer far as 65002 allowas-in; peer inner as 65001 } }
router inner { attach two 10.2.0.4; bgp as 65001 { peer back as 65001 } }
`;
    expect(learned(text, "back")).toEqual(["172.16.0.0/24 via 10.2.0.2 dev eth0 proto bgp metric 20"]);
    expect(learned(text, "inner")).toEqual([]);
  });
});

describe("sessions", () => {
  const far = (as: readonly [number, number], more = "") => `segment one { cidr 10.1.0.0/24 }
segment two { cidr 10.2.0.0/24 }
router a { attach one 10.1.0.1; ${more} bgp as ${as[0]} { peer c as ${as[1]} } }
router b { attach one 10.1.0.2; attach two 10.2.0.2 }
router c { attach two 10.2.0.3; route 10.1.0.0/24 via 10.2.0.2; bgp as ${as[1]} { peer a as ${as[0]}; advertise 172.16.0.0/24 } }
`;
  it("need routes between the peers", () => {
    expect(learned(far([65001, 65001]), "a")).toEqual([]);
    expect(findings(far([65001, 65001]))).toEqual([
      "KN233 warning line 3: router `a` peers with router `c`, but there is no route between them: the session does not come up",
    ]);
    const routed = far([65001, 65001], "route 10.2.0.0/24 via 10.1.0.2;");
    expect(learned(routed, "a")).toEqual(["172.16.0.0/24 via 10.1.0.2 dev eth0 proto bgp metric 20"]);
    expect(findings(routed)).toEqual([]);
  });

  it("between ASes need a common subnet", () => {
    const text = far([65001, 65002], "route 10.2.0.0/24 via 10.1.0.2;");
    expect(learned(text, "a")).toEqual([]);
    expect(findings(text)).toEqual([
      "KN233 warning line 3: router `a` peers with router `c`, which is not on one of its subnets: eBGP packets have TTL 1, and the session does not come up",
    ]);
  });

  it("use routes that other sessions provide", () => {
    const text = `segment one { cidr 10.1.0.0/24 }
segment two { cidr 10.2.0.0/24 }
router a { attach one 10.1.0.1; bgp as 65001 { peer b as 65002; peer c as 65001; advertise 10.1.0.0/24 } }
router b { attach one 10.1.0.2; attach two 10.2.0.2; bgp as 65002 { peer a as 65001; peer c as 65001; advertise 10.1.0.0/24 10.2.0.0/24 } }
router c { attach two 10.2.0.3; bgp as 65001 { peer b as 65002; peer a as 65001; advertise 172.16.0.0/24 } }
`;
    expect(findings(text)).toEqual([]);
    expect(learned(text, "a")).toContain("172.16.0.0/24 via 10.1.0.2 dev eth0 proto bgp metric 20");
  });
});
