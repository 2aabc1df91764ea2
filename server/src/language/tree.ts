/**
 * The syntax tree is immutable and has no absolute positions and no parent links, so an edit rebuilds only the enclosing
 * blocks and shares all other statements (like the red-green trees of Roslyn and rust-analyzer). Results that depend only
 * on a statement can be cached by its identity (in a WeakMap) and survive edits elsewhere. A statement object occurs
 * exactly once in a tree; `positions.ts` finds its position in the current text.
 */

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

export type SyntaxProblemKind =
  | "unclosed-block"
  | "stray-close"
  | "unclosed-list"
  | "stray-bracket"
  | "unclosed-string"
  | "unclosed-comment"
  | "unexpected-character"
  | "too-deep";

/** `start` is relative to the start of the owner (a statement or a block). */
export interface SyntaxProblem {
  readonly kind: SyntaxProblemKind;
  readonly start: number;
  readonly length: number;
  readonly text: string;
}

export interface SyntaxTree {
  readonly text: string;
  readonly root: Block;
}

/** A part of a statement: the whole, the keyword, an argument (index into `args`), or an item of a list argument. */
export type StatementPart = "whole" | "keyword" | number | readonly [arg: number, item: number];

/** The location in a user's file that causes a result. Plain data: converted to a text range only for display. */
export interface Source {
  /** Identifier of the file: a URI or a path. */
  readonly file: string;
  readonly statement: Statement;
  readonly part: StatementPart;
}

/** UTF-16 offsets in a text; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}
