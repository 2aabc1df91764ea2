/** Shared by the language tests: trees as text, random texts, and the invariants of all trees. */

import fc from "fast-check";
import { tokenize } from "../../../server/src/frontends/knet/tokens.ts";
import type { Arg, Block, Statement, SyntaxProblem, SyntaxTree } from "../../../server/src/frontends/knet/tree.ts";

/** Prints one statement per line with its span; blocks are indented; problems follow `!`. */
export function printTree({ text, root }: SyntaxTree): string {
  const lines: string[] = [];
  const printProblems = (problems: readonly SyntaxProblem[], base: number, indent: string): void => {
    for (const { kind, start, text } of problems)
      lines.push(`${indent}! ${kind} ${base + start} ${JSON.stringify(text)}`);
  };
  const printBlock = (block: Block, base: number, indent: string): void => {
    printProblems(block.problems, base, indent);
    block.statements.forEach((statement, index) => {
      const start = base + block.offsets[index]!;
      const head = [statement.keyword, ...statement.args].map(printArg).join(" ");
      const { block: inner } = statement;
      const braces = inner === undefined ? "" : inner.closed ? " {}" : " {";
      lines.push(`${indent}(${head})${braces} ${start}..${start + statement.length}`);
      printProblems(statement.problems, start, `${indent}  `);
      if (inner !== undefined) printBlock(inner, start + inner.start, `${indent}  `);
    });
  };
  lines.push(`text 0..${text.length}`);
  printBlock(root, 0, "  ");
  return `${lines.join("\n")}\n`;
}

function printArg({ kind, text, items }: Arg): string {
  if (kind === "string") return JSON.stringify(text);
  if (kind === "list") return `[${items!.map(printArg).join(" ")}]`;
  return text === "" ? "∅" : text;
}

/** Throws unless the tree satisfies the invariants of `tree.ts` and covers every character of the text. */
export function checkTree({ text, root }: SyntaxTree): void {
  const covered = new Uint8Array(text.length);
  let tooDeep = false;
  const fail = (message: string): never => {
    throw new Error(`${message} in ${JSON.stringify(text)}`);
  };
  const cover = (start: number, length: number): void => {
    if (start < 0 || start + length > text.length) fail(`span ${start}+${length}`);
    covered.fill(1, start, start + length);
  };
  const checkProblems = (problems: readonly SyntaxProblem[], base: number): void => {
    for (const problem of problems) {
      if (problem.kind === "too-deep") tooDeep = true;
      cover(base + problem.start, problem.length);
      if (text.slice(base + problem.start, base + problem.start + problem.length) !== problem.text)
        fail(`text of ${problem.kind}`);
    }
  };
  const checkArg = (arg: Arg, base: number, from: number): number => {
    const start = base + arg.start;
    if (start < from) fail(`order of ${JSON.stringify(arg.text)}`);
    cover(start, arg.length);
    if (arg.kind !== "string" && text.slice(start, start + arg.length) !== arg.text)
      fail(`text of ${JSON.stringify(arg.text)}`);
    if ((arg.kind === "list") !== (arg.items !== undefined)) fail("items");
    let at = start;
    for (const item of arg.items ?? []) at = checkArg(item, base, at);
    return start + arg.length;
  };
  const checkStatement = (statement: Statement, start: number): void => {
    checkProblems(statement.problems, start);
    let end = start;
    for (const arg of [statement.keyword, ...statement.args]) end = checkArg(arg, start, end);
    let count = statement.problems.length;
    const { block } = statement;
    if (block !== undefined) {
      const blockStart = start + block.start;
      if (blockStart < end) fail("block before arguments");
      checkBlock(block, blockStart);
      count += block.problemCount;
      end = blockStart + block.length;
    }
    if (statement.keyword.start !== 0 || end !== start + statement.length) fail("length of a statement");
    if (count !== statement.problemCount) fail("problem count of a statement");
  };
  const checkBlock = (block: Block, start: number): void => {
    checkProblems(block.problems, start);
    let count = block.problems.length;
    let end = start;
    if (block !== root) {
      if (text[start] !== "{") fail("start of a block");
      cover(start, 1);
      if (block.closed) {
        if (text[start + block.length - 1] !== "}") fail("end of a block");
        cover(start + block.length - 1, 1);
      }
      end++;
    }
    if (block.statements.length !== block.offsets.length) fail("offsets");
    block.statements.forEach((statement, index) => {
      const at = start + block.offsets[index]!;
      if (at < end) fail("order of statements");
      checkStatement(statement, at);
      end = at + statement.length;
      count += statement.problemCount;
    });
    if (end > start + block.length) fail("length of a block");
    if (count !== block.problemCount) fail("problem count of a block");
  };
  checkBlock(root, 0);
  if (root.start !== 0 || root.length !== text.length) fail("root");
  for (const token of tokenize(text))
    if (token.kind === "comment" || token.kind === ";") covered.fill(1, token.start, token.end);
  if (!tooDeep)
    for (let at = 0; at < text.length; at++)
      if (covered[at] === 0 && /\S/.test(text[at]!)) fail(`offset ${at} is not covered`);
}

export const pieces = [
  "{", "}", "[", "]", ",", ";", '"', "\\", "#", "//", "/*", "*/", "->", "-", ">", ">=", "<", "\n", "\n", "\n  ", "\n    ",
  "\r\n", " ", " ", "\t", "a", "bc", "node n1", "10.0.0.1/24", "http://x", "\u0000", "\u00a0", "\ufeff", "\u200b", "é", "😀",
] as const; // biome-ignore format: a table

/** Random sequences of tokens that are significant for the lexer and the parser. */
export const soup = (maxLength = 60): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...pieces), { maxLength }).map((parts) => parts.join(""));

const word = fc.constantFrom(
  "node",
  "n1",
  "attach",
  "10.0.0.1/24",
  "rack-a",
  "app=web",
  "8080/tcp",
  "via",
  "prod/shop/web",
);
const argument = fc.oneof(
  { weight: 8, arbitrary: word },
  { weight: 1, arbitrary: fc.constantFrom("->", '"a string"', '"say \\"x\\""', ">=", "[a, b c]", "[a\n  b\n]", "[]") },
);
const comment = fc.constantFrom("# note", "// note", "/* one */", "/* two\n lines */");

/** Valid texts in any layout. */
export const valid: fc.Arbitrary<string> = fc.letrec<{ statements: string; statement: string }>((tie) => ({
  statements: fc
    .array(fc.tuple(tie("statement"), fc.constantFrom("\n", "\n\n", "; ", "\r\n  ", "\n\t"), fc.option(comment)), {
      maxLength: 4,
    })
    .map((all) =>
      all.map(([statement, end, note]) => (note === null ? statement + end : `${statement} ${note}\n${end}`)).join(""),
    ),
  statement: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 3, arbitrary: fc.array(argument, { minLength: 1, maxLength: 4 }).map((args) => args.join(" ")) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.array(argument, { minLength: 1, maxLength: 3 }), fc.constantFrom(" ", "", "\n"), tie("statements"))
        .map(([args, gap, inner]) => `${args.join(" ")}${gap}{ ${inner}}`),
    },
  ),
})).statements;
