/** The enclosing declarations at an offset, the part of the innermost one, and the value of that part. */

import { all } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Part } from "../../declared/handle.ts";
import { type ArgSpec, isFlag, type KeywordSpec } from "../../declared/schema/index.ts";
import type { Read } from "../../declared/values.ts";
import type { KnetDocument } from "../../frontends/knet/document.ts";
import { statementOf } from "../../frontends/knet/handle.ts";
import { type Path, partArg, positionsOf } from "../../frontends/knet/positions.ts";
import { isUnclosedString } from "../../frontends/knet/tokens.ts";
import type { Arg, Block } from "../../frontends/knet/tree.ts";
import type { Span } from "../../text/span.ts";
import type { Analysis } from "../analysis.ts";
import { knetFile } from "../knet.ts";

export interface Place {
  readonly file: KnetDocument;
  readonly offset: number;
  readonly path: Path;
  /** The enclosing declarations that could be decoded, outermost first. */
  readonly decls: readonly Decl[];
}

/** A declaration and one of its parts. */
export interface Pointed {
  readonly decl: Decl;
  readonly start: number;
  readonly part: Part;
  readonly arg: Arg;
  readonly span: Span;
}

export function placeAt(analysis: Analysis, file: string, offset: number): Place | undefined {
  const checked = knetFile(analysis, file);
  if (!checked) return undefined;
  const path = positionsOf(checked.tree).path(offset);
  const decls: Decl[] = [];
  let level = checked.decls;
  for (const statement of path.statements) {
    const decl = level.find((one) => statementOf(one) === statement);
    if (!decl) break;
    decls.push(decl);
    level = decl.children;
  }
  return { file: checked, offset, path, decls };
}

/** The part under the cursor; undefined between statements and in comments. */
export function pointedAt({ path, decls }: Place): Pointed | undefined {
  const { statements, starts, part } = path;
  const decl = decls[statements.length - 1];
  const start = starts[statements.length - 1];
  if (!decl || start === undefined || part === undefined || part === "whole" || path.inComment) return undefined;
  const arg = partArg(statementOf(decl), part);
  if (!arg) return undefined;
  return { decl, start, part, arg, span: { start: start + arg.start, end: start + arg.start + arg.length } };
}

/** The value of a part, and the schema argument that it belongs to. */
export function readAt(decl: Decl, part: Part): { readonly spec: ArgSpec; readonly read: Read } | undefined {
  if (typeof part === "string" || !decl.spec) return undefined;
  const [index, item] = typeof part === "number" ? [part, undefined] : part;
  for (const spec of decl.spec.args) {
    if (isFlag(spec)) continue;
    for (const read of all(decl, spec.name)) {
      if (read.index === index && (read.item === item || read.item === undefined)) return { spec, read };
    }
  }
  return undefined;
}

/** The span of an argument, without the quotes of a string. `start`: offset of its statement. */
export function innerSpan(arg: Arg, start: number, text: string): Span {
  const from = start + arg.start;
  const to = from + arg.length;
  if (arg.kind !== "string") return { start: from, end: to };
  return { start: from + 1, end: isUnclosedString(text.slice(from, to)) ? to : to - 1 };
}

/** The part of a statement that a value was read from. */
export function partOf(read: Read): Part {
  return read.item === undefined ? read.index : [read.index, read.item];
}

/** Literals and flags of the schema, split at blanks: tokens that are not values. */
export function literalsOf(spec: KeywordSpec): ReadonlySet<string> {
  const words = new Set<string>();
  for (const arg of spec.args) {
    const text = isFlag(arg) ? arg.name : arg.after;
    for (const word of text?.split(" ") ?? []) words.add(word);
  }
  return words;
}

/** Every declaration with its enclosing declarations (outermost first), in text order. */
export function* walk(
  decls: readonly Decl[],
  around: readonly Decl[] = [],
): Generator<{ readonly decl: Decl; readonly around: readonly Decl[] }> {
  for (const decl of decls) {
    yield { decl, around };
    if (decl.children.length > 0) yield* walk(decl.children, [...around, decl]);
  }
}

export interface Placed {
  readonly decl: Decl;
  readonly start: number;
  readonly end: number;
}

/** The declarations that touch a span, in text order, with their positions; subtrees outside the span are skipped. */
export function placedIn({ tree, decls }: KnetDocument, within?: Span): readonly Placed[] {
  const found: Placed[] = [];
  const visit = (level: readonly Decl[], block: Block, blockStart: number): void => {
    // A block has exactly one declaration per statement.
    level.forEach((decl, index) => {
      const start = blockStart + (block.offsets[index] ?? 0);
      const end = start + statementOf(decl).length;
      if (within && (start > within.end || end < within.start)) return;
      found.push({ decl, start, end });
      const inner = statementOf(decl).block;
      if (inner && decl.children.length > 0) visit(decl.children, inner, start + inner.start);
    });
  };
  visit(decls, tree.root, 0);
  return found;
}
