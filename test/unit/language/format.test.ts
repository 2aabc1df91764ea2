import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { format, formatEdits, formatRangeEdits } from "../../../server/src/frontends/knet/format.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { tokenize } from "../../../server/src/frontends/knet/tokens.ts";
import type { Arg, Block } from "../../../server/src/frontends/knet/tree.ts";
import { soup, valid } from "./support.ts";

const fixtures = new URL("./fixtures/", import.meta.url);

/** The parts of a tree that formatting must not change: keywords, arguments, blocks, problems, without positions. */
const shape = (text: string): unknown => {
  const arg = ({ kind, text: value, items }: Arg): unknown => (kind === "list" ? items!.map(arg) : [kind, value]);
  const block = ({ statements, problems, closed }: Block): unknown => ({
    closed,
    problems: problems.map(({ kind }) => kind),
    statements: statements.map((statement) => ({
      args: [statement.keyword, ...statement.args].map(arg),
      problems: statement.problems.map(({ kind }) => kind),
      block: statement.block && block(statement.block),
    })),
  });
  return block(parse(text).root);
};
const comments = (text: string): string[] =>
  tokenize(text)
    .filter(({ kind }) => kind === "comment")
    .map(({ text: comment }) => comment);
const ink = (text: string): string => text.replace(/[\s;]/gu, "");

function check(text: string): void {
  const formatted = format(text);
  expect(ink(formatted)).toBe(ink(text));
  expect(shape(formatted)).toEqual(shape(text));
  expect(comments(formatted)).toEqual(comments(text));
  expect(format(formatted)).toBe(formatted);
}

it("writes one spelling of booleans", () => {
  expect(format("segment a { source-check  off }\nhost on { attach a { source-check yes } }  # on\n")).toBe(
    "segment a { source-check false }\nhost on { attach a { source-check true } }  # on\n",
  );
});

describe("layout", () => {
  it.each([
    ["one statement per line", "a;b ;  c\n", "a\nb\nc\n"],
    ["one space between arguments", "a   b\t->c   [ x ,y  z ]\n", "a b -> c [x, y z]\n"],
    ["two spaces per level", "a{\nb {\n\tc\n}}", "a {\n  b {\n    c\n  }\n}\n"],
    ["a brace on a separate line", "a\n{\n b\n}", "a {\n  b\n}\n"],
    ["blocks on one line", "a  {b;c { d}}\n", "a { b; c { d } }\n"],
    ["empty blocks", "a { }\nb {\n}\nc { # d\n}\n", "a {}\nb {\n}\nc {  # d\n}\n"],
    ["blank lines", "\n\na\n\n\n\nb {\n\n\nc\n\n}\n\n\n", "a\n\nb {\n  c\n}\n"],
    ["adjacent lists", "labels app=[ a b ] tier= [c]\n", "labels app=[a b] tier= [c]\n"],
    ["lists that fit", "a [\n b,\n c\n] d", "a [b, c] d\n"],
    ["nothing", "  \n \n", ""],
    ["byte order marks", "\ufeff a\n", "\ufeffa\n"],
    ["CRLF if it is more common", "a {\r\nb\r\n}\nc", "a {\r\n  b\r\n}\r\nc\r\n"],
    ["LF if it is more common", "a {\r\nb\n}\nc", "a {\n  b\n}\nc\n"],
  ])("%s", (_, text, expected) => {
    expect(format(text)).toBe(expected);
    check(text);
  });

  it("breaks blocks and lists that are too long", () => {
    const long = `policy p { ingress from [${"app=web, ".repeat(12)}app=api] to [9090/tcp 80/tcp] }`;
    expect(format(long).split("\n").slice(0, 4)).toEqual([
      "policy p {",
      "  ingress from [",
      "    app=web,",
      "    app=web,",
    ]);
    expect(format(long)).toContain("    app=api\n  ] to [9090/tcp 80/tcp]\n}\n");
    check(long);
  });

  it("keeps comments next to their statement", () => {
    const text = `
# above
a { # brace
  b # one
  cc   // two
  /* before */ d; /* after */ e /* between */ f
      # inside
  list [ # bracket
    x, # first
    /* second */ y z /* third */
    # last
  ]

  # end
}   # closed
`;
    expect(format(text)).toMatchInlineSnapshot(`
      "# above
      a {   # brace
        b   # one
        cc  // two
        /* before */ d
        /* after */ e /* between */ f
        # inside
        list [  # bracket
          x,    # first
          /* second */ y
          z /* third */
          # last
        ]

        # end
      }  # closed
      "
    `);
    check(text);
  });

  it.each([
    ["at the top level", "a; /* of b */ b\n", "a\n/* of b */ b\n"],
    ["several comments", "a; /* of b */ /* too */ b { c }\n", "a\n/* of b */ /* too */ b { c }\n"],
    ["in a block on one line", "a { b; /* of c */ c }\n", "a { b; /* of c */ c }\n"],
    ["in a block on several lines", "a {\n  b; /* of c */ c\n}\n", "a {\n  b\n  /* of c */ c\n}\n"],
    [
      "with a comment in front of the semicolon",
      "a { b /* of b */; /* of c */ c }\n",
      "a { b /* of b */; /* of c */ c }\n",
    ],
    [
      "without a following statement",
      "a { b; /* of b */ }\nc; /* of c */\nd\n",
      "a { b /* of b */ }\nc  /* of c */\nd\n",
    ],
    ["of a block without keyword (unchanged)", "a; /* of it */ { b }\n", "a; /* of it */ { b }\n"],
  ])("keeps a comment after a semicolon with the next statement: %s", (_, text, expected) => {
    expect(format(text)).toBe(expected);
    check(text);
  });

  it("aligns comments on adjacent lines", () => {
    expect(format("a # 1\nbbb # 2\n\nc # 3\nd { # 4\ne # 5\n}")).toBe(
      "a    # 1\nbbb  # 2\n\nc    # 3\nd {  # 4\n  e  # 5\n}\n",
    );
  });

  it("does not change lines with problems", () => {
    const text = 'a   1\n   b  "x\nc   2 {\n d   ]  ;  e\n     f   g\n}\n';
    expect(format(text)).toBe('a 1\n   b  "x\nc 2 {\n d   ]  ;  e\n  f g\n}\n');
    check(text);
  });

  it("does not change anything after an unclosed brace", () => {
    const text = "a   1\nb   {\n  c   d\n e   f\n";
    expect(format(text)).toBe("a 1\nb   {\n  c   d\n e   f\n");
    check(text);
    // Without the `;`, the second brace would be inside the first block.
    check("{\n;\n    {");
    // A byte order mark is ordinary white space unless it is the first character.
    check("\t\ufeff{\n    {");
  });

  it.each(readdirSync(fixtures).filter((name) => name.endsWith(".knet")))("%s", (name) => {
    check(readFileSync(new URL(name, fixtures), "utf8"));
  });
});

