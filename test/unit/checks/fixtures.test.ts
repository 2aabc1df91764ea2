/**
 * Files with a marker in front of each expected finding: / * !KN101 * / without the spaces. The findings must match the
 * markers exactly.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { check, shown } from "./harness.ts";

const folder = new URL("./fixtures/", import.meta.url);
const marker = /\/\*!(KN\d{3})\*\//g;

describe("fixtures", () => {
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".knet"))) {
    it(name, () => {
      const text = readFileSync(new URL(name, folder), "utf8");
      const wanted = [...text.matchAll(marker)].map((match) => {
        // A location can have several markers, followed by spaces.
        const skipped = /^(\/\*!KN\d{3}\*\/\s*)+/.exec(text.slice(match.index))?.[0] ?? "";
        const start = match.index + skipped.length;
        return `${match[1]} at ${place(text, start)}`;
      });
      const found = check(text);
      const got = found.map(({ code, start }) => `${code} at ${place(text, start)}`);
      expect(got.sort(), found.map(shown).join("\n")).toEqual(wanted.sort());
    });
  }
});

function place(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `${before.length}:${(before.at(-1) ?? "").length + 1} ${text.slice(offset, offset + 20).split("\n")[0]}`;
}
