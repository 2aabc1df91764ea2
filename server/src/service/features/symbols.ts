/**
 * The table of names of an analysis: `defines` in the schema declares a symbol; aliases and arguments of the types `ref` and
 * `endpoint` use one.
 */
import type { Decl } from "../../declared/decl.ts";
import type { Document } from "../../declared/document.ts";
import { withLazy } from "../../memo/lazy.ts";
import { groups, perItem } from "../../memo/list.ts";
import { once } from "../../memo/memo.ts";
import { type DnsName, dnsNames } from "../../topology/dns.ts";
import type { Analysis } from "../analysis.ts";
import { linksIn, type Names, resolved } from "./resolver.ts";
import { type NamedSymbol, type NameLink, type NameUse, pathOf } from "./symbol.ts";
import { canHoldNames, definedBy, definedName, usesOf } from "./uses.ts";

export interface SymbolTable {
  readonly symbols: readonly NamedSymbol[];
  /** The uses in the innermost of these nested declarations (outermost first). */
  usesIn(file: string, decls: readonly Decl[]): readonly NameUse[];
  /** The symbol that a declaration defines. */
  symbolOf(decl: Decl): NamedSymbol | undefined;
  /** The nearest symbols in scope that a use can refer to; several if a name is declared twice. */
  resolve(use: NameUse): readonly NamedSymbol[];
  linksOf(use: NameUse): readonly NameLink[];
  linksTo(symbol: NamedSymbol): readonly NameLink[];
  /** All declarations of the same object: a namespace can be continued in a second block. */
  declarationsOf(symbol: NamedSymbol): readonly NamedSymbol[];
}

const tables = new WeakMap<Analysis, SymbolTable>();

export function symbolsOf(analysis: Analysis): SymbolTable {
  let table = tables.get(analysis);
  if (!table) {
    table = makeTable(analysis.declared, (name) => dnsNames(analysis.topology.clusters, name));
    tables.set(analysis, table);
  }
  return table;
}

/** The symbols that each of these declarations and its block define, in text order, each before the symbols in its block. */
const symbolsIn = perItem<Decl, readonly NamedSymbol[], [string]>((decl, file) => {
  const symbols: NamedSymbol[] = [];
  const declare = (one: Decl, parent: NamedSymbol | undefined): void => {
    const symbol = definedBy(file, one, parent);
    if (symbol) symbols.push(symbol);
    if (canHoldNames(one)) for (const child of one.children) declare(child, symbol ?? parent);
  };
  declare(decl, undefined);
  return symbols.length === 0 ? nothing : symbols;
});

const nothing: readonly never[] = [];

const byName = groups<readonly NamedSymbol[], string>(([first, ...others]) => {
  if (first === undefined) return nothing;
  return others.length === 0 ? [first.name] : [...new Set([first, ...others].map(({ name }) => name))];
});

function makeTable(files: readonly Document[], dns: (name: string) => readonly DnsName[]): SymbolTable {
  const lists = files.map(({ file, decls }) => symbolsIn(decls, file));
  const symbols = once(() => lists.flat(2));
  const exact = (name: string): readonly NamedSymbol[] =>
    lists.flatMap((list) =>
      (byName(list).get(name) ?? nothing).flatMap((own) => own.filter((one) => one.name === name)),
    );
  const symbolOf = (decl: Decl): NamedSymbol | undefined => {
    const name = definedName(decl);
    return name === undefined ? undefined : exact(name).find((symbol) => symbol.decl.handle === decl.handle);
  };
  const names: Names = {
    dns,
    exact,
    clusters: once(() => symbols().filter(({ kind }) => kind === "cluster")),
    madeBy: ({ source }) => symbolOf(source.decl),
  };
  /** Only needed to find all occurrences of a name. */
  let links: ReadonlyMap<NamedSymbol, readonly NameLink[]> | undefined;
  const allLinks = (): readonly NameLink[] => allUses(files, symbolOf).flatMap((use) => linksIn(names, use));
  const rest: Omit<SymbolTable, "symbols"> = {
    usesIn(file, decls) {
      const decl = decls.at(-1);
      return decl ? usesOf(file, decl, nearest(symbolOf, decls)) : [];
    },
    symbolOf,
    resolve: (use) => resolved(names, use),
    linksOf: (use) => linksIn(names, use),
    linksTo(symbol) {
      links ??= grouped(allLinks(), (link) => link.symbol);
      return links.get(symbol) ?? [];
    },
    declarationsOf(symbol) {
      const path = pathOf(symbol).join("/");
      return names
        .exact(symbol.name)
        .filter(
          (other) => other.kind === symbol.kind && other.range === symbol.range && pathOf(other).join("/") === path,
        );
    },
  };
  return withLazy(rest, { symbols });
}

type SymbolOf = SymbolTable["symbolOf"];

function allUses(files: readonly Document[], symbolOf: SymbolOf): readonly NameUse[] {
  const found: NameUse[] = [];
  const visit = (file: string, decls: readonly Decl[], parent: NamedSymbol | undefined): void => {
    for (const decl of decls) {
      const scope = symbolOf(decl) ?? parent;
      for (const use of usesOf(file, decl, scope)) found.push(use);
      if (decl.children.length > 0) visit(file, decl.children, scope);
    }
  };
  for (const { file, decls } of files) visit(file, decls, undefined);
  return found;
}

function grouped<K, T>(all: readonly T[], keyOf: (one: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
}

function nearest(symbolOf: SymbolOf, around: readonly Decl[]): NamedSymbol | undefined {
  for (let at = around.length - 1; at >= 0; at--) {
    const decl = around[at];
    const symbol = decl && symbolOf(decl);
    if (symbol) return symbol;
  }
  return undefined;
}
