/**
 * Fixes: converts tree edits to text edits and verifies them. A fix is offered only after the edited files were analyzed:
 * the finding is gone, no code is reported more often than before, and the packets that the finding reports arrive.
 */
import type { CheckedFile, Finding, Fix, FixEdit } from "../../checks/check.ts";
import { buildNetwork } from "../../cni/network.ts";
import { withoutPolicies } from "../../kubernetes/contribute.ts";
import { decodeCache, decodeFile } from "../../language/decode.ts";
import { reparse } from "../../language/incremental.ts";
import { lineStartOf, newlineOf, skipBlanksBack } from "../../language/lines.ts";
import { partSpan, positionsOf } from "../../language/positions.ts";
import { tokenize } from "../../language/tokens.ts";
import type { Block, Span, Statement, SyntaxTree } from "../../language/tree.ts";
import { isAnsweredIn } from "../../questions/replay.ts";
import { type Analysis, analyse } from "../analysis.ts";
import type { TextEdit } from "../service.ts";

export interface ProvenFix {
  readonly title: string;
  readonly edits: ReadonlyMap<string, readonly TextEdit[]>;
}

/** The fixes that resolve a finding. Undefined if the run was canceled. */
export function provenFixes(analysis: Analysis, finding: Finding, cancelled: () => boolean): ProvenFix[] | undefined {
  const proven: ProvenFix[] = [];
  for (const fix of finding.fixes) {
    const edits = fixEdits(analysis, fix);
    if (!edits) continue;
    const before = analysis.findings(cancelled);
    const edited = before && editedAnalysis(analysis, edits);
    const after = edited?.findings(cancelled);
    if (!before || !edited || !after) return undefined;
    if (mends(finding, before, after) && arrive(edited, finding)) proven.push({ title: fix.title, edits });
  }
  return proven;
}

function mends(finding: Finding, before: readonly Finding[], after: readonly Finding[]): boolean {
  // An identical finding can exist at a second place and remain there.
  const same = (list: readonly Finding[]): number =>
    list.filter(({ code, message }) => code === finding.code && message === finding.message).length;
  if (same(after) >= same(before)) return false;
  // A fix for an error or a warning can add an info or a hint, but not the reverse.
  const counts = new Map<string, number>();
  for (const { code } of before) counts.set(code, (counts.get(code) ?? 0) + 1);
  for (const { code, severity } of after) {
    if (code !== finding.code && isGrave(finding.severity) && !isGrave(severity)) continue;
    const left = (counts.get(code) ?? 0) - 1;
    if (left < 0) return false;
    counts.set(code, left);
  }
  return (counts.get(finding.code) ?? 0) > 0;
}

/** Sends the failing packets of the finding again, like the checks: without policies. */
function arrive({ topology, network }: Analysis, { queries = [] }: Finding): boolean {
  if (queries.length === 0) return true;
  const hasPolicies = topology.clusters.some(({ policies }) => policies.length > 0);
  const world = { topology, network: hasPolicies ? buildNetwork(topology, withoutPolicies()) : network };
  return queries.every((query) => isAnsweredIn(world, query));
}

function isGrave(severity: Finding["severity"]): boolean {
  return severity === "error" || severity === "warning";
}

/** A new analysis of the project after edits. */
export function editedAnalysis(analysis: Analysis, edits: ReadonlyMap<string, readonly TextEdit[]>): Analysis {
  const cache = decodeCache();
  const files = analysis.files.map((file): CheckedFile => {
    const own = edits.get(file.file);
    if (!own) return file;
    // Applied from the end of the text, so the offsets of earlier edits remain valid.
    const backwards = [...own].reverse().sort((a, b) => b.start - a.start || b.end - a.end);
    const tree = backwards.reduce<SyntaxTree>(reparse, file.tree);
    return { file: file.file, tree, decls: decodeFile(tree, cache) };
  });
  return analyse(analysis.root, files, { ...analysis.options, extra: [] });
}

/** Undefined if a source is not in the current text or if two edits overlap. */
export function fixEdits(analysis: Analysis, fix: Fix): ReadonlyMap<string, readonly TextEdit[]> | undefined {
  const edits = new Map<string, TextEdit[]>();
  for (const one of fix.edits) {
    const file = "file" in one ? one.file : one.source.file;
    const tree = analysis.fileOf(file)?.tree;
    const edit = tree && textEdit(tree, one);
    if (!edit) return undefined;
    edits.set(file, [...(edits.get(file) ?? []), edit]);
  }
  for (const [file, list] of edits) {
    list.sort((a, b) => a.start - b.start || a.end - b.end);
    if (list.some((edit, index) => index > 0 && edit.start < (list[index - 1]?.end ?? 0))) return undefined;
    edits.set(file, joined(list));
  }
  return edits;
}

/** Merges adjacent edits: clients disagree about the order of an insertion and a replacement at the same offset. */
function joined(sorted: readonly TextEdit[]): TextEdit[] {
  const result: TextEdit[] = [];
  for (const edit of sorted) {
    const last = result.at(-1);
    if (last?.end !== edit.start) result.push(edit);
    else result[result.length - 1] = { start: last.start, end: edit.end, text: last.text + edit.text };
  }
  return result;
}

