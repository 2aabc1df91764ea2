/**
 * Incomplete files: samples with parts removed, duplicated, or swapped. Every finding has a location, and nothing
 * throws.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { textsIn } from "../texts.ts";
import { check } from "./harness.ts";

const texts = ["samples/broken", "test/unit/checks/fixtures"]
  .flatMap((folder) => textsIn(folder))
  .map(({ text }) => text);

const damage = fc.record({ at: fc.nat(), length: fc.nat(40), kind: fc.constantFrom("cut", "double", "swap", "brace") });

it("checks damaged files", () => {
  fc.assert(
    fc.property(fc.constantFrom(...texts), fc.array(damage, { minLength: 1, maxLength: 4 }), (text, damages) => {
      let damaged = text;
      for (const { at, length, kind } of damages) {
        const start = at % Math.max(1, damaged.length);
        const [before, part, after] = [
          damaged.slice(0, start),
          damaged.slice(start, start + length),
          damaged.slice(start + length),
        ];
        if (kind === "cut") damaged = before + after;
        else if (kind === "double") damaged = before + part + part + after;
        else if (kind === "swap") damaged = after + part + before;
        else damaged = `${before}}${part}{${after}`;
      }
      for (const { start, end } of check(damaged)) {
        expect(start).toBeGreaterThanOrEqual(0);
        expect(end).toBeGreaterThanOrEqual(start);
      }
    }),
    { numRuns: 400 },
  );
});
