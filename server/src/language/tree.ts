/**
 * The syntax tree: immutable, without absolute positions and without parents, so that an edit rebuilds only the spine
 * above it and shares every other statement (the red-green idea of Roslyn and rust-analyzer). Whatever is computed from
 * a statement alone may therefore be remembered under its identity (a WeakMap), and survives edits elsewhere.
 * A statement object occurs exactly once in a tree; `positions.ts` gives its place in the current text.
 */

export type ArgKind = "word" | "string" | "arrow" | "list";

/** One argument. `start` counts UTF-16 units from the start of the statement (its keyword). */
export interface Arg {
  readonly kind: ArgKind;
  /** Source text; for a string its value without quotes and escapes; for a list the text with brackets. */
  readonly text: string;
  readonly start: number;
  readonly length: number;
  /** Only for lists. */
  readonly items?: readonly Arg[];
}

export interface Statement {
  /** `keyword` is the first argument of the statement, whatever it is (a stray string is a keyword that nobody knows). */
  readonly keyword: Arg;
  readonly args: readonly Arg[];
  readonly block: Block | undefined;
  /** From the keyword's first unit to the end of the last argument or of the block's `}`. */
  readonly length: number;
  /** Problems of this statement's own tokens; those of its block are in the block. */
  readonly problems: readonly SyntaxProblem[];
  /** Number of problems here and below: lets a reader skip clean parts. */
  readonly problemCount: number;
}

export interface Block {
  readonly statements: readonly Statement[];
  /** Start of each statement, counted from the start of the block (`{`; for the root from the start of the text). */
  readonly offsets: readonly number[];
  /** Start of the block, counted from the start of its statement; 0 for the root. */
  readonly start: number;
  readonly length: number;
  readonly problems: readonly SyntaxProblem[];
  readonly problemCount: number;
  /** False where the closing brace is missing. True for the root. */
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

/** `start` is relative to the owner: a statement's start, a block's start. */
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

/** Which part of a statement is meant: the keyword, argument `n` (index into `args`; item `m` of a list), or the whole. */
export type StatementPart = "whole" | "keyword" | number | readonly [arg: number, item: number];

/** The place in a user's file that caused something. Plain data; turned into a range only when someone shows it. */
export interface Source {
  /** Identity of the file as the workspace knows it (a URI or a path). */
  readonly file: string;
  readonly statement: Statement;
  readonly part: StatementPart;
}

/** UTF-16 offsets into a text, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}
