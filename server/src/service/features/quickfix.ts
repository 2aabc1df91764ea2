/** Quick fixes for the findings at a position: the proven fixes, the same fix for all findings of a code, and suppression. */

import type { Finding } from "../../findings/finding.ts";
import type { TextEdit } from "../../text/edit.ts";
import { t } from "../../text/l10n.ts";
import { lineStartOf, newlineOf } from "../../text/lines.ts";
import type { Span } from "../../text/span.ts";
import type { Analysis } from "../analysis.ts";
import { editedAnalysis, fixEdits, type ProvenFix, provenFixes } from "./fixes.ts";

export interface QuickFix {
  readonly title: string;
  /** The finding that it resolves or suppresses. */
  readonly finding: Finding;
  readonly edits: ProvenFix["edits"];
  /** Whether the editor's auto-fix key applies it. */
  readonly preferred: boolean;
}

/** Maximum number of findings that one "fix all" action resolves. */
const MOST_AT_ONCE = 50;

/** Fixes for the findings of a file that touch the span. Fixes that were not proven in time are omitted. */
export function quickFixes(
  analysis: Analysis,
  file: string,
  span: Span,
  cancelled: () => boolean,
  proof: (finding: Finding) => readonly ProvenFix[] | undefined = (one) => provenFixes(analysis, one, cancelled),
): QuickFix[] {
  const findings = (analysis.findings(cancelled) ?? []).filter((one) => one.source.file === file);
  const near = findings.filter((one) => {
    const place = analysis.placeOf(one);
    return place !== undefined && place.start <= span.end && place.end >= span.start;
  });
  return near.flatMap((finding): QuickFix[] => {
    const proven = proof(finding) ?? [];
    const own = proven.map(({ title, edits }) => ({ title, finding, edits, preferred: proven.length === 1 }));
    const same = findings.filter(({ code }) => code === finding.code);
    const all = proven.length > 0 && same.length > 1 ? fixAll(analysis, same, cancelled) : undefined;
    const silence = silencing(analysis, finding);
    return [
      ...own,
      ...(all ? [{ ...all, finding, preferred: false }] : []),
      ...(silence ? [{ ...silence, finding, preferred: false }] : []),
    ];
  });
}

/** The first fix of every finding; undefined if the fixes overlap, leave a finding of the code, or add an error. */
function fixAll(analysis: Analysis, same: readonly Finding[], cancelled: () => boolean): ProvenFix | undefined {
  const [first] = same;
  if (!first || same.length > MOST_AT_ONCE) return undefined;
  const fixes = same.flatMap((finding) => finding.fixes[0] ?? []);
  const edits = fixEdits(analysis, { title: "", edits: fixes.flatMap((fix) => fix.edits) });
  const before = edits && analysis.findings(cancelled);
  const after = edits && editedAnalysis(analysis, edits).findings(cancelled);
  if (!before || !after || fixes.length < 2) return undefined;
  const count = (list: readonly Finding[], wanted: string): number => list.filter(({ code }) => code === wanted).length;
  const errors = new Set(after.filter(({ severity }) => severity === "error").map(({ code }) => code));
  if (count(after, first.code) > 0 || [...errors].some((code) => count(after, code) > count(before, code)))
    return undefined;
  return { title: t`Fix all ${fixes.length} ${first.code} problems in this file`, edits };
}

/** A suppression comment above the finding's line; undefined for findings outside statements (in comments and knet.json). */
function silencing(analysis: Analysis, finding: Finding): ProvenFix | undefined {
  const { code, source } = finding;
  const place = analysis.spanOf({ ...source, part: "whole" });
  const head = analysis.spanOf(source);
  const text = analysis.fileOf(source.file)?.text;
  if (!place || !head || text === undefined) return undefined;
  const start = lineStartOf(text, place.start);
  const before = text.slice(start, place.start);
  // If several statements share the line, a comment at the end of the line applies to all statements on it.
  const newline = newlineOf(text);
  const edit =
    before.trim() === ""
      ? { start, end: start, text: `${before}# knet-ignore ${code} (reason)${newline}` }
      : behindLine(text, code, head.start);
  if (!edit || !isSilenced(analysis, finding, edit)) return undefined;
  return { title: t`Suppress ${code} here`, edits: new Map([[source.file, [edit]]]) };
}

/** Whether the comment applies to the finding. In text with syntax errors, a different statement can follow the comment, and the text of other front ends has no such comments. */
function isSilenced(analysis: Analysis, finding: Finding, edit: TextEdit): boolean {
  const { file } = finding.source;
  const document = analysis.fileOf(file);
  const place = analysis.placeOf(finding);
  if (!document || !place) return false;
  const start = place.start < edit.start ? place.start : place.start + edit.text.length;
  return document
    .edited([edit])
    .silences()
    .some(
      ({ comment, scope }) =>
        comment.start >= edit.start &&
        comment.end <= edit.start + edit.text.length &&
        scope !== undefined &&
        scope.start <= start &&
        start < scope.end,
    );
}

function behindLine(text: string, code: string, at: number): TextEdit | undefined {
  const newline = /\r?\n|\r/g;
  newline.lastIndex = at;
  const end = newline.exec(text)?.index ?? text.length;
  // The new comment must not end up inside a comment or a string of this line.
  if (/["#]|\/\/|\/\*/.test(text.slice(lineStartOf(text, at), end))) return undefined;
  return { start: end, end, text: ` # knet-ignore ${code} (reason)` };
}
