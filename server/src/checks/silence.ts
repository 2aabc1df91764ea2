/**
 * Comments that suppress findings:
 *
 *     cidr 172.17.0.0/16   # knet-ignore KN105 renumbered in May
 *     # knet-ignore KN220, KN201: this rack is not in use yet
 *     # knet-ignore-file KN407 a lab
 *
 * At the end of a line, a comment applies to that line; on its own line, to the statement that follows, including its
 * block; `-file` applies to the whole file. A finding is suppressed if its own location is in this scope, regardless of
 * its related locations.
 */
import { lineEndOf, lineStartOf } from "../language/lines.ts";
import { positionsOf } from "../language/positions.ts";
import { tokenize } from "../language/tokens.ts";
import type { Block, Span } from "../language/tree.ts";
import type { CheckedFile, Code, Finding } from "./check.ts";

const WORD = "knet-ignore";
const COMMENT = /^(?:#|\/\/|\/\*)[\s!*]*knet-ignore(-file)?(?![\w-])\s*((?:KN\w*[\s,]*)*)[:\s-]*(.*?)\s*(?:\*\/)?$/s;

export interface Silence {
  readonly file: string;
  readonly comment: Span;
  readonly codes: readonly string[];
  readonly reason: string;
  /** Undefined if no statement follows. */
  readonly scope: Span | undefined;
}

export function silencesIn({ file, tree }: CheckedFile): readonly Silence[] {
  if (!tree.text.includes(WORD)) return [];
  const found: Silence[] = [];
  for (const { kind, text, start, end } of tokenize(tree.text)) {
    const match = kind === "comment" ? COMMENT.exec(text) : null;
    if (!match) continue;
    const [, whole, codes = "", reason = ""] = match;
    const scope = whole === undefined ? scopeOf(tree.root, tree.text, { start, end }) : { start: 0, end: Infinity };
    found.push({ file, comment: { start, end }, codes: codes.match(/KN\w*/g) ?? [], reason, scope });
  }
  return found;
}

/** Returns the remaining findings, and each comment and code that suppressed nothing. */
export function applySilences(
  silences: readonly Silence[],
  findings: readonly Finding[],
  placeOf: (finding: Finding) => Span | undefined,
): {
  readonly kept: readonly Finding[];
  readonly unused: readonly { readonly silence: Silence; readonly code: Code }[];
} {
  if (silences.length === 0) return { kept: findings, unused: [] };
  const used = new Map<Silence, Set<string>>(silences.map((silence) => [silence, new Set()]));
  const kept = findings.filter((finding) => {
    const place = placeOf(finding);
    let suppressed = false;
    for (const silence of silences) {
      const { file, scope, codes } = silence;
      if (!place || !scope || file !== finding.source.file || !codes.includes(finding.code)) continue;
      if (place.start < scope.start || place.start >= scope.end) continue;
      used.get(silence)?.add(finding.code);
      suppressed = true;
    }
    return !suppressed;
  });
  const unused = silences.flatMap((silence) =>
    silence.codes
      .filter((code) => isCode(code) && !used.get(silence)?.has(code))
      .map((code) => ({ silence, code: code as Code })),
  );
  return { kept, unused };
}

export function isCode(text: string): text is Code {
  return /^KN\d{3}$/.test(text);
}

/** Locates findings in the trees of the files. */
export function placing(files: readonly CheckedFile[]): (finding: Finding) => Span | undefined {
  const trees = new Map(files.map(({ file, tree }) => [file, tree]));
  return ({ source, span }) => {
    const tree = trees.get(source.file);
    return span ?? (tree && positionsOf(tree).spanOf(source.statement, source.part));
  };
}

function scopeOf(root: Block, text: string, comment: Span): Span | undefined {
  const start = lineStartOf(text, comment.start);
  if (text.slice(start, comment.start).trim() !== "") return { start, end: lineEndOf(text, comment.end) };
  return statementAfter(root, 0, comment.end);
}

/** The first statement that starts after the offset, in the innermost block that contains the offset. */
function statementAfter(block: Block, start: number, offset: number): Span | undefined {
  for (const [i, statement] of block.statements.entries()) {
    const at = start + (block.offsets[i] ?? 0);
    if (at >= offset) return { start: at, end: at + statement.length };
    if (offset <= at + statement.length && statement.block)
      return statementAfter(statement.block, at + statement.block.start, offset);
  }
  return undefined;
}
