import { countBelow } from "../../addressing/search.ts";
import { lineEndOf, lineStartOf, newlineOf, nextLineOf } from "../../language/lines.ts";
import type { Block, Source, Statement, SyntaxProblem, SyntaxProblemKind } from "../../language/tree.ts";
import { NO_STATEMENT } from "../../questions/origin.ts";
import { t } from "../../text/l10n.ts";
import type { Check, CheckedFile, Finding, Fix } from "../check.ts";

export const parse: Check = {
  code: "KN001",
  name: "syntax",
  family: "syntax",
  severity: "error",
  summary: "The text is not valid knet syntax.",
  documentation: `## What happens

A statement has the form \`keyword argument* [ { statement* } ]\` and ends at the end of its line, at \`;\`, or at \`}\`.
Lists are enclosed in brackets and can span lines. Strings are enclosed in double quotes and must end on the same line.
Comments start with \`#\` or \`//\`, or are enclosed in \`/*\` and \`*/\`.

knet skips text that does not fit this syntax and checks the rest of the file as usual.

## How to fix it

Add the missing brace, bracket, quote, or \`*/\`, or remove the unmatched character.`,
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

const MESSAGES: Readonly<Record<SyntaxProblemKind, (text: string) => string>> = {
  "unclosed-block": () => t`this \`{\` is never closed; add \`}\` at the end of the block`,
  "stray-close": () => t`unmatched \`}\`; remove it, or add \`{\` where the block starts`,
  "unclosed-list": () => t`this \`[\` is never closed; add \`]\` at the end of the list`,
  "stray-bracket": (text) => t`unmatched \`${text}\`; remove it`,
  "unclosed-string": () => t`this string is never closed; add \`"\` on the same line`,
  "unclosed-comment": () => t`this comment is never closed; add \`*/\``,
  "unexpected-character": (text) => t`unexpected \`${text}\`; remove it, or enclose the text in double quotes`,
  "too-deep": () => t`blocks are nested too deeply; no statement requires more than a few levels`,
};

/**
 * With more problems than this, fixes are not offered: most problems are then consequences of others, and proving a fix
 * takes a new analysis of the whole file.
 */
const MOST_FIXED = 20;

/** The syntax problems that the parser recorded in the tree. */
export function* syntaxFindings({ file, tree }: CheckedFile): Iterable<Finding> {
  yield* inBlock(file, tree.root, 0, undefined, tree.root.problemCount <= MOST_FIXED ? tree.text : undefined);
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
    yield found({ file, statement: owner ?? statementNear(block, problem), part: "whole" }, problem, start, text);
  for (let i = 0; i < block.statements.length; i += 1) {
    const statement = block.statements[i];
    if (!statement || statement.problemCount === 0) continue;
    const at = start + (block.offsets[i] ?? 0);
    const source: Source = { file, statement, part: "whole" };
    for (const problem of statement.problems) yield found(source, problem, at, text);
    if (statement.block) yield* inBlock(file, statement.block, at + statement.block.start, statement, text);
  }
}

/** At the top level no statement encloses the problem: the preceding statement, or the first one. */
function statementNear({ statements, offsets }: Block, { start }: SyntaxProblem): Statement {
  return statements[Math.max(0, countBelow(offsets, start + 1) - 1)] ?? NO_STATEMENT;
}

function found(source: Source, problem: SyntaxProblem, ownerStart: number, text: string | undefined): Finding {
  const start = ownerStart + problem.start;
  const shown = problem.text.length > 20 ? `${problem.text.slice(0, 19)}…` : problem.text;
  return {
    code: parse.code,
    severity: parse.severity,
    message: MESSAGES[problem.kind](shown),
    source,
    span: { start, end: start + Math.max(1, problem.length) },
    related: [],
    fixes: text === undefined ? [] : fixesFor(source.file, problem, start, text),
  };
}

/**
 * An unmatched character is removed. An open list, string, or comment is closed at the end of its line, an open block
 * where the indentation returns to the level of its statement.
 */
function fixesFor(
  file: string,
  { kind, length, text: what }: SyntaxProblem,
  start: number,
  text: string,
): readonly Fix[] {
  const lineEnd = lineEndOf(text, start);
  const insert = (title: string, at: number, inserted: string): readonly Fix[] => [
    { title, edits: [{ kind: "insert", file, at, text: inserted }] },
  ];
  switch (kind) {
    case "stray-close":
    case "stray-bracket":
    case "unexpected-character":
      return [
        { title: t`Remove \`${what}\``, edits: [{ kind: "comment", file, span: { start, end: start + length } }] },
      ];
    case "unclosed-list":
      return insert(t`Add \`]\` at the end of the line`, endOfArguments(text, start, lineEnd), "]");
    case "unclosed-string":
      return insert(t`Add \`"\` at the end of the line`, endOfArguments(text, start, lineEnd), '"');
    case "unclosed-comment":
      return insert(t`Add \`*/\` at the end of the line`, lineEnd, " */");
    case "unclosed-block": {
      const { at, indent } = endOfBlock(text, start);
      const newline = newlineOf(text);
      const followsText = at > 0 && !/[\r\n]/.test(text[at - 1] ?? "");
      return insert(t`Add \`}\` where the indentation ends`, at, `${followsText ? newline : ""}${indent}}${newline}`);
    }
    default:
      return [];
  }
}

/** Longer lines are not hand-written: scanning them to the end for each problem would take quadratic time. */
const LONGEST = 1000;

/** The end of the arguments: before `;`, a brace, or a comment. */
function endOfArguments(text: string, start: number, end: number): number {
  const rest = text.slice(start, Math.min(end, start + LONGEST));
  const stop = /[;{}#]|\/\/|\/\*/.exec(rest)?.index;
  if (stop === undefined && rest.length < end - start) return end;
  return start + rest.slice(0, stop).trimEnd().length;
}

/**
 * The start of the first line that is indented no deeper than the line of the opening brace, or the end of the text.
 */
function endOfBlock(text: string, brace: number): { readonly at: number; readonly indent: string } {
  const lineStart = lineStartOf(text, brace);
  const indent = /^[ \t]*/.exec(text.slice(lineStart, brace))?.[0] ?? "";
  let at = lineEndOf(text, brace);
  while (at < text.length) {
    const next = nextLineOf(text, at);
    if (next === text.length) break;
    const end = lineEndOf(text, next);
    const line = text.slice(next, end);
    const depth = /^[ \t]*/.exec(line)?.[0] ?? "";
    if (line.trim() !== "" && depth.length <= indent.length) return { at: next, indent };
    if (end >= text.length) break;
    at = end;
  }
  return { at: text.length, indent };
}
