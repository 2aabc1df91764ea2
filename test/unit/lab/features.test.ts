/** Probes whose outcome differs between kernel versions are skipped on the older ones, with the reason. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { namespacesOf, questionsOf } from "../../../server/src/cli/lab-ask.ts";
import { diskService } from "../../../server/src/cli/open.ts";
import { SOURCE_HOP } from "../../../server/src/lab/features.ts";
import { planLab } from "../../../server/src/lab/plan.ts";
import { labScript } from "../../../server/src/lab/script.ts";
import type { Analysis } from "../../../server/src/service/analysis.ts";

function analysisOf(file: string): Analysis {
  const analysis = diskService().analysisOf(file);
  if (!analysis) throw new Error(file);
  return analysis;
}

/** `edge` has one next hop on each of its two fabric interfaces, with different source addresses. */
const analysis = analysisOf("samples/calico-tor.knet");
const ids = namespacesOf(analysis.topology, 4, 2);
const wanted = { random: 200, seed: 1, expectations: true };

describe("a sender whose source address depends on the next hop of a multipath route", () => {
  const usual = questionsOf(analysis, ids, wanted, new Set());
  const { probes, skipped } = questionsOf(analysis, ids, wanted, new Set([SOURCE_HOP]));

  it("is not compared on a kernel that looks the route up again without regard to the source address", () => {
    const missing = skipped.filter(({ why }) => why === "multipath by source address: not supported by this kernel");
    expect(missing.length).toBeGreaterThan(0);
    expect(skipped.length - usual.skipped.length).toBe(missing.length);
    const senders = missing.map(({ label }) => label.split(" ")[0]);
    expect(senders).toContain("edge");
    // A node of a rack has a single interface, and forwarded packets have a single lookup.
    expect(senders.filter((sender) => !/^(edge|tor-[ab])$/.test(sender ?? ""))).toEqual([]);
  });

  it("is compared otherwise, like all senders with one source address", () => {
    const from = (sender: string): number => probes.filter((probe) => probe.from === sender).length;
    expect(probes.length).toBe(usual.probes.length + usual.skipped.length - skipped.length);
    expect(from("laptop")).toBe(usual.probes.filter((probe) => probe.from === "laptop").length);
    expect(usual.probes.some(({ from: sender }) => sender === "edge")).toBe(true);
  });
});

describe("the version of the kernel", () => {
  it.each([
    ["6.18.44-cloud", []],
    ["6.16", []],
    ["6.16.0-1-generic", []],
    ["6.1.176", [SOURCE_HOP]],
    ["6.8.0-31-generic", [SOURCE_HOP]],
    ["5.15.0", [SOURCE_HOP]],
  ])("%s", (release, lacking) => {
    const script = labScript(planLab(analysis.network, ids, "test"), { source: "a.knet", version: "0" });
    const from = (name: string): string => new RegExp(`^${name}\\(\\) \\{[^]*?\\n\\}$`, "m").exec(script)?.[0] ?? "";
    const line = /^try_version\(\).*$/m.exec(script)?.[0];
    const program = `uname() { echo ${release}; }\nlacking() { echo "$1"; }\n${line}\n${from("version_trials")}\nversion_trials`;
    const { stdout, stderr } = spawnSync("bash", ["-s"], { input: program, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout.split("\n").filter((name) => name !== "")).toEqual(lacking);
  });

  it("does not matter without a multipath route", () => {
    const { network, topology } = analysisOf("samples/flannel-vxlan.knet");
    const { trials } = planLab(network, namespacesOf(topology, 9, 9), "test");
    expect(trials.map(({ name }) => name)).not.toContain(SOURCE_HOP);
  });
});
