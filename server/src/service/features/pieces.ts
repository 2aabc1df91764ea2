/**
 * Splits a file into parts in text order: small statements as a whole, the head of large statements (the text before the
 * block), and the gaps between statements. A small statement keeps its identity until it is edited. Results are cached by
 * statement, so the cost of an edit is proportional to the edited part, even in a large file.
 */
import type { Decl } from "../../declared/decl.ts";
import type { Block, Statement, SyntaxTree } from "../../frontends/knet/tree.ts";

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
  yield* blockPieces(text, { block: root, start: 0, from: 0, to: text.length }, decls);
}

/** A block, and its content without the braces. */
interface Placed {
  readonly block: Block;
  readonly start: number;
  readonly from: number;
  readonly to: number;
}

function* blockPieces(
  text: string,
  { block: outer, start: outerStart, from, to }: Placed,
  decls: readonly Decl[] | undefined,
): Generator<Piece> {
  let end = from;
  for (const [index, statement] of outer.statements.entries()) {
    const start = outerStart + (outer.offsets[index] ?? 0);
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
    const inside = { block, start: inner, from: inner + 1, to: end - (block.closed ? 1 : 0) };
    yield* blockPieces(text, inside, decl?.children);
  }
  if (hasComment(text, end, to)) yield { kind: "gap", start: end, end: to };
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
