/**
 * Names and their uses, derived from the schema: `defines` declares a symbol; aliases and arguments of the types `ref` and
 * `endpoint` use one. Each part of a path is a use: in `shop/web`, `shop` refers to the namespace and `web` to the pod. So
 * is each label of a DNS name: `db-1.db.shop` refers to the pod, the service, and the namespace.
 */

import { all, one } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Document } from "../../declared/document.ts";
import type { Origin } from "../../declared/origin.ts";
import {
  type ArgSpec,
  blockContexts,
  isFlag,
  type KeywordSpec,
  keywordsIn,
  type SymbolKind,
} from "../../declared/schema/index.ts";
import { argOf, statementOf } from "../../frontends/knet/handle.ts";
import type { Arg, Statement } from "../../frontends/knet/tree.ts";
import type { Span } from "../../text/span.ts";
import { type DnsName, dnsNames } from "../../topology/dns.ts";
import type { Analysis } from "../analysis.ts";
import { partOf } from "./place.ts";

export interface NamedSymbol {
  readonly kind: SymbolKind;
  readonly name: string;
  readonly parent: NamedSymbol | undefined;
  readonly decl: Decl;
  /** Source of the name argument. */
  readonly source: Origin;
  readonly arg: Arg;
  /** `nodes w 1..50`: the symbol represents w1 to w50. */
  readonly range: { readonly first: number; readonly last: number; readonly width: number } | undefined;
}

/** An argument that refers to a symbol by its path. */
export interface NameUse {
  readonly source: Origin;
  readonly decl: Decl;
  readonly arg: Arg;
  readonly path: readonly string[];
  /** Empty: any kind. */
  readonly kinds: readonly SymbolKind[];
  /** Whether text that is not a path can be a name of the cluster DNS. */
  readonly dns: boolean;
  /** Whether the kind can precede the path: `pod/web`. */
  readonly withKind: boolean;
  /** The symbol whose block contains the use. */
  readonly scope: NamedSymbol | undefined;
}

/** One part of a use and the symbol that it refers to. `span` is relative to the start of the argument and covers only the name. */
export interface NameLink {
  readonly use: NameUse;
  readonly symbol: NamedSymbol;
  readonly span: Span;
  /** Index of the path part or DNS label. */
  readonly segment: number;
  /** The text that refers to the symbol: "w17" for a pool member, "api-0" for a pod of a deployment. */
  readonly written: string;
  readonly dns: boolean;
}

/** The symbols that the kind in front of a path selects: `pod/shop/web`, `deployment/web`. */
const OF_KIND: Readonly<Record<string, readonly SymbolKind[]>> = {
  pod: ["pod", "workload"],
  deployment: ["workload"],
  statefulset: ["workload"],
  daemonset: ["workload"],
  service: ["service"],
  node: ["node"],
  router: ["router"],
  host: ["host"],
  container: ["container"],
  daemon: ["daemon"],
};

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

/** The namespace of objects that are declared outside a namespace block. */
export const DEFAULT_NAMESPACE = "default";
const NAMESPACED: ReadonlySet<SymbolKind> = new Set(["pod", "workload", "service"]);

/** Precedence, the same as in `topology/names.ts`: services, then pods and machines, then processes, then enclosing objects. */
const RANK: Readonly<Record<SymbolKind, number>> = {
  service: -1,
  pod: 0,
  workload: 0,
  node: 0,
  router: 0,
  host: 0,
  container: 1,
  daemon: 1,
  segment: 2,
  cluster: 2,
  namespace: 2,
  policy: 3,
  ingress: 4,
  gateway: 5,
};

const tables = new WeakMap<Analysis, SymbolTable>();

export function symbolsOf(analysis: Analysis): SymbolTable {
  let table = tables.get(analysis);
  if (!table) {
    table = makeTable(analysis.files, (name) => dnsNames(analysis.topology.clusters, name));
    tables.set(analysis, table);
  }
  return table;
}

/** All kinds except services, which send nothing. */
const SENDERS: readonly SymbolKind[] = Object.keys(RANK)
  .filter((kind) => kind !== "service")
  .filter(isKind);

function isKind(text: string): text is SymbolKind {
  return text in RANK;
}

