/** Declarations: what a file declares, with typed values, regardless of how the file writes it. */

import type { Handle, Part } from "./handle.ts";
import type { DeclProblemData } from "./problem-data.ts";
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

/** A problem that is visible in one declaration alone. */
export type DeclProblem = { readonly [Code in keyof DeclProblemData]: DeclProblemOf<Code> }[keyof DeclProblemData];

interface DeclProblemOf<Code extends keyof DeclProblemData> {
  readonly code: Code;
  readonly part: Part;
  readonly data: DeclProblemData[Code];
  /** The declaration that `part` refers to if it is in the block of this one (KN008). */
  readonly decl?: Decl;
  /** Other declarations of the block that cause the problem. */
  readonly related?: readonly Decl[];
}
