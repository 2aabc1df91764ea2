/** The outline of a file (its declarations, nested as in the text), and the symbol search over all files. */

import { one } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import { partOf } from "../../declared/handle.ts";
import type { SymbolKind } from "../../declared/schema/index.ts";
import { argOf, statementOf } from "../../frontends/knet/handle.ts";
import { positionsOf } from "../../frontends/knet/positions.ts";
import type { Span } from "../../text/span.ts";
import type { Analysis } from "../analysis.ts";
import { knetFile } from "../knet.ts";
import { pathOf } from "./symbol.ts";
import { symbolsOf } from "./symbols.ts";

export type OutlineKind = SymbolKind | "settings" | "import" | "expectation";

export interface OutlineItem {
  readonly name: string;
  readonly detail: string;
  readonly kind: OutlineKind;
  readonly full: Span;
  readonly selection: Span;
  readonly children: readonly OutlineItem[];
}

export function outlineOf(analysis: Analysis, file: string): readonly OutlineItem[] {
  const checked = knetFile(analysis, file);
  if (!checked) return [];
  const positions = positionsOf(checked.tree);
  const itemsOf = (decls: readonly Decl[]): readonly OutlineItem[] =>
    decls.flatMap((decl) => {
      const start = positions.startOf(statementOf(decl));
      const item = start === undefined ? undefined : itemOf(decl, start, itemsOf);
      return item ? [item] : [];
    });
  return itemsOf(checked.decls);
}

function itemOf(
  decl: Decl,
  start: number,
  itemsOf: (decls: readonly Decl[]) => readonly OutlineItem[],
): OutlineItem | undefined {
  const { spec } = decl;
  const statement = statementOf(decl);
  if (!spec) return undefined;
  const full: Span = { start, end: start + statement.length };
  const spanOf = (arg: { readonly start: number; readonly length: number }): Span => ({
    start: start + arg.start,
    end: start + arg.start + arg.length,
  });
  const words = statement.args.map((arg) => arg.text);
  const name = spec.defines && one(decl, "name");
  if (spec.defines && name) {
    const rest = statement.args.filter((_, index) => index !== partOf(name)).map((arg) => arg.text);
    return {
      name: name.text,
      detail: [spec.keyword, ...rest].join(" "),
      kind: spec.defines,
      full,
      selection: spanOf(argOf(decl, name)),
      children: itemsOf(decl.children),
    };
  }
  const kind: OutlineKind | undefined =
    spec.keyword === "import"
      ? "import"
      : spec.keyword === "expect"
        ? "expectation"
        : statement.block && spec.keyword !== "attach"
          ? "settings"
          : undefined;
  if (!kind) return undefined;
  return {
    // VS Code rejects an outline that contains an empty name.
    name: (kind === "expectation" && words.join(" ").trim()) || [spec.keyword, ...words].join(" "),
    detail: kind === "expectation" ? spec.keyword : "",
    kind,
    full,
    selection: spanOf(statement.keyword),
    children: itemsOf(decl.children),
  };
}

export interface FoundSymbol {
  readonly name: string;
  readonly kind: SymbolKind;
  /** Path of the enclosing symbol; empty at the top level. */
  readonly container: string;
  readonly file: string;
  readonly span: Span;
}

/** Symbols whose path contains the letters of the query in this order, ignoring case. */
export function findSymbols(analysis: Analysis, query: string, limit: number): readonly FoundSymbol[] {
  const letters = query.toLowerCase();
  const found: FoundSymbol[] = [];
  for (const symbol of symbolsOf(analysis).symbols) {
    if (found.length >= limit) break;
    const path = pathOf(symbol);
    if (!hasLetters(path.join("/").toLowerCase(), letters)) continue;
    const span = analysis.spanOf(symbol.source);
    if (!span) continue;
    found.push({
      name: symbol.name,
      kind: symbol.kind,
      container: path.slice(0, -1).join("/"),
      file: symbol.source.file,
      span,
    });
  }
  return found;
}

function hasLetters(text: string, letters: string): boolean {
  let at = 0;
  for (const letter of letters) {
    at = text.indexOf(letter, at);
    if (at < 0) return false;
    at += letter.length;
  }
  return true;
}
