/** What may be done about the findings at a place: their proven fixes, the same for all of a code, and silencing them. */
import type { Finding } from "../../checks/check.ts";
import { silencesIn } from "../../checks/silence.ts";
import { reparse } from "../../language/incremental.ts";
import { lineStartOf, newlineOf } from "../../language/lines.ts";
import type { Span } from "../../language/tree.ts";
import type { Analysis } from "../analysis.ts";
import type { TextEdit } from "../service.ts";
import { editedAnalysis, fixEdits, type ProvenFix, provenFixes } from "./fixes.ts";

export interface QuickFix {
  readonly title: string;
  /** What it does something about. */
  readonly finding: Finding;
  readonly edits: ProvenFix["edits"];
  /** The one that the editor's "fix" key takes. */
  readonly preferred: boolean;
}

/** So many findings of a code are mended at once; each is an analysis. */
const MOST_AT_ONCE = 50;

/** Fixes for the findings of a file that touch the span. What the time was not enough for is left out. */
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

/** The first fix of each, as far as they do not touch the same text, and only as a whole that brings no new error. */
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
  return { title: `Fix all ${fixes.length} of ${first.code} in this file`, edits };
}

/** A comment above the finding's line; not for what stands in no statement, as comments themselves and knet.json. */
function silencing(analysis: Analysis, finding: Finding): ProvenFix | undefined {
  const { code, source } = finding;
  const place = analysis.spanOf({ ...source, part: "whole" });
  const head = analysis.spanOf(source);
  const text = analysis.fileOf(source.file)?.tree.text;
  if (!place || !head || text === undefined) return undefined;
  const start = lineStartOf(text, place.start);
  const before = text.slice(start, place.start);
  // Several statements on a line: a comment behind it counts for the line.
  const newline = newlineOf(text);
  const edit =
    before.trim() === ""
      ? { start, end: start, text: `${before}# knet-ignore ${code} (say why)${newline}` }
      : behindLine(text, code, head.start);
  if (!edit || !isSilenced(analysis, finding, edit)) return undefined;
  return { title: `Silence ${code} here with a comment`, edits: new Map([[source.file, [edit]]]) };
}

/** Does the comment count for the place of the finding? In a broken text what follows it may be another statement. */
function isSilenced(analysis: Analysis, finding: Finding, edit: TextEdit): boolean {
  const { file } = finding.source;
  const tree = analysis.fileOf(file)?.tree;
  const place = analysis.placeOf(finding);
  if (!tree || !place) return false;
  const start = place.start < edit.start ? place.start : place.start + edit.text.length;
  const silences = silencesIn({ file, tree: reparse(tree, edit), decls: [] });
  return silences.some(
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
  // A comment or a text that runs over the end of the line would swallow it.
  if (/["#]|\/\/|\/\*/.test(text.slice(lineStartOf(text, at), end))) return undefined;
  return { start: end, end, text: ` # knet-ignore ${code} (say why)` };
}
