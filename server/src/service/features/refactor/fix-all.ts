/** Applies all fixes that do not require a choice, as one edit of a file. */
import type { TextEdit } from "../../../text/edit.ts";
import type { Analysis } from "../../analysis.ts";
import { editedAnalysis, provenFixes } from "../fixes.ts";

/** Maximum number of fixes per run; each resolves at least one finding, and a second run resolves more. */
const MOST = 100;

/** Fixes that change only this file, applied in sequence; each is proven on the result of the previous fixes. */
export function fixAll(analysis: Analysis, file: string, cancelled: () => boolean): readonly TextEdit[] {
  const before = analysis.fileOf(file)?.text;
  if (before === undefined) return [];
  let now = analysis;
  const tried = new Set<string>();
  for (let turn = 0; turn < MOST && !cancelled(); turn++) {
    const next = nextFix(now, file, tried, cancelled);
    if (!next) break;
    now = editedAnalysis(now, next);
  }
  const after = now.fileOf(file)?.text ?? before;
  return difference(before, after);
}

function nextFix(
  analysis: Analysis,
  file: string,
  tried: Set<string>,
  cancelled: () => boolean,
): ReadonlyMap<string, readonly TextEdit[]> | undefined {
  for (const finding of analysis.findings(cancelled) ?? []) {
    const id = `${finding.code} ${finding.message}`;
    if (finding.source.file !== file || finding.fixes.length === 0 || tried.has(id)) continue;
    tried.add(id);
    const proven = provenFixes(analysis, finding, cancelled) ?? [];
    const [only] = proven;
    if (proven.length === 1 && only?.edits.size === 1 && only.edits.has(file)) return only.edits;
  }
  return undefined;
}

function difference(before: string, after: string): readonly TextEdit[] {
  if (before === after) return [];
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return [{ start, end: before.length - end, text: after.slice(start, after.length - end) }];
}
