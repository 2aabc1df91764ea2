/** Format Document of a large file is one notification with thousands of edits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatEdits } from "../../../server/src/frontends/knet/format.ts";
import { appliedInOrder, applyChanges, type ContentChange } from "../../../server/src/lsp/changes.ts";
import { createDisk } from "../../../server/src/lsp/disk.ts";
import { createDocuments } from "../../../server/src/lsp/documents.ts";
import { lineIndex } from "../../../server/src/text/line-index.ts";

/** The definition: each change is applied to the text after the previous one. */
function oneByOne(text: string, changes: readonly ContentChange[]): string {
  return changes.reduce((before, { range, text: inserted }) => {
    if (!range) return inserted;
    const index = lineIndex(before);
    const [start = 0, end = 0] = [index.offsetAt(range.start), index.offsetAt(range.end)].sort((a, b) => a - b);
    return before.slice(0, start) + inserted + before.slice(end);
  }, text);
}

const text = fc.array(fc.constantFrom("a", "bc", "\n", "\r", "\r\n", "\n\n", " ")).map((parts) => parts.join(""));
const place = fc.record({ line: fc.integer({ min: -1, max: 8 }), character: fc.integer({ min: -1, max: 6 }) });
const change: fc.Arbitrary<ContentChange> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ range: fc.record({ start: place, end: place }), text }) },
  { weight: 1, arbitrary: fc.record({ text }) },
);

describe("many changes in one notification", () => {
  it("have the same result as one change at a time, with every kind of line break", () => {
    fc.assert(
      fc.property(text, fc.array(change, { maxLength: 12 }), (before, changes) => {
        const expected = oneByOne(before, changes);
        expect(applyChanges(before, changes)).toBe(expected);
        expect(appliedInOrder(before, changes)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it("have the same result from the end of the text, also past the ends of lines", () => {
    const lines = fc.array(fc.constantFrom("a", "bc", "\n", "\n\n", " ")).map((parts) => parts.join(""));
    const places = fc
      .array(fc.tuple(fc.nat(6), fc.nat(5)), { maxLength: 24 })
      .map((all) =>
        all
          .map(([line, character]) => ({ line, character }))
          .sort((a, b) => b.line - a.line || b.character - a.character),
      );
    fc.assert(
      fc.property(lines, places, fc.array(lines, { minLength: 12, maxLength: 12 }), (before, sorted, inserted) => {
        const changes = inserted.flatMap((one, at): ContentChange[] => {
          const [end, start] = [sorted[2 * at], sorted[2 * at + 1]];
          return start && end ? [{ range: { start, end }, text: one }] : [];
        });
        expect(applyChanges(before, changes)).toBe(oneByOne(before, changes));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ["from the end, as editors send them", (edits: ContentChange[]) => edits.reverse()],
    ["on one line", (edits: ContentChange[]) => edits.reverse()],
  ])("cost about as much as one: %s", (name, order) => {
    const statement = "host   h1  {attach   lan   10.0.0.1}";
    const source = Array.from({ length: 4000 }, () => statement).join(name === "on one line" ? ";" : "\n");
    const index = lineIndex(source);
    const changes = order(
      formatEdits(source).map(({ start, end, text: inserted }) => ({
        range: { start: index.positionAt(start), end: index.positionAt(end) },
        text: inserted,
      })),
    );
    expect(changes.length).toBeGreaterThan(16_000);
    const documents = createDocuments(createDisk());
    const timed = (work: () => void): number => {
      const start = performance.now();
      work();
      return performance.now() - start;
    };
    const once = timed(() => documents.open("untitled:a.knet", 1, source));
    const all = timed(() => documents.change("untitled:a.knet", 2, changes));
    expect(documents.service.textOf("untitled:a.knet")?.length).toBeGreaterThan(source.length / 2);
    // One change at a time takes more than a hundred times as long.
    expect(all).toBeLessThan(20 * once + 1000);
  });
});
