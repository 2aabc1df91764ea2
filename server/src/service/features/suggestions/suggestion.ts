/** A suggested value, and the context that it is suggested for. */
import type { Decl } from "../../../declared/decl.ts";
import type { ArgSpec } from "../../../declared/schema/index.ts";
import type { Analysis } from "../../analysis.ts";
import type { KnetPlace } from "../place.ts";

export interface Suggestion {
  readonly label: string;
  readonly kind: "enum" | "name" | "address" | "prefix" | "number" | "label" | "file" | "text";
  readonly detail: string;
  readonly documentation: string | undefined;
  /** The text to insert, if it differs from the label. */
  readonly insert?: string;
  /** Number of characters to keep at the start of the typed argument. */
  readonly skip?: number;
  /** Number of characters to keep at its end. */
  readonly keep?: number;
}

/** The files around the analyzed files, which only the shell can list. */
export interface Workspace {
  /** Paths of files that `file` can import, relative to its folder. */
  importable(file: string): readonly string[];
}

/** The argument of a declaration for which values are suggested. */
export interface Given {
  readonly analysis: Analysis;
  readonly place: KnetPlace;
  readonly decl: Decl;
  readonly spec: ArgSpec;
}

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
