import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reparse } from "../../../server/src/frontends/knet/incremental.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import type { Block, Statement, SyntaxTree } from "../../../server/src/frontends/knet/tree.ts";
import type { TextEdit } from "../../../server/src/text/edit.ts";
import { textsIn } from "../texts.ts";
import { checkTree, pieces, soup, valid } from "./support.ts";

const texts = textsIn("test/unit/language/fixtures").map(({ text }) => text);

/** The statement objects that both trees share. */
function shared(tree: SyntaxTree, old: SyntaxTree): Set<Statement> {
  const all = (block: Block): Statement[] =>
    block.statements.flatMap((statement) => [statement, ...(statement.block ? all(statement.block) : [])]);
  const before = new Set(all(old.root));
  return new Set(all(tree.root).filter((statement) => before.has(statement)));
}

/** Replaces the text between two `|` (or inserts at a single `|`) and checks the result. */
function edit(marked: string, text: string): { old: SyntaxTree; tree: SyntaxTree } {
  const start = marked.indexOf("|");
  const second = marked.indexOf("|", start + 1);
  const old = parse(marked.replaceAll("|", ""));
  const tree = reparse(old, { start, end: second < 0 ? start : second - 1, text });
  expect(tree).toEqual(parse(tree.text));
  return { old, tree };
}

const keywords = (statements: Iterable<Statement>): string =>
  [...statements].map(({ keyword }) => keyword.text).join(" ");

describe("statements that an edit does not change", () => {
  it.each([
    ["a 1\nb |2\nc 3", "x", "a c"],
    ["a 1\nb 2|\nc 3", "x", "a c"],
    ["a 1\n|b 2\nc 3", "x", "c"],
    ["a { b { c } d { e| } } f { g }", "x", "b c f g"],
    ["a |x { b { c } d }\ne", "y", "b c d e"],
    ["|a x { b { c } d }\ne", "y", "b c d e"],
    ["a { b }|\nc", " # note", "a b c"],
    ["a { b }\n|c", "d\n", "a b"],
    ["a { b\n  c |\n}\nd { e }", '"', "b d e"],
    ["a { b\n  c |\n}\nd { e }", "[", "b d e"],
    ["a\nb |\nc\nd { e }\nf", "[", "a f"],
    ["a { # note|\n b }", "s", "b"],
  ])("%j + %j", (marked, text, expected) => {
    const { old, tree } = edit(marked, text);
    expect(keywords(shared(tree, old))).toBe(expected);
  });
});

describe("the word that suppresses findings", () => {
  it.each([
    ["a # knet-ignor| KN105", "e"],
    ["a # knet-|gno|re KN105", "igno"],
    ["a # knet-ignor|e| KN105", ""],
    ["a # knet-ignore KN105\nb |2\n", "x"],
    ["a |b", "# knet-ignore KN105\n"],
  ])("is found after %j + %j", (marked, text) => {
    const { tree } = edit(marked, text);
    expect(tree.maySilence).toBe(tree.text.includes("knet-ignore"));
  });
});

describe("edits that affect more than their surroundings", () => {
  it.each([
    ["a\n|b\n{ c }", "# "],
    ["a|;| { c }", "\n"],
    ["a |[b] c\nd\ne ] f", "{"],
    ["a [b\nc |[d]|\ne ] f", ""],
    ["a [b\nc |{ }|\ne ] f", ""],
    ["a [b\nc { |} d\ne ] f", "]"],
    ["a [b\n|c\ne", "] "],
    ["a /* b\nc |\nd", "*/"],
    ["a /* b *|/| c\nd", ""],
    ["a |\nb */ c\nd", "/*"],
    ["a { b; c| }\nd { e }", '"'],
    ["a { b | }\nc { d }", "}"],
    ["a { b | }\nc { d }", "{"],
    ["a { b | }\nc { d }", "#"],
    ['a { b | }\nc " d', '"'],
    ["a|\n|  b {\n c }", ""],
    ["a {} } |b", "{"],
    ["a { } | } b", "{ ]"],
    ["\ufeff|", "a"],
    ["a\r|\nb", "\r"],
    ["a < |\n=b", ""],
    ["a -|\n>b", "->"],
    ["|a { b }|", ""],
    ["a |{| b }", ""],
    ["a |{| b\n}\nc", "x {"],
    ["a {\n b |{| c }\n}", ""],
  ])("%j + %j", (marked, text) => {
    edit(marked, text);
  });
});

describe("any edits", () => {
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...pieces) },
    { weight: 1, arbitrary: soup(6) },
    { weight: 2, arbitrary: fc.constant("") },
  );
  const edits = fc.array(
    fc.record({ at: fc.nat(), size: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(12)), text: piece }),
    { minLength: 1, maxLength: 12 },
  );
  const property = (text: fc.Arbitrary<string>) =>
    fc.property(text, edits, (initial, list) => {
      let tree = parse(initial);
      for (const { at, size, text: inserted } of list) {
        const start = at % (tree.text.length + 1);
        const change: TextEdit = { start, end: Math.min(start + size, tree.text.length), text: inserted };
        tree = reparse(tree, change);
        expect(tree).toEqual(parse(tree.text));
      }
      checkTree(tree);
    });
  const numRuns = Number(process.env.KNET_RUNS ?? 1500);

  it("produce the tree of the new text, for valid texts", () => {
    fc.assert(property(valid), { numRuns });
  });
  it("produce the tree of the new text, for any text", () => {
    fc.assert(property(soup()), { numRuns });
  });
  it("produce the tree of the new text, for files", () => {
    fc.assert(property(fc.constantFrom(...texts)), { numRuns: Math.ceil(numRuns / 5) });
  });
});
