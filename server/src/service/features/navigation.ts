/** Where a name is declared and where it is used: definition, references, highlights, rename. */
import { readValue } from "../../language/reading.ts";
import type { SymbolKind } from "../../language/schema/index.ts";
import type { Source, Span } from "../../language/tree.ts";
import type { Analysis } from "../analysis.ts";
import type { TextEdit } from "../service.ts";
import { placeAt, pointedAt } from "./place.ts";
import { type NamedSymbol, type NameLink, pathOf, type SymbolTable, symbolsOf } from "./symbols.ts";

export interface FilePlace {
  readonly file: string;
  readonly span: Span;
}

export interface Definition {
  /** What the cursor points at. */
  readonly origin: Span;
  readonly file: string;
  /** The whole declaration and its name. */
  readonly full: Span;
  readonly name: Span;
}

/** What stands under the cursor: the symbols that it may name. */
interface Target {
  readonly symbols: readonly NamedSymbol[];
  /** The word for it: "api-0". */
  readonly span: Span;
  /** The name in it, which a rename changes: "api". */
  readonly name: Span;
  /** As `NameLink` has it; the name itself where it is declared. */
  readonly written: string;
  /** A label of a DNS name. */
  readonly dns: boolean;
}

export function definitionAt(analysis: Analysis, file: string, offset: number): readonly Definition[] {
  const target = targetAt(analysis, file, offset);
  return (target?.symbols ?? []).flatMap((symbol): Definition[] => {
    const name = analysis.spanOf(symbol.source);
    const full = analysis.spanOf({ ...symbol.source, part: "whole" });
    return target && name && full ? [{ origin: target.span, file: symbol.source.file, full, name }] : [];
  });
}

/** For `import "other.knet"`, the file's beginning is its definition; the caller knows where the path leads. */
export function importAt(analysis: Analysis, file: string, offset: number): { path: string; span: Span } | undefined {
  const place = placeAt(analysis, file, offset);
  const pointed = place && pointedAt(place);
  if (pointed?.decl.spec?.keyword !== "import" || pointed.arg.kind !== "string" || pointed.arg.text === "")
    return undefined;
  return { path: pointed.arg.text, span: pointed.span };
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

/** The same name in this file. */
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

const NO_NAME = "There is no name here that could be changed.";

/** The name that a rename here would change; a string says why there is none. */
export function renamableAt(analysis: Analysis, file: string, offset: number): Renamable | string {
  const target = targetAt(analysis, file, offset);
  const symbol = target?.symbols[0];
  if (!target || !symbol || !touches(target.name, offset)) return NO_NAME;
  return { span: target.name, name: symbol.name };
}

export type Renaming = { readonly edits: ReadonlyMap<string, readonly TextEdit[]> } | { readonly error: string };

export function renameAt(analysis: Analysis, file: string, offset: number, to: string): Renaming {
  const target = targetAt(analysis, file, offset);
  if (!target || target.symbols.length === 0 || !touches(target.name, offset)) return { error: NO_NAME };
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
  return taken && `There is a ${taken.kind} called ${to} already.`;
}

/** Kinds that share their names within a scope. */
const SAME_NAMES: Readonly<Record<SymbolKind, string>> = {
  segment: "segment",
  router: "station",
  host: "station",
  cluster: "station",
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
};

function whyNoName(to: string): string | undefined {
  const read = readValue({ kind: "name" }, to);
  return read.kind === "unread" ? `"${to}" cannot be a name: ${read.data.reason}.` : undefined;
}

/** The symbol whose declaration or use is under the cursor. */
export function targetAt(analysis: Analysis, file: string, offset: number): Target | undefined {
  const place = placeAt(analysis, file, offset);
  const pointed = place && pointedAt(place);
  if (!pointed) return undefined;
  const table = symbolsOf(analysis);
  const own = table.symbolOf(pointed.decl);
  if (own && isSamePart(own.source.part, pointed.part))
    return { symbols: [own], span: pointed.span, name: pointed.span, written: own.name, dns: false };
  const uses = table.usesIn(file, place.decls).filter((use) => isSamePart(use.source.part, pointed.part));
  for (const use of uses) {
    const links = table.linksOf(use).map((link) => {
      const start = pointed.span.start + link.span.start;
      const name: Span = { start, end: pointed.span.start + link.span.end };
      return { link, name, word: { start, end: start + link.written.length } };
    });
    // In `agent-n1` the node's name goes before the rest of the pod's.
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

export function isSamePart(a: Source["part"], b: Source["part"]): boolean {
  return typeof a === "object" && typeof b === "object" ? a[0] === b[0] && a[1] === b[1] : a === b;
}

function entities(table: SymbolTable, symbols: readonly NamedSymbol[]): readonly NamedSymbol[] {
  return [...new Set(symbols.flatMap((symbol) => table.declarationsOf(symbol)))];
}

function placeOf(analysis: Analysis, source: Source): readonly FilePlace[] {
  const span = analysis.spanOf(source);
  return span ? [{ file: source.file, span }] : [];
}

function linkPlace(analysis: Analysis, { use, span }: NameLink): readonly FilePlace[] {
  const whole = analysis.spanOf(use.source);
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
