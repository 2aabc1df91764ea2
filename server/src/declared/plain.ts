import { backwards, editedText } from "../text/edit.ts";
import type { Document } from "./document.ts";

/** A file without declarations, in which findings can be located (knet.json). */
export function plainDocument(file: string, text: string): Document {
  return {
    file,
    language: "plain",
    text,
    decls: [],
    faults: () => [],
    problems: () => [],
    silences: () => [],
    spanOf: () => undefined,
    innerSpanOf: () => undefined,
    pointAt: () => ({ decls: [], token: undefined }),
    prepare: () => {},
    render: (change) =>
      change.kind === "insert" ? { start: change.at, end: change.at, text: change.text } : undefined,
    edited: (edits) => plainDocument(file, backwards(edits).reduce(editedText, text)),
  };
}
