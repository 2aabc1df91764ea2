/** What a completion is made of. */
import type { Span } from "../../../language/tree.ts";

export type CompletionKind =
  | "keyword"
  | "literal"
  | "enum"
  | "name"
  | "address"
  | "prefix"
  | "number"
  | "label"
  | "file"
  | "text";

export interface CompletionItem {
  readonly label: string;
  readonly kind: CompletionKind;
  /** Beside the label: what it is. */
  readonly detail: string;
  readonly documentation: string | undefined;
  readonly insert: string;
  /** `insert` has tab stops as in TextMate snippets. */
  readonly snippet: boolean;
  /** What the item takes the place of. */
  readonly replace: Span;
  /** After this item the editor should ask again. */
  readonly more: boolean;
  /** Typing one of these takes the item and goes on behind it. */
  readonly commit: readonly string[];
}

export interface Completion {
  readonly items: readonly CompletionItem[];
  /** There are more; ask again when more has been typed. */
  readonly incomplete: boolean;
}
