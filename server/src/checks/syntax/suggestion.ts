/** "did you mean", where a similar word is known. */
import type { Source } from "../../language/tree.ts";
import type { Fix, ProblemData } from "../check.ts";
import { replaceFix } from "../finding.ts";

export function suggestionHint(suggestion: string | number | undefined): string {
  return suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
}

export function suggestionFix({ suggestion }: ProblemData, source: Source): readonly Fix[] {
  return suggestion === undefined ? [] : [replaceFix(`Change to ${suggestion}`, source, String(suggestion))];
}
