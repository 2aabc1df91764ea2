/** samples/broken: one problem per file; the first line states its code. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { check, serious, shown } from "./harness.ts";

const folder = new URL("../../../samples/broken/", import.meta.url);

describe("broken samples", () => {
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".knet"))) {
    it(name, () => {
      const text = readFileSync(new URL(name, folder), "utf8");
      const [, code] = /^# expect (KN\d{3})\n/.exec(text) ?? [];
      expect(code, "the first line states the expected code").toBeDefined();
      const found = check(text);
      expect(
        found.some((one) => one.code === code),
        found.map(shown).join("\n"),
      ).toBe(true);
      expect(
        serious(found)
          .filter((one) => one.code !== code)
          .map(shown),
      ).toEqual([]);
    });
  }
});
