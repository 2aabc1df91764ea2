import { describe, expect, it } from "vitest";
import { gatewayNotAttached } from "../../../server/src/checks/addresses/gateway-not-attached.ts";
import { tooManyNodes } from "../../../server/src/checks/capacity/too-many-nodes.ts";
import { catalog, codeOf } from "../../../server/src/checks/catalog.ts";
import { fileOrigin } from "../../../server/src/declared/navigate.ts";
import { readConfig } from "../../../server/src/service/config.ts";
import { CODES, problem } from "../../../server/src/topology/problems.ts";
import { check, checkManifests, checkState, shown } from "./harness.ts";

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

describe("problems", () => {
  it("have the values of their code, which the check receives", () => {
    const source = fileOrigin("test.knet");
    const found = problem(CODES.gatewayNotAttached, source, { router: "tor", segment: "lan" });
    expect(gatewayNotAttached.message(found.data)).toBe(
      "router `tor` is not attached to segment `lan` and cannot be its gateway",
    );
    // @ts-expect-error A value is missing.
    problem(CODES.gatewayNotAttached, source, { router: "tor" });
    // @ts-expect-error The values of a different code.
    problem(CODES.tooManyNodes, source, found.data);
    // @ts-expect-error A number, not a text.
    problem(CODES.tooManyNodes, source, { kind: "nodes", count: "6", max: 5 });
    // @ts-expect-error The check of a different code.
    void ((): string => tooManyNodes.message(found.data));
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
    const readers = { yaml: checkManifests, text: checkState };
    const readKnet = (text: string) => check(text, example.failures);
    const read = example.language === undefined ? readKnet : readers[example.language];
    it(`${code}: bad has exactly this finding`, () => {
      const found = read(example.bad);
      expect(
        found.map(({ code: one }) => one),
        found.map(shown).join("\n"),
      ).toContain(code);
      const others = found.filter(({ code: one, finding }) => one !== code && finding.severity === "error");
      expect(others.map(shown)).toEqual([]);
    });
    it(`${code}: good has no findings`, () => {
      expect(read(example.good).map(shown)).toEqual([]);
    });
  }
});

describe("a kind that is not read", () => {
  it("is a warning if it is a policy", () => {
    const found = (kind: string) =>
      checkManifests(`apiVersion: example.com/v1\nkind: ${kind}\nmetadata: {name: a, namespace: x}\n`).flatMap(
        ({ code, finding }) => (code === "KN801" ? finding.severity : []),
      );
    expect([found("CiliumNetworkPolicy"), found("Widget")]).toEqual([["warning"], ["info"]]);
  });
});
