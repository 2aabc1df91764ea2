import Ajv from "ajv";
import { describe, expect, it } from "vitest";
import {
  type InputName,
  inputs,
  largeData,
  NODES,
  PODS,
  POLICIES,
  policyData,
  SERVICES,
  serviceData,
} from "../../../bench/generate.ts";
import { keystrokes, tenantStrokes } from "../../../bench/keystrokes.ts";
import { Bench, type Result } from "../../../bench/schema.ts";
import { compared, median, quantile, result } from "../../../bench/statistics.ts";
import { meets, table } from "../../../bench/table.ts";
import { createService } from "../../../server/src/service/service.ts";

const analysed = (name: InputName) => {
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", inputs[name]());
  const analysis = service.analysisOf("a.knet");
  if (!analysis) throw new Error("no analysis");
  return analysis;
};

describe("the generated topologies", () => {
  it.each(["pools", "written", "small", "services", "policies"] as const)(
    "%s is valid and has the documented size",
    (name) => {
      const analysis = analysed(name);
      const findings = analysis.findings(() => false) ?? [];
      expect(findings.filter(({ severity }) => severity === "error" || severity === "warning")).toEqual([]);
      const [cluster] = analysis.topology.clusters;
      expect(cluster?.nodes.length).toBe(name === "small" ? 50 : NODES);
      const pods = largeData().namespaces.flatMap(({ deployments }) => deployments.map(({ replicas }) => replicas));
      expect(pods.reduce((sum, replicas) => sum + replicas, 0)).toBe(PODS);
    },
  );

  it("have services and policies at the limits", () => {
    const [cluster] = analysed("services").topology.clusters;
    expect(cluster?.services.all.length).toBe(SERVICES);
    expect(cluster?.services.all.every((service) => cluster.services.selected(service).length === 1)).toBe(true);
    expect(analysed("policies").topology.clusters[0]?.policies.length).toBe(POLICIES);
  });

  it("have unique node addresses and node pod CIDRs", () => {
    const { nodes } = largeData();
    expect(new Set(nodes.map(({ attach }) => attach.address)).size).toBe(NODES);
    expect(new Set(nodes.map(({ podCidr }) => podCidr)).size).toBe(NODES);
  });
});

describe("typing", () => {
  it("changes one character at a time", () => {
    const node = "node a {\n  attach lan 10.0.0.12\n  labels x=y\n  pod-cidr 10.1.0.0/24\n}\n";
    const typing = keystrokes(["a"]);
    const states: string[] = [];
    let text = node;
    for (let count = 0; count < 4; count += 1) {
      const { start, end, text: typed } = typing.next().value.edit(text);
      text = text.slice(0, start) + typed + text.slice(end);
      states.push(text);
    }
    expect(states).toEqual([
      node.replace("0.12", "0.1"),
      node.replace("0.12", "0.11"),
      node.replace("0.12", "0.11").replace("x=y", "x=yx"),
      node.replace("0.12", "0.11").replace("x=y", "x=yx\n"),
    ]);
  });
});

describe("typing in services and policies", () => {
  it.each([
    ["services", "service", serviceData],
    ["policies", "policy", policyData],
  ] as const)("keeps the file with %s valid after each completed change", (input, keyword, dataOf) => {
    const service = createService({ resolveImport: () => undefined });
    service.setText("a.knet", inputs[input]());
    const typing = tenantStrokes(dataOf(), keyword);
    for (let count = 0; count < 8; count += 1) {
      const { edit } = typing.next().value;
      service.edit("a.knet", [edit(service.textOf("a.knet") ?? "")]);
    }
    const found = service.analysisOf("a.knet")?.findings(() => false) ?? [];
    expect(found.filter(({ severity }) => severity === "error" || severity === "warning")).toEqual([]);
  });
});

describe("results", () => {
  it("are medians and quantiles", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([5, 1, 2, 3, 4], 0.95)).toBe(5);
    expect(compared(result("a", "ms", [10]), result("b", "ms", [4]))).toMatchObject({ ratio: 2.5, against: "b" });
  });

  it("match the published schema", () => {
    const results: Result[] = [compared(result("a", "ms", [10, 20]), result("b", "ms", [4])), result("c", "MB", [1])];
    const valid = new Ajv().compile(Bench);
    expect(valid({ schema: "knet-bench/1", results })).toBe(true);
    expect(valid({ schema: "knet-bench/1", results: [{ name: "a" }] })).toBe(false);
  });

  it("are shown with their targets", () => {
    const slow = result("keystroke/small", "ms", [20]);
    expect(meets(slow, { name: slow.name, of: "p95", below: 16 })).toBe(false);
    expect(meets(slow, { name: slow.name, of: "ratio", below: 16 })).toBe(false);
    expect(table([slow])).toMatch(/keystroke\/small +20\.0 ms +1 +p95 < 16 ms +miss/);
  });
});
