/** Declarations: what a file declares, with typed values, regardless of how the file writes it. */

import type { Handle, Part } from "./handle.ts";
import type { KeywordSpec } from "./schema/types.ts";
import type { Read } from "./values.ts";

export interface Decl {
  readonly handle: Handle;
  /** Its file, if the declarations of one block come from several files; otherwise the file of the block. */
  readonly file?: string;
  /** Undefined if the keyword does not exist in this context. */
  readonly spec: KeywordSpec | undefined;
  /** In text order, including flags; an argument that accepts several values occurs several times. */
  readonly values: readonly Read[];
  readonly children: readonly Decl[];
  /** Whether it has a block, even an empty one. */
  readonly block: boolean;
  readonly problems: readonly DeclProblem[];
  /** Problems of this declaration and its children. */
  readonly problemCount: number;
}

/**
 * A problem that is visible in one declaration alone, with its diagnostic code. The keys of `data` by code:
 *
 * - KN002 unknown keyword: keyword, context, suggestion?
 * - KN003 keyword not allowed here: keyword, context, contexts (that allow it)
 * - KN004 missing argument: keyword, argument, expected, after?
 * - KN005 unexpected argument: keyword, text, suggestion?
 * - KN006 wrong type: keyword, argument, text, expected, reason?, suggestion?
 * - KN007 number out of range: keyword, argument, text, min, max, unit?
 * - KN008 repeated statement: keyword, context
 * - KN009 missing block: keyword
 * - KN010 block not allowed: keyword, choice?
 * - KN011 missing required statement: keyword (of the missing statement), context
 * - KN014 prefix with host bits set: keyword, argument, text, prefix (masked; also its value)
 *
 * `context` and `contexts` are texts: with a preposition ("in a `cluster` block") for KN002, KN003, and KN008, without one
 * for KN011.
 */
export interface DeclProblem {
  readonly code: string;
  readonly part: Part;
  readonly data: Readonly<Record<string, string | number>>;
  /** The declaration that `part` refers to if it is in the block of this one (KN008). */
  readonly decl?: Decl;
  /** Other declarations of the block that cause the problem. */
  readonly related?: readonly Decl[];
}
