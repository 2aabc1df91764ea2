/** One value that may be written, and what is known of the place where it may. */
import type { Decl } from "../../../language/decode.ts";
import type { ArgSpec } from "../../../language/schema/index.ts";
import type { Analysis } from "../../analysis.ts";
import type { Place } from "../place.ts";

export interface Suggestion {
  readonly label: string;
  readonly kind: "enum" | "name" | "address" | "prefix" | "number" | "label" | "file" | "text";
  readonly detail: string;
  readonly documentation: string | undefined;
  /** Where it is not the label. */
  readonly insert?: string;
  /** So many characters at the beginning of the word being typed stay. */
  readonly skip?: number;
  /** So many at its end stay. */
  readonly keep?: number;
}

/** What lies around the files of an analysis; known to the shell only. */
export interface Workspace {
  /** Paths of files that `file` could import, relative to its folder. */
  importable(file: string): readonly string[];
}

export type Given = { readonly analysis: Analysis; readonly place: Place; readonly decl: Decl; readonly spec: ArgSpec };

export function suggestion(
  label: string,
  kind: Suggestion["kind"],
  detail: string,
  documentation?: string,
): Suggestion {
  return { label, kind, detail, documentation };
}

export function unique(all: readonly Suggestion[]): readonly Suggestion[] {
  const seen = new Set<string>();
  return all.filter(({ label }) => seen.size < seen.add(label).size);
}
