/**
 * Comments that suppress findings:
 *
 *     cidr 172.17.0.0/16   # knet-ignore KN105 renumbered in May
 *     # knet-ignore KN220, KN201: this rack is not in use yet
 *     # knet-ignore-file KN407 a lab
 *
 * At the end of a line, a comment applies to that line; after the `}` of a block, to the whole statement, so that the formatter can
 * split a line; on its own line, to the statement that follows, including its block; `-file` applies to the whole file.
 */
import type { Silence } from "../../declared/document.ts";
import { lineEndOf, lineStartOf } from "../../text/lines.ts";
import type { Span } from "../../text/span.ts";
import { tokenize } from "./tokens.ts";
import type { Block, SyntaxTree } from "./tree.ts";

const COMMENT = /^(?:#|\/\/|\/\*)[\s!*]*knet-ignore(-file)?(?![\w-])\s*((?:KN\w*[\s,]*)*)[:\s-]*(.*?)\s*(?:\*\/)?$/s;

/** The comments of a file. */
export function silencesIn(file: string, tree: SyntaxTree): readonly Silence[] {
  if (!tree.maySilence) return [];
  const found: Silence[] = [];
  for (const { kind, text, start, end } of tokenize(tree.text)) {
    const match = kind === "comment" ? COMMENT.exec(text) : null;
    if (!match) continue;
    const [, whole, codes = "", reason = ""] = match;
    const scope = whole === undefined ? scopeOf(tree.root, tree.text, { start, end }) : { start: 0, end: Infinity };
    found.push({ file, comment: { start, end }, codes: codes.match(/KN\w*/g) ?? [], reason, scope });
  }
  return found;
}

function scopeOf(root: Block, text: string, comment: Span): Span | undefined {
  const start = lineStartOf(text, comment.start);
  const before = text.slice(start, comment.start).trim();
  if (before !== "") {
    const brace = text.lastIndexOf("}", comment.start);
    const first = before === "}" ? (statementClosedAt(root, 0, brace) ?? start) : start;
    return { start: first, end: lineEndOf(text, comment.end) };
  }
  return statementAfter(root, 0, comment.end);
}

/** The start of the statement whose block ends with this `}`. */
function statementClosedAt(block: Block, start: number, brace: number): number | undefined {
  for (const [i, statement] of block.statements.entries()) {
    const at = start + (block.offsets[i] ?? 0);
    if (!statement.block || brace < at || brace >= at + statement.length) continue;
    return statementClosedAt(statement.block, at + statement.block.start, brace) ?? at;
  }
  return undefined;
}

/** The first statement that starts after the offset, in the innermost block that contains the offset. */
function statementAfter(block: Block, start: number, offset: number): Span | undefined {
  for (const [i, statement] of block.statements.entries()) {
    const at = start + (block.offsets[i] ?? 0);
    if (at >= offset) return { start: at, end: at + statement.length };
    if (offset <= at + statement.length && statement.block)
      return statementAfter(statement.block, at + statement.block.start, offset);
  }
  return undefined;
}
