/**
 * Incremental parsing: only the sibling statements that the edit touches, in the innermost enclosing block, are parsed
 * again; all other statements remain the same objects. If the new text of these statements depends on its surroundings, a
 * larger range is parsed, at worst the whole text: the result always equals `parse` on the new text.
 */

import { succeed } from "../../memo/lineage.ts";
import type { TextEdit } from "../../text/edit.ts";
import { countBelow } from "../../text/search.ts";
import { type Chunk, type Content, hasProblem, parse, parseChunk } from "./parser.ts";
import { type Block, maySilence, type Statement, SUPPRESSION, type SyntaxTree } from "./tree.ts";

export function reparse(old: SyntaxTree, { start, end, text: inserted }: TextEdit): SyntaxTree {
  const text = old.text.slice(0, start) + inserted + old.text.slice(end);
  // The effect of these problems depends on the whole text.
  if (hasProblem(old.root, "unclosed-block") || hasProblem(old.root, "unclosed-comment")) return parse(text);
  const root = editBlock(old.root, 0, 0, { start, end, delta: text.length - old.text.length, text });
  if (typeof root === "string") return parse(text);
  return {
    text,
    root,
    maySilence: old.maySilence ? maySilence(text) : maySilence(around(text, start, inserted.length)),
  };
}

/** The inserted text, and as much text on both sides as `SUPPRESSION` has. */
function around(text: string, start: number, length: number): string {
  return text.slice(Math.max(0, start - SUPPRESSION.length), start + length + SUPPRESSION.length);
}

interface Job {
  /** Offsets in the old text. */
  readonly start: number;
  readonly end: number;
  readonly delta: number;
  /** The new text. */
  readonly text: string;
}

/** The larger range to parse instead of a block. */
type Wider = "parent" | "all";

/** The block at `blockStart`, nested in `depth` blocks, after an edit between its braces. */
function editBlock(block: Block, blockStart: number, depth: number, job: Job): Block | Wider {
  const index = lastBelow(block.offsets, job.start - blockStart);
  const statement = block.statements[index];
  const inner = statement?.block;
  if (statement !== undefined && inner !== undefined) {
    const innerStart = blockStart + block.offsets[index]! + inner.start;
    if (job.start > innerStart && job.end < innerStart + inner.length) {
      const edited = editBlock(inner, innerStart, depth + 1, job);
      if (edited === "all") return edited;
      const offset = block.offsets[index]!;
      if (edited !== "parent")
        return splice(block, { first: index, next: index + 1, from: offset, to: offset }, job.delta, {
          statements: [withBlock(statement, edited)],
          offsets: [offset],
          problems: [],
        });
    }
  }
  return editRun(block, blockStart, depth, job, index);
}

const withBlock = (statement: Statement, block: Block): Statement => ({
  ...statement,
  block,
  length: block.start + block.length,
  problemCount: statement.problemCount - (statement.block?.problemCount ?? 0) + block.problemCount,
});

/** `index` is the last statement that starts before the edit, or -1. */
function editRun(block: Block, blockStart: number, depth: number, job: Job, index: number): Block | Wider {
  const { statements, offsets } = block;
  const startOf = (at: number): number => blockStart + offsets[at]!;
  const endOf = (at: number): number => startOf(at) + statements[at]!.length;
  const contentEnd = blockStart + block.length - (depth === 0 ? 0 : 1);

  // Start at the statement before the edit, unless it ended with its block…
  let first = Math.max(index, 0);
  let chunkStart = index < 0 ? blockStart + (depth === 0 ? 0 : 1) : startOf(index);
  if (index >= 0 && statements[index]!.block !== undefined && endOf(index) <= job.start) {
    first = index + 1;
    chunkStart = endOf(index);
  }
  // …or at an earlier unclosed list, which ends with its line only because no `]` was found.
  for (let at = first - 1; at >= 0 && statements[at]!.block === undefined; at--) {
    if (!statements[at]!.problems.some(({ kind }) => kind === "unclosed-list")) continue;
    first = at;
    chunkStart = startOf(at);
    break;
  }

  // End at the last statement that the edit touches, without its block if the edit is in front of the block…
  let next = Math.max(first, lastBelow(offsets, job.end + 1 - blockStart) + 1);
  const base = chunkStart - blockStart;
  const touched = next > first ? statements[next - 1] : undefined;
  if (touched?.block !== undefined && job.end <= startOf(next - 1) + touched.block.start) {
    const to = offsets[next - 1]! + touched.block.start;
    const header = parseHeader(job.text.slice(chunkStart, blockStart + to + 1 + job.delta), depth, touched.block);
    if (header !== undefined) return splice(block, { first, next, from: base, to }, job.delta, moved(header, base));
  }
  // …and extend while the following text could belong to it.
  for (let attempt = 0; ; attempt++) {
    if (attempt > 3) next = statements.length;
    // A block without arguments attaches to the preceding statement if that has no block.
    while (next < statements.length && statements[next]!.keyword.length === 0) next++;
    const last = next === statements.length;
    const chunkEnd = last ? contentEnd : startOf(next);
    const chunk = parseChunk(detached(job.text, chunkStart, chunkEnd + job.delta), depth);
    if (!standsAlone(chunk, depth)) return "all";
    if (last && depth > 0 && chunk.cut) return "parent";
    if (last || !(chunk.open || chunk.cut || chunk.openList))
      return splice(block, { first, next, from: base, to: chunkEnd - blockStart }, job.delta, moved(chunk, base));
    if (chunk.openList) while (next < statements.length && statements[next]!.block === undefined) next++;
    next = Math.min(next + 1, statements.length);
  }
}

