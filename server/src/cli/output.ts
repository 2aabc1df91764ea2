/** Choices that commands share. */

import { lineIndex } from "../language/positions.ts";
import type { Source } from "../language/tree.ts";
import type { Analysis } from "../service/analysis.ts";
import type { Location } from "../trace/schema.ts";

/** Whether to colour what goes to standard output: a terminal, unless NO_COLOR is set (no-color.org). */
export function useColour(): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR) return true;
  return process.stdout.isTTY === true;
}

/** A source's place in its file's current text. */
export function locator(analysis: Analysis): (source: Source) => Location | undefined {
  const lines = new Map<string, ReturnType<typeof lineIndex>>();
  return (source) => {
    const span = analysis.spanOf(source);
    const file = analysis.fileOf(source.file);
    if (!span || !file) return undefined;
    let index = lines.get(source.file);
    if (!index) {
      index = lineIndex(file.tree.text);
      lines.set(source.file, index);
    }
    return { file: source.file, range: { start: index.positionAt(span.start), end: index.positionAt(span.end) } };
  };
}
