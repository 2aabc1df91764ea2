/** Calico nodes without a block: their pods and tunnels have single addresses of other nodes' blocks (libcalico-go/lib/ipam, node/pkg/allocateip). */
import { describe, expect, it } from "vitest";
import { printAddresses, printFdb, printNeighbours, printRoutes } from "../../../server/src/dataplane/print.ts";
import { check, shown, world } from "../checks/harness.ts";

/** One block for two nodes, or for three. */
const cluster = (pool: string, more = ""): string => `segment lan { cidr 10.20.0.0/24; gateway gw }
router gw { attach lan 10.20.0.1 }
cluster k {
  ${more}
  cni calico { pool p 10.42.0.0/26 { ${pool} } }
  node n1 { attach lan }
  node n2 { attach lan }
  pod a on n1
  pod b on n2
}
expect a -> b preserves-source
expect b -> a preserves-source
`;

const codes = (text: string): readonly string[] =>
  check(text).map(({ code, finding }) => `${code} ${finding.severity}`);

function state(text: string, node: string): string {
  const { network } = world(text);
  const netns = network.netns(`k/${node}`);
  if (!netns) throw new Error(node);
  return [printAddresses(netns), printRoutes(netns, 4), printNeighbours(netns), printFdb(netns)].join("\n");
}

describe("a node without a block", () => {
  it.each(["vxlan always", "ipip always", "vxlan cross-subnet", ""])(
    "reaches the block's owner and its pods: %s",
    (pool) => {
      expect(codes(cluster(pool))).toEqual(["KN422 warning"]);
    },
  );

  it("borrows an address for its VXLAN device, to which the other nodes have a direct route", () => {
    const text = cluster("vxlan always");
    expect(state(text, "n2")).toContain("vxlan.calico     UNKNOWN        10.42.0.63/32");
    expect(state(text, "n1")).toContain("10.42.0.62 via 10.42.0.63 dev vxlan.calico onlink");
    expect(state(text, "n1")).toContain("10.42.0.63 dev vxlan.calico scope link");
    expect(state(text, "n1")).toMatch(/10\.42\.0\.63 dev vxlan\.calico lladdr \S+ PERMANENT/);
    expect(state(text, "n1")).toMatch(/dev vxlan\.calico dst 10\.20\.0\.3 self permanent/);
  });

  it("borrows an address for tunl0", () => {
    const text = cluster("ipip always");
    expect(state(text, "n2")).toContain("tunl0@NONE       UNKNOWN        10.42.0.63/32");
    expect(state(text, "n1")).toContain("10.42.0.63 via 10.20.0.3 dev tunl0 proto 80 onlink");
  });

  it("has no tunnel address with strict affinity", () => {
    const text = cluster("vxlan always").replace("cni calico {", "cni calico { strict-affinity true;");
    expect(state(text, "n2")).not.toContain("10.42.0.63");
    expect(codes(text)).toContain("KN423 error");
  });

  it("borrows only from pools that select it", () => {
    const text = cluster("").replace(
      "pool p 10.42.0.0/26 {  }",
      "pool p 10.42.0.0/26 { node-selector disk=ssd }; pool q 10.43.0.0/31 { block-size /31; node-selector disk=hdd }",
    );
    const labeled = text
      .replace("node n1 {", "node n1 { labels disk=ssd;")
      .replace(
        "node n2 {",
        "nodes m 1..2 { labels disk=hdd; attach lan }\n  pod c on m1\n  node n2 { labels disk=hdd;",
      );
    const { topology } = world(labeled);
    expect(topology.clusters[0]?.pods.podByName("default", "b")?.addresses).toEqual([0x0a2b0001]);
  });
});

describe("blocks and addresses in the file", () => {
  const text = (block: string, address: string): string => `segment lan { cidr 10.20.0.0/24; gateway gw }
router gw { attach lan 10.20.0.1 }
cluster k {
  cni calico { pool p 10.42.0.0/26 }
  node n1 { attach lan; ${block} }
  node n2 { attach lan }
  pod a on n1
  pod b on n2 { ${address} }
}
expect a -> b preserves-source
`;

  it("a block inside its pool does not overlap it", () => {
    expect(codes(text("cni calico { block 10.42.0.0/26 }", ""))).toEqual(["KN422 warning"]);
  });

  it("a pod can have an address of another node's block", () => {
    expect(codes(text("", "address 10.42.0.9"))).toEqual(["KN422 warning"]);
    expect(codes(text("cni calico { block 10.42.0.0/26 }", "address 10.42.0.9"))).toEqual(["KN422 warning"]);
  });

  it("two nodes cannot have one block", () => {
    const twice = text("cni calico { block 10.42.0.0/26 }", "").replace(
      "node n2 { attach lan }",
      "node n2 { attach lan; cni calico { block 10.42.0.0/26 } }",
    );
    expect(codes(twice)).toContain("KN108 error");
  });
});

describe("a pool with blocks of one address", () => {
  it("has a direct route to each node's VXLAN device", () => {
    const text = cluster("block-size /32; vxlan always");
    expect(check(text).map(shown)).toEqual([]);
    expect(state(text, "n1")).toContain("10.42.0.1 dev vxlan.calico scope link");
  });
});
