/** The syntax problems that the parser recorded in the tree, with their repairs. */

import type { Change } from "../../declared/change.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Fault } from "../../declared/document.ts";
import { NO_DECL } from "../../declared/navigate.ts";
import { lineEndOf, lineStartOf, newlineOf, nextLineOf } from "../../text/lines.ts";
import { lastUpTo } from "../../text/search.ts";
import type { Block, SyntaxProblem, SyntaxTree } from "./tree.ts";

/**
 * With more problems than this, repairs are not offered: most problems are then consequences of others, and proving a fix
 * takes a new analysis of the whole file.
 */
const MOST_FIXED = 20;

interface Place {
  readonly file: string;
  /** The text, if repairs are offered. */
  readonly text: string | undefined;
}

/** `decls`: the declarations of the tree. */
export function faultsIn(file: string, { root, text }: SyntaxTree, decls: readonly Decl[]): readonly Fault[] {
  if (root.problemCount === 0) return [];
  return [...inBlock({ file, text: root.problemCount <= MOST_FIXED ? text : undefined }, root, 0, undefined, decls)];
}

function* inBlock(
  place: Place,
  block: Block,
  start: number,
  owner: Decl | undefined,
  decls: readonly Decl[],
): Iterable<Fault> {
  if (block.problemCount === 0) return;
  for (const problem of block.problems) yield faultOf(place, problem, start, owner ?? declNear(block, decls, problem));
  for (let i = 0; i < block.statements.length; i += 1) {
    const statement = block.statements[i];
    if (!statement || statement.problemCount === 0) continue;
    const at = start + (block.offsets[i] ?? 0);
    // The statements of a block with an unknown keyword are not decoded.
    const decl = decls[i] ?? owner ?? NO_DECL;
    for (const problem of statement.problems) yield faultOf(place, problem, at, decl);
    if (statement.block) yield* inBlock(place, statement.block, at + statement.block.start, decl, decl.children);
  }
}

/** At the top level no statement encloses the problem: the preceding statement, or the first one. */
function declNear({ offsets }: Block, decls: readonly Decl[], { start }: SyntaxProblem): Decl {
  return decls[Math.max(0, lastUpTo(offsets, start))] ?? NO_DECL;
}

function faultOf({ file, text }: Place, problem: SyntaxProblem, ownerStart: number, decl: Decl): Fault {
  const start = ownerStart + problem.start;
  return {
    kind: problem.kind,
    text: problem.text,
    span: { start, end: start + Math.max(1, problem.length) },
    source: { file, decl, part: "whole" },
    repair: text === undefined ? undefined : repairOf(file, problem, start, text),
  };
}

/**
 * An unmatched character is removed. An open list, string, or comment is closed at the end of its line, an open block
 * where the indentation returns to the level of its statement.
 */
function repairOf(file: string, { kind, length }: SyntaxProblem, start: number, text: string): Change | undefined {
  const lineEnd = lineEndOf(text, start);
  switch (kind) {
    case "stray-close":
    case "stray-bracket":
    case "unexpected-character":
      return { kind: "comment", file, span: { start, end: start + length } };
    case "unclosed-list":
      return { kind: "insert", file, at: endOfArguments(text, start, lineEnd), text: "]" };
    case "unclosed-string":
      return { kind: "insert", file, at: endOfArguments(text, start, lineEnd), text: '"' };
    case "unclosed-comment":
      return { kind: "insert", file, at: lineEnd, text: " */" };
    case "unclosed-block": {
      const { at, indent } = endOfBlock(text, start);
      const newline = newlineOf(text);
      const followsText = at > 0 && !/[\r\n]/.test(text[at - 1] ?? "");
      return { kind: "insert", file, at, text: `${followsText ? newline : ""}${indent}}${newline}` };
    }
    case "too-deep":
      return undefined;
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
