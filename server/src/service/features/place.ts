/** The enclosing declarations at an offset, the part of the innermost one, and the value of that part. */

import { all } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Document, Point, Token } from "../../declared/document.ts";
import type { Part } from "../../declared/handle.ts";
import { type ArgSpec, isFlag, type KeywordSpec } from "../../declared/schema/index.ts";
import type { Read } from "../../declared/values.ts";
import type { KnetDocument } from "../../frontends/knet/document.ts";
import { statementOf } from "../../frontends/knet/handle.ts";
import type { KnetPoint } from "../../frontends/knet/point.ts";
import type { Block } from "../../frontends/knet/tree.ts";
import type { Span } from "../../text/span.ts";
import type { Analysis } from "../analysis.ts";
import { knetFile } from "../knet.ts";

export interface Place extends Point {
  readonly file: Document;
  readonly offset: number;
}

/** A place in a `.knet` file, with its syntax. */
export interface KnetPlace extends Place, KnetPoint {
  readonly file: KnetDocument;
}

/** A declaration and one of its parts. */
export interface Pointed extends Token {
  readonly decl: Decl;
}

export function placeAt(analysis: Analysis, file: string, offset: number): Place | undefined {
  const document = analysis.fileOf(file);
  return document && { file: document, offset, ...document.pointAt(offset) };
}

export function knetPlaceAt(analysis: Analysis, file: string, offset: number): KnetPlace | undefined {
  const document = knetFile(analysis, file);
  return document && { file: document, offset, ...document.pointAt(offset) };
}

/** The part under the cursor; undefined between declarations and in comments. */
export function pointedAt({ token, decls }: Place): Pointed | undefined {
  const decl = decls.at(-1);
  return token && decl && { ...token, decl };
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
