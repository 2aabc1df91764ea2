/** What can be folded away: blocks, lists and comments of several lines; and the ever wider selections around a place. */
import { partSpan, positionsOf } from "../../language/positions.ts";
import { tokenize } from "../../language/tokens.ts";
import type { Block, Span, SyntaxTree } from "../../language/tree.ts";
import { lineStartOf, skipBlanksBack } from "./lines.ts";

export interface Fold {
  /** From a place on the line that stays to a place on the last line that is hidden. */
  readonly start: number;
  readonly end: number;
  readonly kind: "block" | "comment";
}

export function foldsOf(tree: SyntaxTree): readonly Fold[] {
  return [...blockFolds(tree), ...commentFolds(tree.text)].sort((a, b) => a.start - b.start);
}

function blockFolds({ text, root }: SyntaxTree): readonly Fold[] {
  const folds: Fold[] = [];
  const visit = (block: Block, blockStart: number): void => {
    block.statements.forEach((statement, index) => {
      const start = blockStart + (block.offsets[index] ?? 0);
      for (const arg of statement.args) {
        if (arg.kind === "list")
          add(start + arg.start, start + arg.start + arg.length, text[start + arg.start + arg.length - 1] === "]");
      }
      const inner = statement.block;
      if (!inner) return;
      const innerStart = start + inner.start;
      add(innerStart, innerStart + inner.length, inner.closed);
      visit(inner, innerStart);
    });
  };
  /** The line of the closing bracket stays in sight where the bracket is the first thing on it. */
  const add = (start: number, end: number, closed: boolean): void => {
    let last = end;
    if (closed) {
      const lineStart = lineStartOf(text, end - 1);
      if (lineStart > start && skipBlanksBack(text, end - 1) === lineStart) last = lineStart - 1;
    }
    while (last > start && isSpace(text, last - 1)) last--;
    if (hasBreak(text, start, last)) folds.push({ start, end: last, kind: "block" });
  };
  visit(root, 0);
  return folds;
}

function isSpace(text: string, at: number): boolean {
  const char = text[at];
  return char === " " || char === "\t" || char === "\n" || char === "\r";
}

function hasBreak(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text[at] === "\n" || text[at] === "\r") return true;
  return false;
}

/** A block comment of several lines, and line comments that follow each other with nothing else on their lines. */
function commentFolds(text: string): readonly Fold[] {
  const folds: Fold[] = [];
  let run: Span | undefined;
  const endRun = (): void => {
    if (run && hasBreak(text, run.start, run.end)) folds.push({ ...run, kind: "comment" });
    run = undefined;
  };
  let alone = true;
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
          if (/[\n\r]/.test(token.text)) folds.push({ start: token.start, end: token.end, kind: "comment" });
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
  // Each contains the next one; a place at an edge may lie outside what it touches.
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
