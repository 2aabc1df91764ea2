/** After random edits of labels, selectors, sysctls, and settings the service returns the same results as a new service. */
import fc from "fast-check";
import { describe, it } from "vitest";
import { claiming, edits, settled } from "../topology/edits.ts";
import { typist } from "./edited.ts";

describe("an analysis after random edits", () => {
  it.each([
    ["allocated", settled, 12],
    ["claimed", claiming, 8],
  ])("equals a new analysis if ranges are %s", { timeout: 120_000 }, (_, start, numRuns) => {
    fc.assert(
      fc.property(edits, (made) => {
        const type = typist(start);
        for (const edit of made) type(edit);
      }),
      { numRuns },
    );
  });
});