describe("any text", () => {
  const numRuns = Number(process.env.KNET_RUNS ?? 1500);
  it("keeps its tree and comments, and formatting is idempotent", () => {
    fc.assert(fc.property(valid, check), { numRuns });
    fc.assert(fc.property(soup(), check), { numRuns });
  });

  it("is changed by disjoint edits of only white space and `;`", () => {
    fc.assert(
      fc.property(fc.oneof(valid, soup()), (text) => {
        let end = -1;
        for (const edit of formatEdits(text)) {
          expect(edit.start).toBeGreaterThan(end);
          expect(`${text.slice(edit.start, edit.end)}${edit.text}`).toMatch(/^[\s;]+$/u);
          end = edit.end;
        }
      }),
    );
  });
});

it("never ends an edit inside a line break", () => {
  const torn = fc.array(fc.constantFrom("\r\n", "\r\n", "\n", "\r", "a", "b {", "}", " ", ";"), { maxLength: 30 });
  fc.assert(
    fc.property(torn, (parts) => {
      const text = parts.join("");
      const isInside = (at: number): boolean => text[at - 1] === "\r" && text[at] === "\n";
      for (const { start, end, text: by } of formatEdits(text)) {
        expect(isInside(start) || isInside(end)).toBe(false);
        expect(by.endsWith("\r") && text[end] === "\n").toBe(false);
        expect(by.startsWith("\n") && text[start - 1] === "\r").toBe(false);
      }
      check(text);
    }),
    { numRuns: 2000 },
  );
});

describe("ranges", () => {
  it("are formatted separately", () => {
    const text = "a   1\n    b   2\n    c   3\n";
    const [first, second] = formatRangeEdits(text, { start: 12, end: 13 });
    expect([first, second].map((edit) => edit && text.slice(edit.start, edit.end))).toEqual(["    ", "  "]);
    expect(formatRangeEdits(text, { start: 12, end: 13 })).toHaveLength(2);
    expect(formatRangeEdits(text, { start: 0, end: text.length })).toEqual(formatEdits(text));
  });
});
