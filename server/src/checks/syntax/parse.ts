import { countBelow } from "../../addressing/search.ts";
import { newlineOf } from "../../language/lines.ts";
import type { Block, Source, Statement, SyntaxProblem, SyntaxProblemKind } from "../../language/tree.ts";
import type { Check, CheckedFile, Finding, Fix } from "../check.ts";
import { NO_STATEMENT } from "../source.ts";

export const parse: Check = {
  code: "KN001",
  name: "syntax",
  family: "syntax",
  severity: "error",
  summary: "Something stands where the grammar has no place for it.",
  documentation: `Every statement is \`keyword argument* [ { statement* } ]\` and ends at the end of its line, at \`;\` or at \`}\`. Lists stand in
brackets and may span lines, texts in double quotes on one line; comments begin with \`#\` or \`//\`, or stand between
\`/*\` and \`*/\`.

What is wrong is skipped, and everything else is checked as usual.`,
  example: {
    bad: `segment lan {
  cidr 192.168.10.0/24
}
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
}
`,
  },
};

const SENTENCES: Readonly<Record<SyntaxProblemKind, (text: string) => string>> = {
  "unclosed-block": () => "this { has no }; close the block",
  "stray-close": () => "this } closes nothing; remove it, or open its block with {",
  "unclosed-list": () => "this [ has no ]; close the list",
  "stray-bracket": (text) => `${text} closes no list; remove it`,
  "unclosed-string": () => 'this text has no closing "; a text ends on the line on which it begins',
  "unclosed-comment": () => "this comment has no */ at its end",
  "unexpected-character": (text) =>
    `${text} has no meaning here; remove it, or put the text around it in double quotes`,
  "too-deep": () => "blocks are nested too deeply; nothing in the language needs more than a few levels",
};

/** Of more mistakes one follows from the other, and each fix is proven by another analysis of them all. */
const MOST_MENDED = 20;

/** The problems that the parser has left in the tree. */
export function* syntaxFindings({ file, tree }: CheckedFile): Iterable<Finding> {
  yield* inBlock(file, tree.root, 0, undefined, tree.root.problemCount <= MOST_MENDED ? tree.text : undefined);
}

function* inBlock(
  file: string,
  block: Block,
  start: number,
  owner: Statement | undefined,
  text: string | undefined,
): Iterable<Finding> {
  if (block.problemCount === 0) return;
  for (const problem of block.problems)
    yield found({ file, statement: owner ?? neighbourOf(block, problem), part: "whole" }, problem, start, text);
  for (let i = 0; i < block.statements.length; i += 1) {
    const statement = block.statements[i];
    if (!statement || statement.problemCount === 0) continue;
    const at = start + (block.offsets[i] ?? 0);
    const source: Source = { file, statement, part: "whole" };
    for (const problem of statement.problems) yield found(source, problem, at, text);
    if (statement.block) yield* inBlock(file, statement.block, at + statement.block.start, statement, text);
  }
}

/** At the top of a file no statement is around the place: the one before it, or the first. */
function neighbourOf({ statements, offsets }: Block, { start }: SyntaxProblem): Statement {
  return statements[Math.max(0, countBelow(offsets, start + 1) - 1)] ?? NO_STATEMENT;
}

function found(source: Source, problem: SyntaxProblem, ownerStart: number, text: string | undefined): Finding {
  const start = ownerStart + problem.start;
  const shown = problem.text.length > 20 ? `${problem.text.slice(0, 19)}…` : problem.text;
  return {
    code: parse.code,
    severity: parse.severity,
    message: SENTENCES[problem.kind](shown),
    source,
    span: { start, end: start + Math.max(1, problem.length) },
    related: [],
    fixes: text === undefined ? [] : fixesFor(source.file, problem, start, text),
  };
}

/** What is too many goes; what is open is closed at the end of its line, a block where the indentation returns to its own. */
function fixesFor(
  file: string,
  { kind, length, text: what }: SyntaxProblem,
  start: number,
  text: string,
): readonly Fix[] {
  const lineEnd = endOfLine(text, start);
  const insert = (title: string, at: number, inserted: string): readonly Fix[] => [
    { title, edits: [{ kind: "insert", file, at, text: inserted }] },
  ];
  switch (kind) {
    case "stray-close":
    case "stray-bracket":
    case "unexpected-character":
      return [{ title: `Remove ${what}`, edits: [{ kind: "comment", file, span: { start, end: start + length } }] }];
    case "unclosed-list":
      return insert("Close the list at the end of the line", endOfWords(text, start, lineEnd), "]");
    case "unclosed-string":
      return insert("Close the text at the end of the line", endOfWords(text, start, lineEnd), '"');
    case "unclosed-comment":
      return insert("Close the comment at the end of the line", lineEnd, " */");
    case "unclosed-block": {
      const { at, indent } = endOfBlock(text, start);
      const newline = newlineOf(text);
      const isBehind = at > 0 && !/[\r\n]/.test(text[at - 1] ?? "");
      return insert("Close the block where its indentation ends", at, `${isBehind ? newline : ""}${indent}}${newline}`);
    }
    default:
      return [];
  }
}

function endOfLine(text: string, from: number): number {
  const found = /\r?\n/g;
  found.lastIndex = from;
  return found.exec(text)?.index ?? text.length;
}

/** Nobody types longer lines; they are not read to their end for each of their problems. */
const LONGEST = 1000;

/** Before what closes the statement or its block, and before a comment. */
function endOfWords(text: string, start: number, end: number): number {
  const rest = text.slice(start, Math.min(end, start + LONGEST));
  const stop = /[;{}#]|\/\/|\/\*/.exec(rest)?.index;
  if (stop === undefined && rest.length < end - start) return end;
  return start + rest.slice(0, stop).trimEnd().length;
}

/** The line that is not indented more than that of the opening brace, or the end of the text. */
function endOfBlock(text: string, brace: number): { readonly at: number; readonly indent: string } {
  const lineStart = text.lastIndexOf("\n", brace - 1) + 1;
  const indent = /^[ \t]*/.exec(text.slice(lineStart, brace))?.[0] ?? "";
  let at = endOfLine(text, brace);
  while (at < text.length) {
    const next = text.indexOf("\n", at) + 1;
    if (next === 0) break;
    const end = endOfLine(text, next);
    const line = text.slice(next, end);
    const own = /^[ \t]*/.exec(line)?.[0] ?? "";
    if (line.trim() !== "" && own.length <= indent.length) return { at: next, indent };
    if (end >= text.length) break;
    at = end;
  }
  return { at: text.length, indent };
}
