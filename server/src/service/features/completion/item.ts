/** The types of completion items. */
import type { Span } from "../../../text/span.ts";

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
  /** Short description, shown next to the label. */
  readonly detail: string;
  readonly documentation: string | undefined;
  readonly insert: string;
  /** Whether `insert` has tab stops as in TextMate snippets. */
  readonly snippet: boolean;
  /** The text that the item replaces. */
  readonly replace: Span;
  /** Whether the editor must request completions again after this item. */
  readonly more: boolean;
  /** Typing one of these characters accepts the item. */
  readonly commit: readonly string[];
}

export interface Completion {
  readonly items: readonly CompletionItem[];
  /** Whether items are omitted; request again after more is typed. */
  readonly incomplete: boolean;
}
