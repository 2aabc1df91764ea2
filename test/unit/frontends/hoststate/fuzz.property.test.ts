/** No text makes the readers throw, and every location is inside its file. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readState, type TextFile } from "../../../../server/src/frontends/hoststate/index.ts";
import { topologyText } from "../../../kernel/generator.ts";
import { world } from "../../checks/harness.ts";
import { driftFindings, filesOf, realOf } from "./support.ts";

const WORDS = [
  "[",
  "]",
  "{",
  "}",
  '"',
  ",",
  ":",
  "\n",
  "\t",
  "\r\n",
  " ",
  "\u001b[31m",
  "-A FORWARD",
  "-m set --match-set",
  "*nat",
  "COMMIT",
  "default via",
  "nexthop",
  "dev eth0",
  "10.0.0.0/33",
  "fe80::1",
  "999999999999",
  "table ip x {",
  "elements = {",
  "create S hash:net",
  "add S",
  "src 10.0.0.0/8 dst",
  "0x",
  "!",
  "proto",
  "__proto__",
  "constructor",
  '"dst"',
  "null",
  "-1",
  "\\",
];

/** Deletes, repeats, and inserts parts of a text. */
const edits = fc.array(
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), length: fc.nat(40), text: fc.constantFrom(...WORDS) }),
  { minLength: 1, maxLength: 6 },
);

function damaged(
  text: string,
  all: readonly { readonly at: number; readonly length: number; readonly text: string }[],
): string {
  return all.reduce((now, { at, length, text: word }) => {
    const start = Math.floor(at * now.length);
    return now.slice(0, start) + word + now.slice(start + length);
  }, text);
}

const worlds = [1, 2, 3, 5, 8, 13].map((seed) => world(topologyText(seed, "complete")));
const inputs = worlds.map((one) => ({ world: one, files: filesOf(one) }));

describe("damaged state", () => {
  it("never throws, and is compared and simulated", () => {
    fc.assert(
      fc.property(fc.nat(inputs.length - 1), fc.nat(), edits, (which, pick, all) => {
        const { world: found, files } = inputs[which] ?? { world: worlds[0]!, files: [] };
        const at = pick % files.length;
        const changed: readonly TextFile[] = files.map((file, index) =>
          index === at ? { file: file.file, text: damaged(file.text, all) } : file,
        );
        const state = readState(changed);
        const texts = new Map(changed.map(({ file, text }) => [file, text]));
        for (const { span, source } of state.problems) {
          const length = texts.get(source.file)?.length ?? -1;
          expect(span?.start, source.file).toBeGreaterThanOrEqual(0);
          expect(span?.end, source.file).toBeGreaterThanOrEqual(span?.start ?? 0);
          expect(span?.start, source.file).toBeLessThanOrEqual(length);
        }
        for (const { source, message } of driftFindings(found, state)) {
          expect(message).not.toContain("undefined");
          expect(state.documents.some(({ file }) => file === source.file)).toBe(true);
        }
        const real = realOf(found, changed);
        for (const { path } of found.topology.clusters.flatMap(({ nodes }) => nodes))
          expect(real.netns(path)).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });

  it("is read from any text", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...WORDS), fc.string()), { maxLength: 60 }), (words) => {
        readState([{ file: "n1.txt", text: words.join("") }]);
      }),
      { numRuns: 500 },
    );
  });
});
