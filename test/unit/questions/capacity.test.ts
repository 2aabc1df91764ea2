/** The address plan: what it predicts is what the topology with more nodes, pods, or services confirms. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planReport } from "../../../server/src/questions/capacity/report.ts";
import type { Plan, PlanGrowth, PlanRange } from "../../../server/src/questions/capacity/schema.ts";
import { planCsv, planText } from "../../../server/src/questions/capacity/text.ts";
import { world } from "../checks/harness.ts";

function planOf(text: string): Plan {
  return planReport(world(text).topology, () => undefined);
}

function codes(text: string): ReadonlySet<string> {
  return new Set(world(text).topology.problems.map(({ code }) => code));
}

interface Design {
  readonly pods: string;
  readonly perNode: number;
  readonly services: string;
  readonly segment: string;
  readonly nodes: number;
  readonly cni: string;
  readonly deployments: string;
}

const DESIGN: Design = {
  pods: "10.244.0.0/20",
  perNode: 24,
  services: "10.96.0.0/12",
  segment: "192.168.0.0/20",
  nodes: 3,
  cni: "flannel { backend vxlan }",
  deployments: "",
};

function file(change: Partial<Design>): string {
  const { pods, perNode, services, segment, nodes, cni, deployments } = { ...DESIGN, ...change };
  return `segment lan { cidr ${segment} }
cluster prod {
  pods ${pods} per-node /${perNode}
  services ${services}
  cni ${cni}
  nodes w 1..${nodes} { attach lan }
${deployments}
}
`;
}

function growth(plan: Plan, unit: PlanGrowth["unit"], range: string): PlanGrowth {
  const found = plan.clusters[0]?.growth.find((one) => one.unit === unit && one.ranges.includes(range));
  if (!found) throw new Error(`no growth of ${unit} in ${range}`);
  return found;
}

function range(plan: Plan, text: string): PlanRange {
  const found = plan.ranges.find((one) => one.range === text);
  if (!found) throw new Error(`no range ${text}: ${plan.ranges.map((one) => one.range).join(", ")}`);
  return found;
}

describe("growth", () => {
  const ranges = fc.record({
    pods: fc.constantFrom("10.244.0.0/20", "10.244.0.0/21", "10.244.0.0/23", "fd00:10::/60", "10.96.0.0/20"),
    perNode: fc.integer({ min: 24, max: 28 }),
    // Also ranges that overlap the pod CIDR, whose blocks kube-controller-manager skips.
    services: fc.constantFrom("10.96.0.0/12", "10.244.8.0/23", "10.96.15.0/24", "fd00:99::/112"),
    segment: fc.constantFrom("192.168.0.0/24", "192.168.0.0/26", "192.168.0.0/29"),
    nodes: fc.integer({ min: 1, max: 5 }),
  });

  it("of nodes is exact: one node more has no range or no address", () => {
    fc.assert(
      fc.property(ranges, (design) => {
        const text = design.pods.includes(":") ? { ...design, perNode: 64 } : design;
        const plan = planOf(file(text));
        const { now } = growth(plan, "nodes", text.pods);
        expect(now).toBe(text.nodes);
        for (const [code, where] of [
          ["KN401", text.pods],
          ["KN121", text.segment],
        ] as const) {
          const most = text.nodes + Number(growth(plan, "nodes", where).more);
          if (most > text.nodes) expect(codes(file({ ...text, nodes: most }))).not.toContain(code);
          expect(codes(file({ ...text, nodes: most + 1 }))).toContain(code);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("of pods on a node is exact", () => {
    const pods = (count: number): string =>
      file({ perNode: 28, deployments: `  deployment a replicas ${count} on w1` });
    const { more, now, owner } = growth(planOf(pods(4)), "pods-on-node", "10.244.0.0/28");
    expect([more, now, owner]).toEqual([9, 4, "prod/w1"]);
    expect(codes(pods(13))).not.toContain("KN402");
    expect(codes(pods(14))).toContain("KN402");
  });

  it("of services is exact", () => {
    const services = (count: number): string =>
      file({
        services: "10.96.0.0/28",
        deployments: Array.from({ length: count }, (_, i) => `  service s${i} { port 80 }`).join("\n"),
      });
    expect(growth(planOf(services(5)), "services", "10.96.0.0/28")).toMatchObject({ more: 8, now: 6 });
    expect(codes(services(13))).not.toContain("KN408");
    expect(codes(services(14))).toContain("KN408");
  });

  it("of Calico counts blocks that no node has claimed", () => {
    const text = file({ cni: "calico { pool p 10.244.0.0/24 { block-size /28 } }" });
    expect(growth(planOf(text), "blocks", "10.244.0.0/24")).toMatchObject({ now: 3, more: 13 });
  });

  it("of a cloud's nodes includes the addresses of their pods", () => {
    const text = `segment subnet { cidr 10.224.0.0/24; cloud azure }
cluster c {
  services 10.0.0.0/16
  max-pods 30
  cni azure { mode node-subnet }
  nodes w 1..2 { attach subnet }
}
`;
    // 251 usable addresses; each node has its own and a /27.
    const { more } = growth(planOf(text), "nodes", "10.224.0.0/24");
    expect(more).toBe(5);
  });
});

describe("masks", () => {
  it("state the number of nodes that each prefix length allows", () => {
    const plan = planOf(file({ pods: "10.244.0.0/22", nodes: 2 }));
    const [table] = plan.clusters[0]?.masks ?? [];
    for (const { perNode, nodes } of table?.masks ?? []) {
      const most = file({ pods: "10.244.0.0/22", perNode, nodes: Number(nodes) });
      expect(codes(most)).not.toContain("KN401");
      expect(codes(file({ pods: "10.244.0.0/22", perNode, nodes: Number(nodes) + 1 }))).toContain("KN401");
    }
    expect(table?.masks.map(({ perNode, nodes, podsPerNode }) => [perNode, nodes, podsPerNode])).toEqual([
      [22, 1, 1021],
      [23, 2, 509],
      [24, 4, 253],
      [25, 8, 125],
      [26, 16, 61],
      [27, 32, 29],
      [28, 64, 13],
    ]);
    expect(table?.masks.filter(({ current }) => current).map(({ perNode }) => perNode)).toEqual([24]);
    expect([table?.shortest, table?.longest]).toEqual([23, 25]);
  });

  it("name what each prefix length lacks", () => {
    const text = file({
      pods: "10.244.0.0/22",
      nodes: 3,
      deployments: "  deployment a replicas 40 on w1\n  max-pods 80",
    });
    const limits = planOf(text).clusters[0]?.masks[0]?.masks.map(({ perNode, limits: all }) => [perNode, ...all]);
    expect(limits).toEqual([[22, "nodes"], [23, "nodes"], [24], [25], [26, "max-pods"], [27, "pods"], [28, "pods"]]);
    expect(planText(planOf(text))).toContain("3 nodes need /24 or longer; 80 pods per node: /25 or shorter\n");
  });

  it("say that no prefix length is sufficient", () => {
    const text = planText(planOf(file({ pods: "10.244.0.0/23", nodes: 6 })));
    expect(text).toContain("6 nodes need /26 or longer; 110 pods per node: /25 or shorter: no length is sufficient");
  });

  it("without the service CIDR, which node ranges do not overlap", () => {
    const plan = planOf(file({ pods: "10.244.0.0/20", services: "10.244.8.0/23" }));
    const current = plan.clusters[0]?.masks[0]?.masks.find(({ perNode }) => perNode === 24);
    expect(current?.nodes).toBe(14);
  });

  it("of Calico are block sizes: more pods need more blocks", () => {
    const calico = (replicas: number): Plan =>
      planOf(
        file({
          pods: "10.244.0.0/24",
          cni: "calico { pool p 10.244.0.0/24 { block-size /26 } }",
          nodes: 2,
          deployments: `  deployment a replicas ${replicas}`,
        }),
      );
    const limits = (plan: Plan): unknown =>
      plan.clusters[0]?.masks[0]?.masks.map(({ perNode, nodes, podsPerNode, limits: all }) => [
        perNode,
        nodes,
        podsPerNode,
        ...all,
      ]);
    expect(limits(calico(2))).toEqual([
      [24, 1, 256, "nodes"],
      [25, 2, 128],
      [26, 4, 64],
      [27, 8, 32],
      [28, 16, 16],
    ]);
    expect(calico(2).clusters[0]?.masks[0]).toMatchObject({ unit: "block", shortest: 25 });
    expect(limits(calico(300))).toContainEqual([26, 4, 64, "nodes"]);
  });

  it("of IPv6 are around the current length, up to the limit of 16 bits", () => {
    const text = file({ pods: "fd00:10::/56", perNode: 64 });
    expect(planOf(text).clusters[0]?.masks[0]?.masks.map(({ perNode, nodes }) => [perNode, nodes])).toEqual(
      [61, 62, 63, 64, 65, 66, 67].map((len) => [len, 2 ** (len - 56)]),
    );
    const wide = planOf(file({ pods: "fd00:10::/48", perNode: 64 })).clusters[0]?.masks[0];
    expect(wide?.masks.map(({ perNode }) => perNode)).toEqual([61, 62, 63, 64]);
  });

  it("are those that the mode uses: Azure's overlay has no larger node range than a /24", () => {
    const text = file({ pods: "10.244.0.0/16", cni: "azure { mode overlay }" });
    expect(planOf(text).clusters[0]?.masks[0]?.masks.map(({ perNode }) => perNode)).toEqual([24]);
    const gke = planOf(file({ pods: "10.4.0.0/14", cni: "gke", deployments: "  max-pods 32" })).clusters[0]?.masks[0];
    expect(gke?.masks.map(({ perNode, current }) => (current ? `/${perNode}` : perNode))).toContain("/26");
    expect(gke?.masks.length).toBe(7);
  });
});

describe("ranges", () => {
  it("have used and free addresses", () => {
    const plan = planOf(`segment lan { cidr 192.168.10.0/24; gateway tor }
router tor { attach lan 192.168.10.1 }
host nas { attach lan 192.168.10.20 }
segment subnet { cidr 10.0.0.0/28; cloud aws; gateway 10.0.0.13 }
host vm { attach subnet 10.0.0.6 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/24
  docker-bridge 172.17.0.1/16
  cni flannel { backend vxlan }
  load-balancer l2
  nodes w 1..2 { attach lan }
  deployment web replicas 3 { listen 80; labels app=web }
  service web { type load-balancer; select app=web; port 80; load-balancer-ip 192.168.10.240 }
}
`);
    const use = (text: string): unknown => {
      const { kind, size, used, free, nextFree } = range(plan, text);
      return [kind, size, used, free, nextFree];
    };
    expect(use("192.168.10.0/24")).toEqual(["segment", 254, 5, 249, "192.168.10.4/32"]);
    // AWS reserves the first four addresses and the last one.
    expect(use("10.0.0.0/28")).toEqual(["segment", 11, 2, 9, "10.0.0.4/32"]);
    expect(use("10.244.0.0/16")).toEqual(["pods", 65536, 512, 65024, "10.244.2.0/24"]);
    expect(use("10.244.0.0/24")).toEqual(["node", 253, 2, 251, "10.244.0.4/32"]);
    expect(use("10.244.1.0/24")).toEqual(["node", 253, 1, 252, "10.244.1.3/32"]);
    // The API server's own service has 10.96.0.1; other services start above the static band.
    expect(use("10.96.0.0/24")).toEqual(["services", 254, 2, 252, "10.96.0.17/32"]);
    expect(use("172.17.0.0/16")).toEqual(["docker-bridge", 65534, 1, 65533, "172.17.0.2/32"]);
    expect(range(plan, "172.17.0.0/16").nodes).toBe(2);
    expect(range(plan, "192.168.10.0/24")).toMatchObject({
      largestFree: "192.168.10.64/26",
      nextRange: "192.168.11.0/24",
    });
    expect(plan.ranges.map((one) => one.range)).toEqual([
      "10.0.0.0/28",
      "10.96.0.0/24",
      "10.244.0.0/16",
      "10.244.0.0/24",
      "10.244.1.0/24",
      "172.17.0.0/16",
      "192.168.10.0/24",
    ]);
  });

  it("name the ranges that they overlap", () => {
    const plan = planOf(file({ services: "10.244.8.0/23" }));
    expect(range(plan, "10.244.8.0/23").overlaps).toEqual(["10.244.0.0/20"]);
    expect(range(plan, "10.244.0.0/20")).toMatchObject({ size: 4096 - 512, overlaps: ["10.244.8.0/23"] });
    expect(planText(plan)).toMatch(/^ {2}10\.244\.8\.0\/23 +services .* overlaps 10\.244\.0\.0\/20$/m);
  });

  it("are complete for shared ranges and pools outside the pod CIDR", () => {
    const shared = planOf(`segment lan { cidr 192.168.10.0/24 }
cluster c {
  services 10.96.0.0/24
  cni macvlan { range 192.168.10.128/29 }
  nodes w 1..2 { attach lan }
  deployment web replicas 3
}
`);
    const row = shared.ranges.find(({ kind }) => kind === "shared");
    expect(row).toMatchObject({
      size: 6,
      used: 3,
      free: 3,
      range: "192.168.10.129-192.168.10.134",
      nextFree: "192.168.10.132/32",
    });
    expect(range(shared, "192.168.10.0/24").used).toBe(5);
    const pools = planOf(file({ cni: "calico { pool blue 10.50.0.0/24 }" }));
    expect(range(pools, "10.50.0.0/24")).toMatchObject({
      kind: "pool",
      owner: "blue",
      used: 192,
      nextFree: "10.50.0.192/26",
    });
    expect(range(pools, "10.244.0.0/20")).toMatchObject({ kind: "pods", used: 0 });
  });

  it("abridge long runs of node ranges in text, not in CSV", () => {
    const plan = planOf(
      file({ nodes: 16 * 3, pods: "10.244.0.0/16", deployments: "  deployment a replicas 7 on w20" }),
    );
    const text = planText(plan);
    expect(text).toMatch(/10\.244\.19\.0\/24 +node +prod\/w20 +253 +7 +246/);
    expect(text).toMatch(/… +node +43 more ranges +253 +0 +253/);
    expect([...planCsv(plan)].filter((line) => line.includes(",node,"))).toHaveLength(48);
  });

  it("of IPv6 are exact in JSON", () => {
    const plan = planOf(file({ pods: "fd00:10::/56", perNode: 64, nodes: 1 }));
    expect(range(plan, "fd00:10::/64")).toMatchObject({
      size: String(2n ** 64n - 2n),
      used: 0,
      nextFree: "fd00:10::2/128",
    });
  });
});

describe("CSV", () => {
  it("quotes fields and contains no formulas", () => {
    const plan: Plan = {
      schema: "knet-plan/1",
      clusters: [],
      ranges: [
        {
          range: "10.0.0.0/24",
          kind: "segment",
          owner: '=cmd|"x",1',
          size: 254,
          used: 0,
          free: 254,
          overlaps: ["a", "b"],
        },
      ],
    };
    expect([...planCsv(plan)].at(-1)).toBe(`10.0.0.0/24,segment,"'=cmd|""x"",1",,,254,0,254,,,,a b\n`);
  });
});
