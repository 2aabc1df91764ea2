import type { Document } from "./document.ts";

/** A notation of topology files. */
export interface FrontEnd {
  /** The language of its documents. */
  readonly name: string;
  /** Whether files with this name are in this notation. */
  accepts(file: string): boolean;
  /** Never fails: text that is not in the language is a fault of the document. */
  read(file: string, text: string): Document;
}
