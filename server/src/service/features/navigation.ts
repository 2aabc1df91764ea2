/** Declarations and uses of a name: definition, references, highlights, rename. */

import type { Part } from "../../declared/handle.ts";
import type { Origin } from "../../declared/origin.ts";
import { readValue } from "../../declared/reading.ts";
import type { SymbolKind } from "../../declared/schema/index.ts";
import type { TextEdit } from "../../text/edit.ts";
import { phrase, t, translated } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import type { Analysis } from "../analysis.ts";
import { placeAt, pointedAt, readAt } from "./place.ts";
import { type NamedSymbol, type NameLink, pathOf } from "./symbol.ts";
import { type SymbolTable, symbolsOf } from "./symbols.ts";

export interface FilePlace {
  readonly file: string;
  readonly span: Span;
}

export interface Definition {
  /** The span under the cursor. */
  readonly origin: Span;
  readonly file: string;
  /** The whole declaration and its name. */
  readonly full: Span;
  readonly name: Span;
}

/** The name under the cursor, and the symbols that it can refer to. */
interface Target {
  readonly symbols: readonly NamedSymbol[];
  /** The whole name as written: "api-0". */
  readonly span: Span;
  /** The part that a rename changes: "api". */
  readonly name: Span;
  /** Same as `NameLink.written`; at the declaration, the name itself. */
  readonly written: string;
  /** Whether it is a label of a DNS name. */
  readonly dns: boolean;
}

export function definitionAt(analysis: Analysis, file: string, offset: number): readonly Definition[] {
  const target = targetAt(analysis, file, offset);
  return (target?.symbols ?? []).flatMap((symbol): Definition[] => {
    const name = analysis.innerSpanOf(symbol.source);
    const full = analysis.spanOf({ ...symbol.source, part: "whole" });
    return target && name && full ? [{ origin: target.span, file: symbol.source.file, full, name }] : [];
  });
}

/** The path of `import "other.knet"`, whose definition is the start of that file; the caller resolves the path. */
export function importAt(analysis: Analysis, file: string, offset: number): { path: string; span: Span } | undefined {
  const place = placeAt(analysis, file, offset);
  const pointed = place && pointedAt(place);
  if (pointed?.decl.spec?.keyword !== "import") return undefined;
  const value = readAt(pointed.decl, pointed.part)?.read.value;
  return value?.kind === "string" && value.text !== "" ? { path: value.text, span: pointed.span } : undefined;
}

export function referencesAt(
  analysis: Analysis,
  file: string,
  offset: number,
  withDeclaration: boolean,
): readonly FilePlace[] {
  const target = targetAt(analysis, file, offset);
  const table = symbolsOf(analysis);
  const symbols = entities(table, target?.symbols ?? []);
  return [
    ...(withDeclaration ? symbols.flatMap((symbol) => placeOf(analysis, symbol.source)) : []),
    ...symbols.flatMap((symbol) => table.linksTo(symbol).flatMap((link) => linkPlace(analysis, link))),
  ].filter(unique());
}

export interface Highlight {
  readonly span: Span;
  readonly declaration: boolean;
}

/** All occurrences of the name in this file. */
export function highlightsAt(analysis: Analysis, file: string, offset: number): readonly Highlight[] {
  const target = targetAt(analysis, file, offset);
  const table = symbolsOf(analysis);
  const symbols = entities(table, target?.symbols ?? []);
  const declared = symbols.flatMap((symbol) => placeOf(analysis, symbol.source));
  const used = symbols.flatMap((symbol) => table.linksTo(symbol).flatMap((link) => linkPlace(analysis, link)));
  return [
    ...declared.map(({ file: at, span }) => ({ at, span, declaration: true })),
    ...used.map(({ file: at, span }) => ({ at, span, declaration: false })),
  ].filter(({ at }) => at === file);
}

export interface Renamable {
  readonly span: Span;
  readonly name: string;
}

const NO_NAME = phrase("This symbol cannot be renamed.");

/** The name that a rename at this position changes, or the reason why no rename is possible. */
export function renamableAt(analysis: Analysis, file: string, offset: number): Renamable | string {
  const target = targetAt(analysis, file, offset);
  const symbol = target?.symbols[0];
  if (!target || !symbol || !touches(target.name, offset)) return translated(NO_NAME);
  return { span: target.name, name: symbol.name };
}

export type Renaming = { readonly edits: ReadonlyMap<string, readonly TextEdit[]> } | { readonly error: string };