/** Names from the outermost symbol to this symbol, including the default namespace if none is declared. */
export function pathOf(symbol: NamedSymbol): readonly string[] {
  const { parent } = symbol;
  const outer = parent ? pathOf(parent) : [];
  const implied = NAMESPACED.has(symbol.kind) && parent?.kind !== "namespace" ? [DEFAULT_NAMESPACE] : [];
  return [...outer, ...implied, symbol.name];
}

/** The same path as symbols; undefined for the implied default namespace. */
function chainOf(symbol: NamedSymbol): readonly (NamedSymbol | undefined)[] {
  const { parent } = symbol;
  const outer = parent ? chainOf(parent) : [];
  const implied = NAMESPACED.has(symbol.kind) && parent?.kind !== "namespace" ? [undefined] : [];
  return [...outer, ...implied, symbol];
}

/** Length of the symbol's name in `text`: all of it, or the part before an index. Undefined if `text` does not name the symbol. */
function ownPart(symbol: NamedSymbol, text: string): number | undefined {
  const { name, range, kind } = symbol;
  if (!text.startsWith(name)) return undefined;
  if (text.length === name.length) return name.length;
  const rest = text.slice(name.length);
  if (range) {
    const index = /^\d+$/.test(rest) ? Number(rest) : -1;
    const fits = index >= range.first && index <= range.last && String(index).padStart(range.width, "0") === rest;
    return fits ? name.length : undefined;
  }
  // Pods of a workload ("api-0") and of a DaemonSet ("agent-n1").
  const isPod = isDaemonSet(symbol) ? /^-./ : /^-(?:0|[1-9]\d*)$/;
  return kind === "workload" && isPod.test(rest) ? name.length : undefined;
}

/** Whether the kind in front of a path selects the symbol. Workloads are also selected by the kind of their pods. */
export function isOfKind(symbol: NamedSymbol, kind: string): boolean {
  if (!OF_KIND[kind]?.includes(symbol.kind)) return false;
  return symbol.kind !== "workload" || kind === "pod" || symbol.decl.spec?.keyword === kind;
}

function isDaemonSet({ decl }: NamedSymbol): boolean {
  return decl.spec?.keyword === "daemonset";
}

/** Whether the symbol is inside `outer`, directly or indirectly. */
function isWithin({ parent }: NamedSymbol, outer: NamedSymbol): boolean {
  return parent !== undefined && (parent === outer || isWithin(parent, outer));
}

/** The symbols of all files, by declaration and by name. */
interface SymbolIndex {
  readonly symbols: readonly NamedSymbol[];
  readonly byDecl: ReadonlyMap<Decl, NamedSymbol>;
  readonly byName: ReadonlyMap<string, readonly NamedSymbol[]>;
}

function indexOf(files: readonly Document[]): SymbolIndex {
  const symbols: NamedSymbol[] = [];
  const byDecl = new Map<Decl, NamedSymbol>();
  const byName = new Map<string, NamedSymbol[]>();
  const declare = (file: string, decls: readonly Decl[], parent: NamedSymbol | undefined): void => {
    for (const decl of decls) {
      const shape = shapeOf(decl);
      const symbol = shape.defines ? defined(file, decl, parent, shape) : undefined;
      if (symbol) {
        symbols.push(symbol);
        byDecl.set(decl, symbol);
        const same = byName.get(symbol.name);
        if (same) same.push(symbol);
        else byName.set(symbol.name, [symbol]);
      }
      if (shape.holdsNames && decl.children.length > 0) declare(file, decl.children, symbol ?? parent);
    }
  };
  for (const { file, decls } of files) declare(file, decls, undefined);
  return { symbols, byDecl, byName };
}

