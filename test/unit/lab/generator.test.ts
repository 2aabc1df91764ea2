/** The random topologies of test/kernel: reproducible on every machine, and valid files. */
import { describe, expect, it } from "vitest";
import { createService } from "../../../server/src/service/service.ts";
import { topologyText } from "../../kernel/generator.ts";

const SEEDS = Array.from({ length: 100 }, (_, i) => i + 1);

describe("a random topology", () => {
  it("is the same for the same seed", () => {
    expect(topologyText(42)).toBe(topologyText(42));
    expect(new Set(SEEDS.map((seed) => topologyText(seed))).size).toBe(SEEDS.length);
  });

  it("has no language errors", () => {
    const service = createService({ resolveImport: (_, path) => path });
    const wrong = SEEDS.flatMap((seed) => {
      service.setText("x.knet", topologyText(seed));
      const findings = service.analysisOf("x.knet")?.findings(() => false) ?? [];
      return findings.filter(({ code }) => code.startsWith("KN0")).map(({ message }) => `${seed}: ${message}`);
    });
    expect(wrong).toEqual([]);
  });

  it("covers all modes", () => {
    const plugins = new Set(SEEDS.map((seed) => /^ {2}cni (\w+)/m.exec(topologyText(seed))?.[1]));
    expect([...plugins].sort()).toEqual(["bridge", "calico", "docker", "flannel", "kindnet", "kubenet", "weave"]);
  });
});
