/** Folding ranges (multi-line blocks, lists, and comments) and expanding selections around a position. */

import { partSpan, positionsOf } from "../../frontends/knet/positions.ts";
import { tokenize } from "../../frontends/knet/tokens.ts";
import type { Statement, SyntaxTree } from "../../frontends/knet/tree.ts";
import { lineStartOf, skipBlanksBack } from "../../text/lines.ts";
import type { Span } from "../../text/span.ts";
import { mayComment, piecesOf } from "./pieces.ts";

export interface Fold {
  /** From an offset on the line that stays visible to an offset on the last hidden line. */
  readonly start: number;
  readonly end: number;
  readonly kind: "block" | "comment" | "region";
}

const known = new WeakMap<Statement, readonly Fold[]>();

export function foldsOf(tree: SyntaxTree): readonly Fold[] {
  const { text } = tree;
  const folds: Fold[] = [];
  for (const piece of piecesOf(tree)) {
    const { start, end } = piece;
    switch (piece.kind) {
      case "gap":
        folds.push(...commentFolds(text.slice(start, end), start, start === 0));
        break;
      case "head":
        folds.push(...listFolds(text, piece.statement, start), ...commentFolds(text.slice(start, end), start, false));
        folds.push(...blockFold(text, piece.statement, start));
        break;
      case "statement": {
        let own = known.get(piece.statement);
        if (!own) {
          // Relative to the statement's own text, so the result does not depend on its position.
          const image = text.slice(start, end);
          own = [...statementFolds(image, piece.statement, 0), ...commentFolds(image, 0, false)];
          known.set(piece.statement, own);
        }
        for (const fold of own) folds.push({ ...fold, start: fold.start + start, end: fold.end + start });
      }
    }
  }
  return [...folds, ...regionFolds(text)].sort((one, other) => one.start - other.start);
}

const REGION = /^[ \t]*(?:#|\/\/)[ \t]*(end)?region\b[^\r\n]*/gm;

/** Folds between `# region` and `# endregion`, which can be nested. Editors ignore their own markers if a server provides folds. */
function regionFolds(text: string): readonly Fold[] {
  if (!text.includes("endregion")) return [];
  const folds: Fold[] = [];
  const open: number[] = [];
  for (const { index, 0: line, 1: isEnd } of text.matchAll(REGION)) {
    if (isEnd === undefined) open.push(index);
    else {
      const start = open.pop();
      if (start !== undefined) folds.push({ start, end: index + line.length, kind: "region" });
    }
  }
  return folds;
}

function* statementFolds(text: string, statement: Statement, start: number): Generator<Fold> {
  yield* listFolds(text, statement, start);
  yield* blockFold(text, statement, start);
  const { block } = statement;
  for (const [index, inner] of block?.statements.entries() ?? [])
    yield* statementFolds(text, inner, start + (block?.start ?? 0) + (block?.offsets[index] ?? 0));
}

function listFolds(text: string, { args }: Statement, start: number): readonly Fold[] {
  return args.flatMap((arg) => {
    const end = start + arg.start + arg.length;
    return arg.kind === "list" ? bracketFold(text, start + arg.start, end, text[end - 1] === "]") : [];
  });
}

function blockFold(text: string, { block }: Statement, start: number): readonly Fold[] {
  return block ? bracketFold(text, start + block.start, start + block.start + block.length, block.closed) : [];
}

/** The line of the closing bracket stays visible if the bracket is the first character on it. */
function bracketFold(text: string, start: number, end: number, closed: boolean): readonly Fold[] {
  let last = end;
  if (closed) {
    const lineStart = lineStartOf(text, end - 1);
    if (lineStart > start && skipBlanksBack(text, end - 1) === lineStart) last = lineStart - 1;
  }
  while (last > start && isSpace(text, last - 1)) last--;
  return hasBreak(text, start, last) ? [{ start, end: last, kind: "block" }] : [];
}

function isSpace(text: string, at: number): boolean {
  const char = text[at];
  return char === " " || char === "\t" || char === "\n" || char === "\r";
}

function hasBreak(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text[at] === "\n" || text[at] === "\r") return true;
  return false;
}

/**
 * Folds of multi-line block comments and of runs of line comments that are alone on their lines. `offset`: position of the
 * text in the file. `fresh`: whether the text begins at the start of a line.
 */
function commentFolds(text: string, offset: number, fresh: boolean): readonly Fold[] {
  if (!mayComment(text)) return [];
  const folds: Fold[] = [];
  let run: Span | undefined;
  const add = ({ start, end }: Span): void => {
    folds.push({ start: start + offset, end: end + offset, kind: "comment" });
  };
  const endRun = (): void => {
    if (run && hasBreak(text, run.start, run.end)) add(run);
    run = undefined;
  };
  let alone = fresh;
  for (const token of tokenize(text)) {
    switch (token.kind) {
      case "newline":
        // A blank line ends a run.
        if (/\n[^\n]*\n|\r(?!\n)[^\r]*\r/.test(token.text)) endRun();
        alone = true;
        break;
      case "comment":
        if (token.text.startsWith("/*")) {
          endRun();
          if (/[\n\r]/.test(token.text)) add(token);
        } else if (alone) {
          run = { start: run?.start ?? token.start, end: token.end };
        }
        break;
      default:
        endRun();
        alone = false;
    }
  }
  endRun();
  return folds;
}

/** Spans around an offset, the innermost first: argument, statement, block, statement … the file. */
export function selectionsAt(tree: SyntaxTree, offset: number): readonly Span[] {
  const { statements, starts, part } = positionsOf(tree).path(offset);
  const spans: Span[] = [{ start: 0, end: tree.text.length }];
  statements.forEach((statement, index) => {
    const start = starts[index] ?? 0;
    spans.push({ start, end: start + statement.length });
    const { block } = statement;
    if (block && offset > start + block.start && offset < start + block.start + block.length) {
      spans.push({ start: start + block.start + 1, end: start + block.start + block.length - (block.closed ? 1 : 0) });
    }
    if (index !== statements.length - 1 || part === undefined || part === "whole") return;
    if (typeof part === "object") {
      const list = partSpan(statement, part[0], start);
      if (list) spans.push(list);
    }
    const own = partSpan(statement, part, start);
    if (own) spans.push(own);
  });
  // Each span must contain the next; an offset at the edge of a span can be outside it.
  const nested = spans.filter(({ start, end }) => start <= offset && offset <= end);
  return nested
    .filter((span, index) => {
      const outer = nested[index - 1];
      return (
        !outer ||
        (span.start >= outer.start && span.end <= outer.end && (span.start > outer.start || span.end < outer.end))
      );
    })
    .reverse();
}