/**
 * A copy of a part of a text. In JavaScript engines a slice keeps the original string in memory, so the tokens of one
 * statement would keep a complete version of the file alive, and each edited statement a different version.
 */
function detached(text: string, start: number, end: number): string {
  return ` ${text.slice(start, end)}`.slice(1);
}

/** Whether a chunk does not affect the braces and comments around it. */
const standsAlone = (chunk: Chunk, depth: number): boolean =>
  !chunk.repaired &&
  !hasProblem(chunk, "unclosed-comment") &&
  (depth === 0 || chunk.problems.every(({ kind }) => kind !== "stray-close"));

/** Parses statements up to a final `{`; the last statement keeps the existing block. */
function parseHeader(text: string, depth: number, block: Block): Content | undefined {
  const chunk = parseChunk(`${text}}`, depth);
  const last = chunk.statements.length - 1;
  const statement = chunk.statements[last];
  if (!standsAlone(chunk, depth) || statement?.block === undefined) return undefined;
  const { start, length } = statement.block;
  if (length !== 2 || chunk.offsets[last]! + start !== text.length - 1) return undefined;
  return { ...chunk, statements: chunk.statements.with(last, withBlock(statement, { ...block, start })) };
}

type Replacement = Pick<Content, "statements" | "offsets" | "problems">;

const moved = ({ statements, offsets, problems }: Content, base: number): Replacement => ({
  statements,
  offsets: offsets.map((offset) => offset + base),
  problems: problems.map((problem) => ({ ...problem, start: problem.start + base })),
});

/**
 * Replaces the statements from `first` up to `next` (exclusive), and the problems at offsets from `from` up to `to`.
 */
function splice(
  block: Block,
  { first, next, from, to }: { first: number; next: number; from: number; to: number },
  delta: number,
  { statements, offsets, problems }: Replacement,
): Block {
  const newOffsets = block.offsets.slice(0, first);
  for (const offset of offsets) newOffsets.push(offset);
  for (let at = next; at < block.offsets.length; at++) newOffsets.push(block.offsets[at]! + delta);
  const newStatements = block.statements.slice(0, first);
  for (const statement of statements) newStatements.push(statement);
  for (let at = next; at < block.statements.length; at++) newStatements.push(block.statements[at]!);
  const newProblems =
    block.problems.length === 0 && problems.length === 0
      ? block.problems
      : [
          ...block.problems.filter(({ start }) => start < from),
          ...problems,
          ...block.problems.filter(({ start }) => start >= to).map((old) => ({ ...old, start: old.start + delta })),
        ];
  const count = (list: readonly Statement[], start: number, end: number): number => {
    let sum = 0;
    for (let at = start; at < end; at++) sum += list[at]!.problemCount;
    return sum;
  };
  return {
    ...block,
    statements: succeed(block.statements, newStatements),
    offsets: newOffsets,
    length: block.length + delta,
    problems: newProblems,
    problemCount:
      block.problemCount -
      block.problems.length -
      count(block.statements, first, next) +
      newProblems.length +
      count(statements, 0, statements.length),
  };
}

/** The index of the last number below `limit`, or -1; `sorted` is ascending. */
function lastBelow(sorted: readonly number[], limit: number): number {
  return countBelow(sorted, limit) - 1;
}
