/** Maps statements to text offsets and back. */

import type { Part } from "../../declared/handle.ts";
import { memo } from "../../memo/memo.ts";
import { lastUpTo } from "../../text/search.ts";
import type { Span } from "../../text/span.ts";
import { tokenize } from "./tokens.ts";
import type { Arg, Block, Statement, SyntaxTree } from "./tree.ts";

/** The syntax at an offset. */
export interface Path {
  /**
   * The statements that contain the offset, outermost first. The last one can also be a statement before the offset that
   * additional arguments at the offset would continue.
   */
  readonly statements: readonly Statement[];
  /** The start of each statement in `statements`. */
  readonly starts: readonly number[];
  /**
   * The part of the last statement that contains or touches the offset; a part that starts there takes precedence over
   * a part that ends there.
   */
  readonly part: Part | undefined;
  /** The number of arguments of the last statement that start before the offset. */
  readonly next: number;
  /** The innermost block that contains the offset, and its start. */
  readonly block: Block;
  readonly blockStart: number;
  /** The number of statements of the block that start before the offset. */
  readonly index: number;
  readonly inComment: boolean;
}

export interface Positions {
  /** Undefined for a statement of another tree. */
  startOf(statement: Statement): number | undefined;
  spanOf(statement: Statement, part: Part): Span | undefined;
  /** Finds the starts of all these statements in one walk, before they are needed. */
  prepare(wanted: Iterable<Statement>): void;
  path(offset: number): Path;
}

export const positionsOf = memo((tree: SyntaxTree) => makePositions(tree));

/** Number of individual searches before a map of all statements is built. */
const SEARCHES = 4;

