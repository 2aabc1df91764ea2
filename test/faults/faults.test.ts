/**
 * A labeled fault benchmark: three labs without findings and without `expect`, and mistakes that are injected one by one. For
 * each, the first finding is at the injected line, or the snapshot shows where it is instead (`npx vitest run test/faults -u`
 * after a change of the checks; `node test/faults/run.ts` prints the findings).
 */
import { describe, expect, it } from "vitest";
import { evaluate, lab, read } from "./evaluate.ts";
import { FAULTS } from "./faults.ts";

describe("the labs", () => {
  it.each(["fabric", "sites", "cloud"] as const)("%s has no findings", (name) => {
    expect(read(lab(name)).findings(() => false)).toEqual([]);
  });
});

describe("faults", () => {
  it("are reported at the injected line", () => {
    const outcomes = FAULTS.map(evaluate);
    const wrong = outcomes.filter(({ fault, kind }) =>
      fault.silent === undefined ? kind !== "line" : kind !== "silent",
    );
    const lines = wrong.map(({ fault, kind }) => `${kind.padEnd(9)} ${fault.lab} ${fault.kind}: ${fault.name}`);
    const found = outcomes.filter(({ fault, kind }) => fault.silent === undefined && kind === "line").length;
    const meant = outcomes.filter(({ fault }) => fault.silent === undefined).length;
    expect([`${found} of ${meant} faults at the injected line`, "", ...lines].join("\n")).toMatchSnapshot();
  });
});
