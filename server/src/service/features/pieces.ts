/**
 * Splits a file into parts in text order: small statements as a whole, the head of large statements (the text before the
 * block), and the gaps between statements. A small statement keeps its identity until it is edited. Results are cached by
 * statement, so the cost of an edit is proportional to the edited part, even in a large file.
 */
import type { Decl } from "../../declared/decl.ts";
import type { Block, Statement, SyntaxTree } from "../../frontends/knet/tree.ts";
import type { Span } from "../../text/span.ts";

export type Piece =
  | {
      readonly kind: "statement" | "head";
      readonly decl: Decl | undefined;
      readonly statement: Statement;
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: "gap"; readonly start: number; readonly end: number };

/** Maximum length of a statement that is not split. */
const SMALL = 4096;

/** `decls`: declarations of the tree's root, if the caller needs them. */
export function* piecesOf({ text, root }: SyntaxTree, decls?: readonly Decl[]): Generator<Piece> {
  yield* blockPieces(text, root, 0, { start: 0, end: text.length }, decls);
}

/** `inside`: the text between the braces of the block. */
function* blockPieces(
  text: string,
  { statements, offsets }: Block,
  blockStart: number,
  inside: Span,
  decls: readonly Decl[] | undefined,
): Generator<Piece> {
  let end = inside.start;
  for (const [index, statement] of statements.entries()) {
    const start = blockStart + (offsets[index] ?? 0);
    if (hasComment(text, end, start)) yield { kind: "gap", start: end, end: start };
    end = start + statement.length;
    // A block has exactly one declaration per statement.
    const decl = decls?.[index];
    const { block } = statement;
    if (!block || statement.length <= SMALL) {
      yield { kind: "statement", decl, statement, start, end };
      continue;
    }
    const inner = start + block.start;
    yield { kind: "head", decl, statement, start, end: inner };
    const span = { start: inner + 1, end: end - (block.closed ? 1 : 0) };
    yield* blockPieces(text, block, inner, span, decl?.children);
  }
  if (hasComment(text, end, inside.end)) yield { kind: "gap", start: end, end: inside.end };
}

/** Whether a gap can contain a comment; most gaps are only whitespace. */
function hasComment(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x23 || code === 0x2f) return true;
  }
  return false;
}

/** Whether the text can contain a comment. A single `/` is not enough, because prefixes and paths contain it. */
export function mayComment(text: string): boolean {
  return text.includes("#") || text.includes("//") || text.includes("/*");
}
