import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkGrammar, parse } from "../../../server/src/frontends/knet/parser.ts";
import { checkTree, printTree, soup, valid } from "./support.ts";

const fixtures = new URL("./fixtures/", import.meta.url);
const kinds = (text: string): string[] => parse(text).root.problems.map(({ kind }) => kind);
const tree = (text: string): string => printTree(parse(text));

describe("the grammar", () => {
  it("passes Chevrotain's validation", () => {
    expect(checkGrammar).not.toThrow();
  });
});

describe("trees of files", () => {
  for (const name of readdirSync(fixtures).filter((name) => name.endsWith(".knet")))
    it(name, async () => {
      const parsed = parse(readFileSync(new URL(name, fixtures), "utf8"));
      checkTree(parsed);
      await expect(printTree(parsed)).toMatchFileSnapshot(new URL(name.replace(".knet", ".tree"), fixtures).pathname);
    });
});

describe("tokens", () => {
  it.each([
    ["a->b", "(a -> b)"],
    ["a-b -> c", "(a-b -> c)"],
    ["see http://x/y#z", "(see http://x/y)"],
    ["x >= 3 <2", "(x >= 3 < 2)"],
    ["/24 fd00::1 app=[a b]", "(/24 fd00::1 app= [a b])"],
    ["a /* c */ b // d", "(a b)"],
    ['say "a \\"b\\" \\\\ \\n"', '(say "a \\"b\\" \\\\ \\\\n")'],
    ["\ufeffa\u00a0b", "(a b)"],
  ])("%s", (text, statement) => {
    expect(tree(text).split("\n")[1]).toContain(statement);
  });

  it("ends lines at LF, CRLF, and CR", () => {
    expect(parse("a\nb\r\nc\rd").root.statements.map(({ keyword }) => keyword.text)).toEqual(["a", "b", "c", "d"]);
  });
});

describe("repair by indentation", () => {
  it("is skipped if the braces are balanced", () => {
    expect(parse("a {\nb {\nc\n}\n}\n").root.problemCount).toBe(0);
  });
  it("does not change the text in front of the outermost unclosed block", () => {
    expect(tree("a {\nb {\nc\n}\n}\nd {\n  e {\n}\nf")).toMatchInlineSnapshot(`
      "text 0..27
        (a) {} 0..13
          (b) {} 4..11
            (c) 8..9
        (d) {} 14..25
          (e) { 20..23
            ! unclosed-block 22 "{"
        (f) 26..27
      "
    `);
  });
});

describe("any text", () => {
  it("has a tree that covers every character", () => {
    fc.assert(
      fc.property(soup(), (text) => checkTree(parse(text))),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => checkTree(parse(text))),
      { numRuns: 500 },
    );
  });

  it("has no problems if it is valid", () => {
    fc.assert(
      fc.property(valid, (text) => {
        const parsed = parse(text);
        checkTree(parsed);
        expect(parsed.root.problemCount).toBe(0);
      }),
    );
  });

  it("can be deeply nested", () => {
    expect(kinds(`${"a {".repeat(100)}${"}".repeat(100)}`)).toEqual([]);
    expect(
      parse(`${"a {".repeat(101)} b ${"}".repeat(101)} c`).root.statements.map(({ keyword }) => keyword.text),
    ).toEqual(["a", "c"]);
    expect(parse(`${"a {".repeat(101)}${"}".repeat(101)}`).root.problemCount).toBe(1);
    expect(parse("{".repeat(1_000_000)).root.problemCount).toBe(201);
    expect(parse("a [".repeat(100_000)).root.problemCount).toBe(100_000);
  });

  it.each(["[", '"', "/*", "}", "]", "\u0001", "->", "a\n{", "{\n", "{}", "[\n", '"\\', "/* */", "a "])(
    "can repeat %j",
    (piece) => {
      checkTree(parse(piece.repeat(20_000)));
    },
  );
});