function makeTable(files: readonly Document[], dns: (name: string) => readonly DnsName[]): SymbolTable {
  const index = indexOf(files);
  const { symbols, byDecl, byName } = index;
  const names: Names = { index, dns, madeBy: makers(symbols) };
  let links: ReadonlyMap<NamedSymbol, readonly NameLink[]> | undefined;
  return {
    symbols,
    usesIn(file, decls) {
      const decl = decls.at(-1);
      return decl ? usesOf(file, decl, nearest(byDecl, decls)) : [];
    },
    symbolOf: (decl) => byDecl.get(decl),
    resolve(use) {
      const { found } = byPath(index, use);
      return found.length > 0 ? found : byDns(names, use).flatMap(([symbol]) => symbol ?? []);
    },
    linksOf: (use) => linksOf(names, use),
    linksTo(symbol) {
      links ??= allLinks(names, files);
      return links.get(symbol) ?? [];
    },
    declarationsOf(symbol) {
      const path = pathOf(symbol).join("/");
      return (byName.get(symbol.name) ?? []).filter(
        (other) => other.kind === symbol.kind && other.range === symbol.range && pathOf(other).join("/") === path,
      );
    },
  };
}

/** Finds the symbol that declares an object of the topology. */
function makers(symbols: readonly NamedSymbol[]): Names["madeBy"] {
  let statements: ReadonlyMap<Statement, NamedSymbol> | undefined;
  return ({ source }) => {
    statements ??= new Map(symbols.map((symbol) => [statementOf(symbol.source.decl), symbol]));
    return statements.get(statementOf(source.decl));
  };
}

/** All uses; only needed to find all occurrences of a name. */
function allUses({ byDecl }: SymbolIndex, files: readonly Document[]): readonly NameUse[] {
  const found: NameUse[] = [];
  const visit = (file: string, decls: readonly Decl[], parent: NamedSymbol | undefined): void => {
    for (const decl of decls) {
      const scope = byDecl.get(decl) ?? parent;
      for (const use of usesOf(file, decl, scope)) found.push(use);
      if (decl.children.length > 0) visit(file, decl.children, scope);
    }
  };
  for (const { file, decls } of files) visit(file, decls, undefined);
  return found;
}

function allLinks(names: Names, files: readonly Document[]): ReadonlyMap<NamedSymbol, readonly NameLink[]> {
  const links = new Map<NamedSymbol, NameLink[]>();
  for (const use of allUses(names.index, files)) {
    for (const link of linksOf(names, use)) {
      const all = links.get(link.symbol);
      if (all) all.push(link);
      else links.set(link.symbol, [link]);
    }
  }
  return links;
}

/* ---------------------------------------------------------------- resolution */

/** The symbols that a text names: a symbol, a member of a pool, or a pod of a workload. */
function named(index: SymbolIndex, text: string): readonly NamedSymbol[] {
  const exact = index.byName.get(text) ?? [];
  const derived: NamedSymbol[] = [];
  for (let length = text.length - 1; length > 0; length--) {
    for (const symbol of index.byName.get(text.slice(0, length)) ?? []) {
      if (ownPart(symbol, text) === undefined || (isDaemonSet(symbol) && nodesIn(index, symbol, text).length === 0))
        continue;
      derived.push(symbol);
    }
  }
  // The bare name of a pool does not refer to a node.
  return [...exact.filter((symbol) => symbol.range === undefined), ...derived];
}

/** The nodes that the name of a DaemonSet pod can contain: `n1` in `agent-n1`. */
function nodesIn(index: SymbolIndex, daemonSet: NamedSymbol, text: string): readonly NamedSymbol[] {
  return named(index, text.slice(daemonSet.name.length + 1)).filter(
    ({ kind, parent }) => kind === "node" && parent !== undefined && isWithin(daemonSet, parent),
  );
}

/** `path`: without a kind in front. */
function byPath(
  index: SymbolIndex,
  use: NameUse,
): { readonly path: readonly string[]; readonly found: readonly NamedSymbol[] } {
  const found = byPlainPath(index, use);
  const [kind = "", ...path] = use.path;
  const kinds = OF_KIND[kind];
  if (found.length > 0 || !use.withKind || kinds === undefined || path.length === 0) return { path: use.path, found };
  const wanted = use.kinds.length === 0 ? kinds : kinds.filter((one) => use.kinds.includes(one));
  const all = wanted.length === 0 ? [] : byPlainPath(index, { ...use, path, kinds: wanted });
  return { path, found: all.filter((symbol) => isOfKind(symbol, kind)) };
}