export function renameAt(analysis: Analysis, file: string, offset: number, to: string): Renaming {
  const target = targetAt(analysis, file, offset);
  if (!target || target.symbols.length === 0 || !touches(target.name, offset)) return { error: translated(NO_NAME) };
  const table = symbolsOf(analysis);
  const symbols = entities(table, target.symbols);
  const problem = symbols.map((symbol) => whyNotNamed(table, symbol, to)).find((reason) => reason !== undefined);
  if (problem !== undefined) return { error: problem };
  const places = symbols
    .flatMap((symbol) => [
      ...placeOf(analysis, symbol.source),
      ...table.linksTo(symbol).flatMap((link) => linkPlace(analysis, link)),
    ])
    .filter(unique());
  const edits = new Map<string, TextEdit[]>();
  for (const place of places) {
    const edit: TextEdit = { ...place.span, text: to };
    const same = edits.get(place.file);
    if (same) same.push(edit);
    else edits.set(place.file, [edit]);
  }
  for (const list of edits.values()) list.sort((a, b) => a.start - b.start);
  return { edits };
}

/** Why a symbol cannot have this name. */
function whyNotNamed(table: SymbolTable, symbol: NamedSymbol, to: string): string | undefined {
  const wrong = whyNoName(to);
  if (wrong !== undefined || to === symbol.name) return wrong;
  const path = [...pathOf(symbol).slice(0, -1), to].join("/");
  const taken = table.symbols.find(
    (other) =>
      other.name === to && SAME_NAMES[other.kind] === SAME_NAMES[symbol.kind] && pathOf(other).join("/") === path,
  );
  return taken && t`${taken.kind} \`${to}\` already exists.`;
}

/** Kinds with the same value must have different names within a scope. */
const SAME_NAMES: Readonly<Record<SymbolKind, string>> = {
  segment: "segment",
  router: "machine",
  host: "machine",
  cluster: "machine",
  node: "node",
  namespace: "namespace",
  pod: "workload",
  workload: "workload",
  service: "service",
  container: "process",
  daemon: "process",
  policy: "policy",
  ingress: "ingress",
  gateway: "gateway",
  "security-group": "security-group",
};

function whyNoName(to: string): string | undefined {
  const read = readValue({ kind: "name" }, to);
  return read.kind === "unread" && read.code === "KN006"
    ? t`\`${to}\` is not a valid name: ${read.data.reason ?? ""}.`
    : undefined;
}

/** The symbol whose declaration or use is under the cursor. */
export function targetAt(analysis: Analysis, file: string, offset: number): Target | undefined {
  const place = placeAt(analysis, file, offset);
  const pointed = place && pointedAt(place);
  if (!pointed) return undefined;
  const table = symbolsOf(analysis);
  const own = table.symbolOf(pointed.decl);
  if (own && isSamePart(own.source.part, pointed.part))
    return { symbols: [own], span: pointed.inner, name: pointed.inner, written: own.name, dns: false };
  const uses = table.usesIn(file, place.decls).filter((use) => isSamePart(use.source.part, pointed.part));
  for (const use of uses) {
    const links = table.linksOf(use).map((link) => {
      const start = pointed.inner.start + link.span.start;
      const name: Span = { start, end: pointed.inner.start + link.span.end };
      return { link, name, word: { start, end: start + link.written.length } };
    });
    // In `agent-n1`, the part that names the node takes precedence over the whole pod name.
    const found = links.find(({ name }) => touches(name, offset)) ?? links.find(({ word }) => touches(word, offset));
    if (!found) continue;
    const { link, name, word } = found;
    const same = links.filter((one) => one.link.segment === link.segment && one.name.start === name.start);
    return { symbols: same.map((one) => one.link.symbol), span: word, name, written: link.written, dns: link.dns };
  }
  return undefined;
}

function touches({ start, end }: Span, offset: number): boolean {
  return start <= offset && offset <= end;
}

export function isSamePart(a: Part, b: Part): boolean {
  return typeof a === "object" && typeof b === "object" ? a[0] === b[0] && a[1] === b[1] : a === b;
}

function entities(table: SymbolTable, symbols: readonly NamedSymbol[]): readonly NamedSymbol[] {
  return [...new Set(symbols.flatMap((symbol) => table.declarationsOf(symbol)))];
}

function placeOf(analysis: Analysis, source: Origin): readonly FilePlace[] {
  const span = analysis.innerSpanOf(source);
  return span ? [{ file: source.file, span }] : [];
}

function linkPlace(analysis: Analysis, { use, span }: NameLink): readonly FilePlace[] {
  const whole = analysis.innerSpanOf(use.source);
  return whole
    ? [{ file: use.source.file, span: { start: whole.start + span.start, end: whole.start + span.end } }]
    : [];
}

function unique(): (place: FilePlace) => boolean {
  const seen = new Set<string>();
  return ({ file, span }) => {
    const key = `${span.start} ${span.end} ${file}`;
    return seen.size < seen.add(key).size;
  };
}