export function textEdit(tree: SyntaxTree, edit: FixEdit): TextEdit | undefined {
  if (edit.kind === "comment") return removeComment(tree.text, edit.span);
  if (edit.kind === "insert") return { start: edit.at, end: edit.at, text: edit.text };
  const { statement, part } = edit.source;
  const { text } = tree;
  const start = positionsOf(tree).startOf(statement);
  if (start === undefined) return undefined;
  switch (edit.kind) {
    case "replace": {
      const span = partSpan(statement, part, start);
      return span && { ...span, text: edit.text };
    }
    case "before": {
      const indent = text.slice(lineStartOf(text, start), start);
      const newline = newlineOf(text);
      // If the line has other statements, the insertion stays on that line.
      return { start, end: start, text: indent.trim() === "" ? `${edit.text}${newline}${indent}` : `${edit.text}; ` };
    }
    case "append":
      return appendEdit(tree.text, statement, start, edit.text.split("\n"));
    case "remove": {
      if (part === "whole" || part === "keyword") return removeStatement(tree.text, start, start + statement.length);
      const span = partSpan(statement, part, start);
      return span && { start: skipBlanksBack(tree.text, span.start), end: span.end, text: "" };
    }
  }
}

/** Adds lines to a multi-line block; appends to the statements of a single-line block. */
function appendEdit(text: string, statement: Statement, start: number, lines: readonly string[]): TextEdit {
  const newline = newlineOf(text);
  const indent = indentAt(text, start);
  const { block } = statement;
  const together = (by: string): string => lines.map((line) => `${by}${line}`).join(newline);
  if (!block) {
    const at = start + statement.length;
    const added = isAlone(text, start)
      ? ` {${newline}${together(`${indent}  `)}${newline}${indent}}`
      : ` { ${lines.join("; ")} }`;
    return { start: at, end: at, text: added };
  }
  const blockStart = start + block.start;
  const last = lastEnd(block, blockStart);
  if (!block.closed) {
    return { start: last, end: last, text: `${newline}${together(`${indent}  `)}` };
  }
  const close = blockStart + block.length - 1;
  const lineStart = lineStartOf(text, close);
  if (lineStart > blockStart && text.slice(lineStart, close).trim() === "") {
    return { start: lineStart, end: lineStart, text: `${together(inner(text, block, blockStart, indent))}${newline}` };
  }
  // The closing brace is on the same line; a comment in front of the brace is not moved.
  const at = skipBlanksBack(text, close);
  const comment = tokenize(text.slice(last, close)).some((token) => token.kind === "comment");
  const separator =
    block.statements.length === 0 ? " " : comment && at > last ? "; " : text[at - 1] === ";" ? " " : "; ";
  return { start: at, end: close, text: `${separator}${lines.join("; ")} ` };
}

/** Whether the statement is the first on its line, so its block can have separate lines. */
function isAlone(text: string, start: number): boolean {
  return text.slice(lineStartOf(text, start), start).trim() === "";
}

/** The indentation of the block's statements. */
function inner(text: string, block: Block, blockStart: number, indent: string): string {
  const offset = block.offsets.at(-1);
  if (offset === undefined) return `${indent}  `;
  const at = blockStart + offset;
  const lineStart = lineStartOf(text, at);
  const before = text.slice(lineStart, at);
  return before.trim() === "" ? before : `${indent}  `;
}

function lastEnd(block: Block, blockStart: number): number {
  const statement = block.statements.at(-1);
  return statement ? blockStart + (block.offsets.at(-1) ?? 0) + statement.length : blockStart + 1;
}

/** Removes the whole line if the statement is alone on it, otherwise the statement and the `;` that follows or precedes it. */
function removeStatement(text: string, start: number, end: number): TextEdit {
  const lineStart = lineStartOf(text, start);
  const rest = /^[ \t]*(;[ \t]*)?((?:#|\/\/)[^\r\n]*)?(\r\n|\n|\r|$)/.exec(text.slice(end, end + 2000));
  if (text.slice(lineStart, start).trim() === "" && rest)
    return { start: lineStart, end: end + rest[0].length, text: "" };
  const behind = /^[ \t]*;[ \t]*/.exec(text.slice(end, end + 200));
  if (behind) return { start, end: end + behind[0].length, text: "" };
  const before = /[ \t]*;[ \t]*$/.exec(text.slice(lineStart, start));
  if (before) return { start: lineStart + before.index, end, text: "" };
  return { start: skipBlanksBack(text, start), end, text: "" };
}

function removeComment(text: string, { start, end }: Span): TextEdit {
  const lineStart = lineStartOf(text, start);
  if (text.slice(lineStart, start).trim() !== "") return { start: skipBlanksBack(text, start), end, text: "" };
  const newline = /^[ \t]*(\r\n|\n|\r)/.exec(text.slice(end, end + 200))?.[0] ?? "";
  return { start: newline === "" ? start : lineStart, end: end + newline.length, text: "" };
}

export function indentAt(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(lineStartOf(text, at), at))?.[0] ?? "";
}
