/** Many edits of a text at once. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { isKnet } from "../../../server/src/frontends/knet/document.ts";
import { formatEdits } from "../../../server/src/frontends/knet/format.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { applied, combined } from "../../../server/src/service/edits.ts";
import { createService } from "../../../server/src/service/service.ts";
import type { TextEdit } from "../../../server/src/text/edit.ts";

const one = (text: string, { start, end, text: inserted }: TextEdit): string =>
  text.slice(0, start) + inserted + text.slice(end);

/** Edits whose offsets are valid in the text after the previous edit. */
const editing = fc
  .tuple(
    fc.string({ maxLength: 60 }),
    fc.array(fc.tuple(fc.nat(80), fc.nat(8), fc.string({ maxLength: 6 })), { maxLength: 30 }),
  )
  .map(([text, places]) => {
    let length = text.length;
    const edits = places.map(([place, count, inserted]) => {
      const start = Math.min(place, length);
      const end = Math.min(start + count, length);
      length += inserted.length - (end - start);
      return { start, end, text: inserted };
    });
    return { text, edits };
  });

it("edits one after the other produce the same text", () => {
  fc.assert(
    fc.property(editing, ({ text, edits }) => {
      const expected = edits.reduce(one, text);
      expect(applied(text, edits)).toBe(expected);
      expect(one(text, combined(text, edits))).toBe(expected);
    }),
    { numRuns: 2000 },
  );
});

it("the combined edit leaves the equal start and end of the text unchanged", () => {
  expect(combined("abcdef", [])).toEqual({ start: 6, end: 6, text: "" });
  expect(
    combined("abcdef", [
      { start: 4, end: 4, text: "x" },
      { start: 2, end: 3, text: "c" },
      { start: 1, end: 2, text: "yy" },
    ]),
  ).toEqual({ start: 1, end: 4, text: "yycdx" });
});

it.each([[3], [100]])("a service with %i separate edits has the tree of the new text", (count) => {
  const lines = Array.from({ length: count }, (_, index) => `   host   h${index}   {}\n`);
  const text = `cluster c {\n${lines.join("")}}\n`;
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", text);
  const edits = formatEdits(text).reverse();
  service.edit("a.knet", edits);
  const expected = edits.reduce(one, text);
  const document = service.documentOf("a.knet");
  expect(isKnet(document) && document.tree).toEqual(parse(expected));
  expect(expected).toContain("\n  host h1 {}\n");
});
