/** The refactorings at a position that pass verification. */
import type { Span } from "../../../text/span.ts";
import type { Analysis } from "../../analysis.ts";
import { extractSegment } from "./extract-segment.ts";
import { inlinePool } from "./inline-pool.ts";
import { bringsNoErrors, keepsMeaning, type Refactoring } from "./refactoring.ts";
import { sortAt } from "./sort.ts";
import { spellOut } from "./spell-out.ts";

export function refactoringsAt(
  analysis: Analysis,
  file: string,
  selection: Span,
  cancelled: () => boolean,
): readonly Refactoring[] {
  const keeping = [
    ...inlinePool(analysis, file, selection),
    ...spellOut(analysis, file, selection),
    ...sortAt(analysis, file, selection),
  ];
  return [
    ...extractSegment(analysis, file, selection).filter(({ edits }) => bringsNoErrors(analysis, edits, cancelled)),
    ...keeping.filter((one) => !cancelled() && keepsMeaning(analysis, one, cancelled)),
  ];
}
