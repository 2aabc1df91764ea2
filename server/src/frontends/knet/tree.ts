/**
 * The syntax tree is immutable and has no absolute positions and no parent links, so an edit rebuilds only the enclosing
 * blocks and shares all other statements (like the red-green trees of Roslyn and rust-analyzer). Results that depend only
 * on a statement can be cached by its identity and survive edits elsewhere. A statement object occurs
 * exactly once in a tree; `positions.ts` finds its position in the current text.
 */

import type { FaultKind } from "../../declared/file-problem.ts";

export type ArgKind = "word" | "string" | "arrow" | "list";

/** One argument. `start` is an offset in UTF-16 units from the start of the statement (its keyword). */
export interface Arg {
  readonly kind: ArgKind;
  /** Source text. For a string: its value without quotes and escapes. For a list: the text including the brackets. */
  readonly text: string;
  readonly start: number;
  readonly length: number;
  /** Only for lists. */
  readonly items?: readonly Arg[];
}

export interface Statement {
  /** The first token of the statement, of any kind: a stray string is an unknown keyword. */
  readonly keyword: Arg;
  readonly args: readonly Arg[];
  readonly block: Block | undefined;
  /** From the start of the keyword to the end of the last argument, or to the `}` of the block. */
  readonly length: number;
  /** Problems of the tokens of this statement, without its block. */
  readonly problems: readonly SyntaxProblem[];
  /** Number of problems in this statement and its block, to skip valid parts. */
  readonly problemCount: number;
}

export interface Block {
  readonly statements: readonly Statement[];
  /** Start of each statement, relative to the start of the block (`{`, or the start of the text for the root). */
  readonly offsets: readonly number[];
  /** Start of the block, relative to the start of its statement; 0 for the root. */
  readonly start: number;
  readonly length: number;
  readonly problems: readonly SyntaxProblem[];
  readonly problemCount: number;
  /** False if the closing brace is missing. True for the root. */
  readonly closed: boolean;
}

/** `start` is relative to the start of the owner (a statement or a block). */
export interface SyntaxProblem {
  readonly kind: FaultKind;
  readonly start: number;
  readonly length: number;
  readonly text: string;
}

export interface SyntaxTree {
  readonly text: string;
  readonly root: Block;
  /** Whether the text contains `SUPPRESSION`, in a comment or elsewhere. */
  readonly maySilence: boolean;
}

/** A comment that starts with it suppresses findings. */
export const SUPPRESSION = "knet-ignore";

export function maySilence(text: string): boolean {
  return text.includes(SUPPRESSION);
}