function byPlainPath(index: SymbolIndex, use: NameUse): readonly NamedSymbol[] {
  const last = use.path.at(-1);
  if (last === undefined) return [];
  const aligned = named(index, last).filter(
    (symbol) =>
      (use.kinds.length === 0 || use.kinds.includes(symbol.kind)) && alignment(symbol, use.path) !== undefined,
  );
  const rank = Math.min(...aligned.map((symbol) => RANK[symbol.kind]));
  const fitting = aligned.filter((symbol) => RANK[symbol.kind] === rank);
  if (fitting.length < 2) return fitting;
  const scope = use.scope ? pathOf(use.scope) : [];
  const nearness = fitting.map((symbol) => commonPrefix(pathOf(symbol), scope));
  const best = Math.max(...nearness);
  const near = fitting.filter((_, at) => nearness[at] === best);
  const exact = near.filter((symbol) => symbol.name === last);
  return exact.length > 0 ? exact : near;
}

/** The names of the files and of the cluster DNS. */
interface Names {
  readonly index: SymbolIndex;
  dns(name: string): readonly DnsName[];
  madeBy(object: { readonly source: Origin }): NamedSymbol | undefined;
}

/** The symbols of the labels of a DNS name, in order; only for text that is not a path. */
function byDns({ dns, madeBy }: Names, use: NameUse): readonly (readonly (NamedSymbol | undefined)[])[] {
  const { path, kinds } = use;
  const [text = ""] = path;
  if (!use.dns || path.length > 1 || !text.includes(".")) return [];
  return dns(text).flatMap((found) => {
    if (found.kind === "service" && kinds === SENDERS) return [];
    const owner = madeBy(found.kind === "service" ? found.service : found.pod.workload);
    const namespace = owner?.parent?.kind === "namespace" ? owner.parent : undefined;
    if (found.kind === "service") return [[owner, namespace]];
    return [found.behind ? [owner, madeBy(found.behind), namespace] : [undefined, namespace]];
  });
}

/* --------------------------------------------------------------------- links */

function linksOf(names: Names, use: NameUse): readonly NameLink[] {
  const { index } = names;
  const first = use.arg.kind === "string" ? 1 : 0;
  const { path, found } = byPath(index, use);
  if (found.length === 0) {
    const texts = use.path[0]?.split(".") ?? [];
    return byDns(names, use).flatMap((targets) => linked(index, use, { first, texts, targets, dns: true }));
  }
  return found.flatMap((symbol) => {
    const aligned = alignment(symbol, path);
    const chain = chainOf(symbol);
    // A kind in front is not a name.
    const skipped = use.path.slice(0, use.path.length - path.length);
    const start = first + skipped.reduce((length, part) => length + part.length + 1, 0);
    const targets = aligned?.map((at) => chain[at]) ?? [];
    const own = linked(index, use, { first: start, texts: path, targets, dns: false });
    return own.map((link) => ({ ...link, segment: link.segment + skipped.length }));
  });
}

/** Consecutive names that are separated by one character, and the symbol of each. */
interface Sequence {
  /** Start of the first name, relative to the start of the argument. */
  readonly first: number;
  readonly texts: readonly string[];
  readonly targets: readonly (NamedSymbol | undefined)[];
  readonly dns: boolean;
}

function linked(index: SymbolIndex, use: NameUse, { first, texts, targets, dns }: Sequence): readonly NameLink[] {
  let at = first;
  return texts.flatMap((text, segment): NameLink[] => {
    const start = at;
    at += text.length + 1;
    const symbol = targets[segment];
    const length = symbol && ownPart(symbol, text);
    if (!symbol || length === undefined) return [];
    const own: NameLink = { use, symbol, segment, written: text, span: { start, end: start + length }, dns };
    if (!isDaemonSet(symbol) || length === text.length) return [own];
    const rest = text.slice(length + 1);
    const from = start + length + 1;
    const nodes = nodesIn(index, symbol, text).flatMap((node): NameLink[] => {
      const part = ownPart(node, rest);
      return part === undefined
        ? []
        : [{ ...own, symbol: node, written: rest, span: { start: from, end: from + part } }];
    });
    return [own, ...nodes];
  });
}

/* ---------------------------------------------------------------- declarations */

function nearest(byDecl: ReadonlyMap<Decl, NamedSymbol>, around: readonly Decl[]): NamedSymbol | undefined {
  for (let at = around.length - 1; at >= 0; at--) {
    const decl = around[at];
    const symbol = decl && byDecl.get(decl);
    if (symbol) return symbol;
  }
  return undefined;
}