function searchStart(block: Block, blockStart: number, wanted: Statement): number | undefined {
  const { statements, offsets } = block;
  for (let i = 0; i < statements.length; i += 1) {
    const statement = statements[i];
    const start = blockStart + (offsets[i] ?? 0);
    if (statement === wanted) return start;
    if (statement?.block) {
      const found = searchStart(statement.block, start + statement.block.start, wanted);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function makePositions(tree: SyntaxTree): Positions {
  let starts: ReadonlyMap<Statement, number> | undefined;
  let prepared: ReadonlyMap<Statement, number> | undefined;
  let searches = 0;
  const startOf = (statement: Statement): number | undefined => {
    const known = prepared?.get(statement);
    if (known !== undefined) return known;
    // After an edit, usually one or two positions are needed: searching for these is cheaper than building a map.
    if (starts === undefined && searches < SEARCHES) {
      searches += 1;
      return searchStart(tree.root, 0, statement);
    }
    starts ??= statementStarts(tree.root);
    return starts.get(statement);
  };
  return {
    startOf,
    spanOf: (statement, part) => {
      const start = startOf(statement);
      return start === undefined ? undefined : partSpan(statement, part, start);
    },
    prepare: (wanted) => {
      prepared = statementStarts(tree.root, new Set(wanted));
    },
    path: (offset) => pathAt(tree, offset),
  };
}

/** The starts of all statements, or only of the wanted statements. */
function statementStarts(root: Block, wanted?: ReadonlySet<Statement>): ReadonlyMap<Statement, number> {
  const starts = new Map<Statement, number>();
  if (wanted?.size === 0) return starts;
  const add = (block: Block, blockStart: number): void => {
    const { statements, offsets } = block;
    for (let at = 0; at < statements.length; at++) {
      const statement = statements[at]!;
      const start = blockStart + offsets[at]!;
      if (wanted === undefined || wanted.has(statement)) starts.set(statement, start);
      if (statement.block !== undefined) add(statement.block, start + statement.block.start);
    }
  };
  add(root, 0);
  return starts;
}

/** The span of a part of a statement that starts at `start`; undefined if the statement has no such part. */
export function partSpan(statement: Statement, part: Part, start: number): Span | undefined {
  if (part === "whole") return { start, end: start + statement.length };
  const arg = partArg(statement, part);
  return arg && { start: start + arg.start, end: start + arg.start + arg.length };
}

/** The argument that a part refers to; undefined for "whole" and for a part that does not exist. */
export function partArg(statement: Statement, part: Part): Arg | undefined {
  if (part === "whole") return undefined;
  if (part === "keyword") return statement.keyword;
  if (typeof part === "number") return statement.args[part];
  return statement.args[part[0]]?.items?.[part[1]];
}

function pathAt({ text, root }: SyntaxTree, offset: number): Path {
  const statements: Statement[] = [];
  const starts: number[] = [];
  let block = root;
  let blockStart = 0;
  for (;;) {
    // If two statements touch at the offset, this is the one that starts there.
    const at = lastUpTo(block.offsets, offset - blockStart);
    const statement = block.statements[at];
    const contentStart = blockStart + (block === root ? 0 : 1);
    const contentEnd = blockStart + block.length - (block !== root && block.closed ? 1 : 0);
    const nextStart = at + 1 < block.offsets.length ? blockStart + block.offsets[at + 1]! : contentEnd;
    if (statement === undefined) {
      const { inComment } = gapAt(text, contentStart, nextStart, offset);
      return { statements, starts, part: undefined, next: 0, block, blockStart, index: 0, inComment };
    }
    const start = blockStart + block.offsets[at]!;
    const inner = statement.block;
    const innerStart = start + (inner?.start ?? statement.length);
    if (inner !== undefined && offset > innerStart) {
      const innerEnd = innerStart + inner.length;
      if (offset < innerEnd || (offset === innerEnd && !inner.closed)) {
        statements.push(statement);
        starts.push(start);
        block = inner;
        blockStart = innerStart;
        continue;
      }
    }
    const index = start < offset ? at + 1 : at;
    const part = partAt(statement, offset - start);
    const next = statement.args.filter((arg) => start + arg.start < offset).length;
    const before = next === 0 ? statement.keyword : statement.args[next - 1]!;
    const after = statement.args[next];
    const { inComment, ended } =
      offset > start + statement.length
        ? gapAt(text, start + statement.length, nextStart, offset)
        : gapAt(text, start + before.start + before.length, after ? start + after.start : innerStart, offset);
    if (offset <= start + statement.length || (inner === undefined && !ended)) {
      statements.push(statement);
      starts.push(start);
      return { statements, starts, part, next, block, blockStart, index, inComment };
    }
    return { statements, starts, part: undefined, next: 0, block, blockStart, index, inComment };
  }
}

/** The part that contains the offset or ends there; an argument next to an arrow takes precedence over the arrow. */
function partAt(statement: Statement, offset: number): Part | undefined {
  const parts = [statement.keyword, ...statement.args];
  const at = touched(parts, offset);
  if (at === undefined) return undefined;
  if (at === 0) return "keyword";
  const items = parts[at]!.items;
  const item = items && touched(items, offset);
  return item === undefined ? at - 1 : [at - 1, item];
}

function touched(args: readonly Arg[], offset: number): number | undefined {
  let found: number | undefined;
  for (let at = 0; at < args.length && args[at]!.start <= offset; at++) {
    const { kind, start, length } = args[at]!;
    if (offset <= start + length && (found === undefined || kind !== "arrow")) found = at;
  }
  return found;
}

/**
 * Scans the text between two arguments or statements: whether the offset is in a comment, and whether the statement has
 * ended.
 */
function gapAt(text: string, from: number, to: number, offset: number): { inComment: boolean; ended: boolean } {
  let ended = false;
  for (const { kind, start, end, text: image } of from < to ? tokenize(text.slice(from, to)) : []) {
    if (from + start >= offset) break;
    if (kind === "newline" || kind === ";" || kind === "}") ended = true;
    if (kind !== "comment") continue;
    const closed = image.startsWith("/*") && image.length > 3 && image.endsWith("*/");
    if (offset < from + end || (offset === from + end && !closed)) return { inComment: true, ended };
  }
  return { inComment: false, ended };
}
