import type { Span } from "../text/span.ts";
import type { Origin } from "./origin.ts";

/**
 * A change to the declarations. The front end of the file renders it as a text edit, or returns none. Texts of whole
 * declarations and arguments are in the notation of `.knet` files.
 */
export type Change =
  /** Replaces the value or the declaration at the source. */
  | { readonly kind: "replace"; readonly source: Origin; readonly text: string }
  /** Replaces an argument, including its literal and all its values. */
  | { readonly kind: "argument"; readonly source: Origin; readonly name: string; readonly text: string }
  /** Adds text after the last argument. */
  | { readonly kind: "extend"; readonly source: Origin; readonly text: string }
  /** Adds declarations, one per line, at the end of the block, and adds the block if it is missing. */
  | { readonly kind: "append"; readonly source: Origin; readonly text: string }
  /** Adds a declaration above. */
  | { readonly kind: "before"; readonly source: Origin; readonly text: string }
  /** Removes the declaration, or the value with its literal if no other value follows the literal. */
  | { readonly kind: "remove"; readonly source: Origin }
  /** Removes the block and keeps the declaration. */
  | { readonly kind: "remove-block"; readonly source: Origin }
  /** Removes a comment or a stray character, and its line if nothing else is on it. */
  | { readonly kind: "comment"; readonly file: string; readonly span: Span }
  /** Inserts characters at an offset, for problems that are not part of a declaration. */
  | { readonly kind: "insert"; readonly file: string; readonly at: number; readonly text: string };
