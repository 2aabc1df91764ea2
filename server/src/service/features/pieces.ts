/**
 * A file in pieces, in order of the text: statements that are small, whole; of large ones what stands before their block; and
 * the gaps between statements. A small statement is the same object until it is edited, so that what is worked out for it
 * is remembered under it, and a large file costs what has changed in it.
 */
import type { Decl } from "../../language/decode.ts";
import type { Block, Statement, SyntaxTree } from "../../language/tree.ts";

export type Piece =
  | {
      readonly kind: "statement" | "head";
      readonly decl: Decl | undefined;
      readonly statement: Statement;
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: "gap"; readonly start: number; readonly end: number };

/** Longer ones are taken apart. */
const SMALL = 4096;

/** `decls`: of the tree's root; absent where nobody needs them. */
export function* piecesOf({ text, root }: SyntaxTree, decls?: readonly Decl[]): Generator<Piece> {
  yield* blockPieces(text, root, 0, 0, text.length, decls);
}

function* blockPieces(
  text: string,
  { statements, offsets }: Block,
  blockStart: number,
  from: number,
  to: number,
  decls: readonly Decl[] | undefined,
): Generator<Piece> {
  let end = from;
  for (const [index, statement] of statements.entries()) {
    const start = blockStart + (offsets[index] ?? 0);
    if (hasComment(text, end, start)) yield { kind: "gap", start: end, end: start };
    end = start + statement.length;
    // There is one declaration for each statement of a block.
    const decl = decls?.[index];
    const { block } = statement;
    if (!block || statement.length <= SMALL) {
      yield { kind: "statement", decl, statement, start, end };
      continue;
    }
    const inner = start + block.start;
    yield { kind: "head", decl, statement, start, end: inner };
    yield* blockPieces(text, block, inner, inner + 1, end - (block.closed ? 1 : 0), decl?.children);
  }
  if (hasComment(text, end, to)) yield { kind: "gap", start: end, end: to };
}

/** Most gaps are a line break and blanks; only comments matter in them. */
function hasComment(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x23 || code === 0x2f) return true;
  }
  return false;
}

/** May a comment begin in this text? A prefix or a path has its `/` as well, and is no reason to read it all. */
export function mayComment(text: string): boolean {
  return text.includes("#") || text.includes("//") || text.includes("/*");
}
