import { describe, expect, it } from "vitest";
import { catalog, codeOf } from "../../../server/src/checks/catalog.ts";
import { readConfig } from "../../../server/src/checks/config.ts";
import { check, shown } from "./harness.ts";

describe("the catalog", () => {
  it("has unique codes and names", () => {
    expect(new Set(catalog.map(({ code }) => code)).size).toBe(catalog.length);
    expect(new Set(catalog.map(({ name }) => name)).size).toBe(catalog.length);
    for (const { code, name, summary, documentation } of catalog) {
      expect(code).toMatch(/^KN\d{3}$/);
      expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(summary).toMatch(/^[A-Za-z`].*\.$/);
      expect(documentation.length, code).toBeGreaterThan(60);
    }
  });
});

describe("examples", () => {
  for (const { code, example } of catalog) {
    // The service, not this harness, imports files.
    if (code === "KN015") continue;
    if (example.language === "json") {
      it(`${code}: bad is rejected, good is accepted`, () => {
        const problems = (text: string) => readConfig("knet.json", text, codeOf).problems.map((one) => one.code);
        expect([problems(example.bad), problems(example.good)]).toEqual([[code], []]);
      });
      continue;
    }
    it(`${code}: bad has exactly this finding`, () => {
      const found = check(example.bad);
      expect(
        found.map(({ code: one }) => one),
        found.map(shown).join("\n"),
      ).toContain(code);
      const others = found.filter(({ code: one, finding }) => one !== code && finding.severity === "error");
      expect(others.map(shown)).toEqual([]);
    });
    it(`${code}: good has no findings`, () => {
      expect(check(example.good).map(shown)).toEqual([]);
    });
  }
});