/** The properties of a schema row that concern names, computed once. */
interface Shape {
  readonly defines: SymbolKind | undefined;
  /** The argument that turns the name into a pool. */
  readonly index: string | undefined;
  readonly refers: readonly ArgSpec[];
  /** Whether a nested statement can define a name. */
  readonly holdsNames: boolean;
}

const NO_SHAPE: Shape = { defines: undefined, index: undefined, refers: [], holdsNames: false };
const shapes = new WeakMap<KeywordSpec, Shape>();

function shapeOf({ spec }: Decl): Shape {
  if (!spec) return NO_SHAPE;
  let shape = shapes.get(spec);
  if (!shape) {
    const args = spec.args.filter((arg): arg is ArgSpec => !isFlag(arg));
    shape = {
      defines: spec.defines,
      index: args.find(({ type }) => type.kind === "index-range")?.name,
      refers: args.filter(({ type }) => type.kind === "ref" || type.kind === "endpoint" || isAlias(type)),
      holdsNames: holdsNames(spec, new Set()),
    };
    shapes.set(spec, shape);
  }
  return shape;
}

function holdsNames(spec: KeywordSpec, seen: Set<KeywordSpec>): boolean {
  if (seen.has(spec)) return false;
  seen.add(spec);
  const inner = blockContexts(spec).flatMap((context) => [...keywordsIn(context).values()]);
  return inner.some((one) => one.defines !== undefined || holdsNames(one, seen));
}

function defined(
  file: string,
  decl: Decl,
  parent: NamedSymbol | undefined,
  { defines, index }: Shape,
): NamedSymbol | undefined {
  const read = defines && one(decl, "name");
  if (!defines || read?.value.kind !== "name") return undefined;
  const range = index === undefined ? undefined : one(decl, index)?.value;
  return {
    kind: defines,
    name: read.value.text,
    parent,
    decl,
    source: { file, decl, part: partOf(read) },
    arg: argOf(decl, read),
    range: range?.kind === "index-range" ? range : undefined,
  };
}

function usesOf(file: string, decl: Decl, scope: NamedSymbol | undefined): readonly NameUse[] {
  const { refers } = shapeOf(decl);
  return refers.flatMap(({ name, type }) =>
    all(decl, name).flatMap((read): readonly NameUse[] => {
      const { value } = read;
      const arg = argOf(decl, read);
      const source: Origin = { file, decl, part: partOf(read) };
      const use = { source, decl, arg, scope };
      if (value.kind === "ref" && type.kind === "ref" && value.address === undefined)
        return [{ ...use, path: value.path, kinds: type.to, dns: false, withKind: type.withKind === true }];
      if (value.kind === "endpoint" && value.address === undefined)
        return [{ ...use, path: value.path.split("/"), kinds: sends(type) ? SENDERS : [], dns: true, withKind: true }];
      if (value.kind === "name") return [{ ...use, path: [value.text], kinds: ["host"], dns: true, withKind: true }];
      return [];
    }),
  );
}

function isAlias(type: ArgSpec["type"]): boolean {
  return type.kind === "name" && type.alias === true;
}

function sends(type: ArgSpec["type"]): boolean {
  return type.kind === "endpoint" && !type.port;
}

/**
 * The index in the symbol's path for each part of a use: the last part is the symbol, earlier parts are enclosing symbols.
 * The default namespace is optional. Undefined if the use does not match.
 */
function alignment(symbol: NamedSymbol, path: readonly string[]): readonly number[] | undefined {
  const names = pathOf(symbol);
  const chain = chainOf(symbol);
  const places: number[] = [];
  let at = names.length - 1;
  for (let segment = path.length - 1; segment >= 0; segment--) {
    const text = path[segment] ?? "";
    if (at >= 0 && chain[at] === undefined && names[at] !== text) at--;
    if (at < 0 || !isNamed(names[at], chain[at], text)) return undefined;
    places.unshift(at);
    at--;
  }
  return places;
}

function isNamed(name: string | undefined, symbol: NamedSymbol | undefined, text: string): boolean {
  return symbol ? ownPart(symbol, text) !== undefined : name === text;
}

function commonPrefix(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
