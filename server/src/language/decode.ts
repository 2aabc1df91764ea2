/**
 * Tree + schema → declarations: each statement with its row of the schema and its arguments read by type. Total: what
 * cannot be read is absent from `values` and present in `problems`. Remembered by statement identity and context, so an
 * edit decodes again only what it touched.
 */
import type { KeywordSpec } from "./schema/types.ts";
import type { Statement, StatementPart } from "./tree.ts";
import type { Read } from "./values.ts";

export interface Decl {
  readonly statement: Statement;
  /** Undefined: the keyword is not known here. */
  readonly spec: KeywordSpec | undefined;
  /** By ArgSpec.name; one entry a value. Flags are present with an empty list. */
  readonly values: ReadonlyMap<string, readonly Read[]>;
  readonly children: readonly Decl[];
  readonly problems: readonly DeclProblem[];
  /** Here and below. */
  readonly problemCount: number;
}

/** A finding about one statement alone; code of the catalogue (KN0xx, KN1xx for addresses that are none). */
export interface DeclProblem {
  readonly code: string;
  readonly part: StatementPart;
  readonly data: Readonly<Record<string, string | number>>;
}
