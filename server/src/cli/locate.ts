/** Locations in the output of commands. */

import type { Origin } from "../declared/origin.ts";
import type { Finding } from "../findings/finding.ts";
import type { Analysis } from "../service/analysis.ts";
import { lineIndex } from "../text/line-index.ts";
import type { Span } from "../text/span.ts";
import type { Location } from "../trace/schema.ts";

/** Converts sources and spans of an analysis to lines and characters. */
export interface Locator {
  source(source: Origin): Location | undefined;
  finding(finding: Finding): Location | undefined;
  span(file: string, span: Span): Location | undefined;
}

export function locator(analysis: Analysis): Locator {
  const lines = new Map<string, ReturnType<typeof lineIndex>>();
  const locate = (name: string, span: Span | undefined): Location | undefined => {
    const file = analysis.fileOf(name);
    if (!span || !file) return undefined;
    let index = lines.get(name);
    if (!index) {
      index = lineIndex(file.text);
      lines.set(name, index);
    }
    return { file: name, range: { start: index.positionAt(span.start), end: index.positionAt(span.end) } };
  };
  return {
    source: (source) => locate(source.file, analysis.spanOf(source)),
    span: locate,
    finding: (finding) => locate(finding.source.file, analysis.placeOf(finding)),
  };
}
