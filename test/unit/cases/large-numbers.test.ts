/** A small file with a large number has one finding, at the cost of a file with a small number. */
import { describe, expect, it } from "vitest";
import type { Analysis } from "../../../server/src/service/analysis.ts";
import { createService } from "../../../server/src/service/service.ts";

function analysisOf(text: string): Analysis {
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", text);
  const analysis = service.analysisOf("a.knet");
  if (!analysis) throw new Error("an open file has an analysis");
  return analysis;
}

/** Milliseconds, and the findings: "KN403 at nodes: message". */
function check(text: string): { readonly time: number; readonly found: readonly string[] } {
  const start = performance.now();
  const analysis = analysisOf(text);
  const found = (analysis.findings(() => false) ?? []).map((one) => {
    const span = analysis.placeOf(one);
    return `${one.code} at ${text.slice(span?.start, span?.end)}: ${one.message}`;
  });
  return { time: performance.now() - start, found };
}

const cluster = (content: string): string => `segment lan { cidr 10.0.0.0/8 }
cluster c {
  pods 11.0.0.0/8 per-node /26
  services 192.168.0.0/16
  cni flannel { backend vxlan }
${content}
}
`;
const workloads = (names: readonly string[], replicas: number, services: number): string =>
  cluster(
    [
      "  nodes n 1..3 { attach lan }",
      ...names.map((name) => `  deployment ${name} replicas ${replicas} { labels app=a; listen 80 }`),
      ...Array.from({ length: services }, (_, i) => `  service s${i} { select app=a; port 80 }`),
    ].join("\n"),
  );
const pools = (count: number, size: number): string =>
  cluster(Array.from({ length: count }, (_, i) => `  nodes p${i}- 1..${size} { attach lan }`).join("\n"));

describe("one finding, and the cost of a small file", () => {
  it.each([
    [
      "3,000,000 pods behind 3 services",
      workloads(["a", "b", "d"], 1_000_000, 3),
      workloads(["a", "b", "d"], 10, 3),
      "KN403 at a: the topology has 3,000,000 pods, but knet supports at most 300,000: nothing else is checked",
    ],
    [
      "`replicas 2147483647` five times",
      workloads(["a", "b", "d", "e", "f"], 2_147_483_647, 1),
      workloads(["a", "b", "d", "e", "f"], 10, 1),
      "KN403 at a: the topology has 10,737,418,235 pods, but knet supports at most 300,000: nothing else is checked",
    ],
    [
      "30 pools of 60,000 nodes",
      pools(30, 60_000),
      pools(30, 1000),
      "KN403 at p1-: the topology has 1,800,000 nodes, but knet supports at most 100,000: nothing else is checked",
    ],
    [
      "100,000 pods behind 100 services",
      workloads(["a"], 100_000, 100),
      workloads(["a"], 10, 100),
      "KN403 at s0: the topology has 10,000,000 service endpoints, but knet supports at most 1,000,000: nothing else is checked",
    ],
  ])("%s", (_name, large, small, finding) => {
    const before = check(small);
    const { time, found } = check(large);
    expect(found).toEqual([finding]);
    // Without a limit, these files take minutes or all memory.
    expect(time).toBeLessThan(20 * before.time + 3000);
  });

  it("a problem of the syntax is still reported", () => {
    const { found } = check(pools(2, 60_000).replace("cni flannel", "cnj flannel"));
    expect(found.map((one) => one.slice(0, 5)).sort()).toEqual(["KN002", "KN403"]);
  });

  it("150,000 pods behind a service are checked", () => {
    const { found } = check(workloads(["a"], 150_000, 1).replace("1..3", "1..5000"));
    expect(found.map((one) => one.slice(0, 5))).not.toContain("KN403");
  });
});

describe("the parts of a topology that exceeds a limit", () => {
  it("exist on request", () => {
    const [large] = analysisOf(workloads(["a", "b"], 2_147_483_647, 2)).topology.clusters;
    expect(large?.pods.podByName("default", "a-1000000")?.node?.name).toBe("n2");
    const [service] = large?.services.all ?? [];
    const [port] = service?.ports ?? [];
    expect(service && port && large?.services.endpoints(service, port, 4).length).toBeLessThanOrEqual(1_000_000);
  });
});
