import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { positionsOf } from "../../../server/src/frontends/knet/positions.ts";
import type { Block, Statement } from "../../../server/src/frontends/knet/tree.ts";
import { lineIndex } from "../../../server/src/text/line-index.ts";
import { soup, valid } from "./support.ts";

/** The path at `|`: keywords of the statements, part, index of the next argument, index in the block. */
function at(marked: string): string {
  const offset = marked.indexOf("|");
  const path = positionsOf(parse(marked.replace("|", ""))).path(offset);
  const names = path.statements.map(({ keyword }) => keyword.text).join(" > ");
  return `${names || "-"} part=${JSON.stringify(path.part) ?? "none"} next=${path.next} index=${path.index}${path.inComment ? " comment" : ""}`;
}

describe("path", () => {
  it.each([
    ["|", "- part=none next=0 index=0"],
    ["no|de n1", 'node part="keyword" next=0 index=1'],
    ["|node n1", 'node part="keyword" next=0 index=0'],
    ["node| n1", 'node part="keyword" next=0 index=1'],
    ["node |n1", "node part=0 next=0 index=1"],
    ["node n1|", "node part=0 next=1 index=1"],
    ["node n1 |", "node part=none next=1 index=1"],
    ["node n1  |  { }", "node part=none next=1 index=1"],
    ["node n1\n|", "- part=none next=0 index=1"],
    ["node n1; |", "- part=none next=0 index=1"],
    ["node n1 {|}", "node part=none next=0 index=0"],
    ["node n1 { att|ach a }", 'node > attach part="keyword" next=0 index=1'],
    ["node n1 { attach a; | }", "node part=none next=0 index=1"],
    ["node n1 { attach | }", "node > attach part=none next=0 index=1"],
    ["node n1 { } |", "- part=none next=0 index=1"],
    ["node n1 {\n  |\n", "node part=none next=0 index=0"],
    ["from [a b|, c] to", "from part=[0,1] next=1 index=1"],
    ["from [a b, | c] to", "from part=0 next=1 index=1"],
    ["a|->b", 'a part="keyword" next=0 index=1'],
    ["a->|b", "a part=1 next=1 index=1"],
    ["node # no|te", "node part=none next=0 index=1 comment"],
    ["node /* no|te */ n1", "node part=none next=0 index=1 comment"],
    ["# no|te\nnode", "- part=none next=0 index=0 comment"],
    ["a\n# no|te\nnode", "- part=none next=0 index=1 comment"],
    ["a\n# note\n|node", 'node part="keyword" next=0 index=1'],
    ["a { b\n # note|\n }", "a part=none next=0 index=1 comment"],
  ])("%j", (marked, expected) => {
    expect(at(marked)).toBe(expected);
  });

  it("agrees with the spans of all statements", () => {
    fc.assert(
      fc.property(fc.oneof(soup(), valid), (text) => {
        const tree = parse(text);
        const positions = positionsOf(tree);
        const check = (block: Block): void => {
          for (const statement of block.statements) {
            const start = positions.startOf(statement)!;
            const whole = positions.spanOf(statement, "whole")!;
            expect(whole).toEqual({ start, end: start + statement.length });
            const keyword = positions.spanOf(statement, "keyword")!;
            if (keyword.end > keyword.start) {
              const path = positions.path(start);
              expect(path.statements.at(-1)).toBe(statement);
              expect(path.starts.at(-1)).toBe(start);
              expect(path.part).toBe("keyword");
            }
            statement.args.forEach((arg, index) => {
              const span = positions.spanOf(statement, index)!;
              if (arg.kind !== "string") expect(text.slice(span.start, span.end)).toBe(arg.text);
              if (arg.kind === "word" || arg.kind === "string") expect(positions.path(span.start).part).toBe(index);
            });
            if (statement.block !== undefined) check(statement.block);
          }
        };
        check(tree.root);
        for (let offset = 0; offset <= text.length; offset++) positions.path(offset);
      }),
    );
  });

  it("returns undefined for statements of a different tree", () => {
    const [statement] = parse("a b").root.statements as [Statement];
    expect(positionsOf(parse("a b")).startOf(statement)).toBeUndefined();
    expect(positionsOf(parse("a b")).spanOf(statement, 0)).toBeUndefined();
  });
});

describe("lineIndex", () => {
  it("converts offsets to positions and back", () => {
    const text = "one\r\ntwo\rthree\n\n😀 four";
    const index = lineIndex(text);
    expect(index.lineCount()).toBe(5);
    expect(index.positionAt(5)).toEqual({ line: 1, character: 0 });
    expect(index.positionAt(text.length)).toEqual({ line: 4, character: 7 });
    for (let offset = 0; offset <= text.length; offset++)
      if (text[offset] !== "\n" || text[offset - 1] !== "\r")
        expect(index.offsetAt(index.positionAt(offset))).toBe(offset);
  });
  it("clamps to line and text boundaries", () => {
    const index = lineIndex("ab\r\ncd");
    expect(index.offsetAt({ line: 0, character: 99 })).toBe(2);
    expect(index.offsetAt({ line: 9, character: 0 })).toBe(6);
    expect(index.offsetAt({ line: -1, character: 0 })).toBe(0);
    expect(index.positionAt(99)).toEqual({ line: 1, character: 2 });
    expect(index.positionAt(-1)).toEqual({ line: 0, character: 0 });
  });
  it("finds exact offsets only within lines", () => {
    const index = lineIndex("ab\r\ncd");
    const at = (line: number, character: number) => index.exactOffsetAt({ line, character });
    expect([at(0, 0), at(0, 2), at(1, 0), at(1, 2)]).toEqual([0, 2, 4, 6]);
    expect([at(0, 3), at(1, 3), at(2, 0), at(-1, 0), at(0, -1)]).toEqual(Array.from({ length: 5 }));
  });
});
