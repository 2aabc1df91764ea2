/** Names of objects and their uses. */

import type { Decl } from "../../declared/decl.ts";
import { DEFAULT_NAMESPACE, declarationsOfKind, NAMESPACED, selectsPodsOf } from "../../declared/naming.ts";
import type { Origin } from "../../declared/origin.ts";
import type { SymbolKind } from "../../declared/schema/index.ts";
import type { Span } from "../../text/span.ts";

export interface NamedSymbol {
  readonly kind: SymbolKind;
  readonly name: string;
  readonly parent: NamedSymbol | undefined;
  readonly decl: Decl;
  /** Source of the name argument. */
  readonly source: Origin;
  /** `nodes w 1..50`: the symbol represents w1 to w50. */
  readonly range: { readonly first: number; readonly last: number; readonly width: number } | undefined;
}

/** An argument that refers to a symbol by its path. */
export interface NameUse {
  readonly source: Origin;
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

/** One part of a use and the symbol that it refers to. `span` is relative to the text of the argument and covers only the name. */
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

/** Whether the kind in front of a path selects the symbol. Workloads are also selected by the kind of their pods. */
export function isOfKind(symbol: NamedSymbol, kind: string): boolean {
  if (!declarationsOfKind(kind)?.includes(symbol.kind)) return false;
  return symbol.kind !== "workload" || selectsPodsOf(kind, symbol.decl.spec?.keyword);
}

/** Names from the outermost symbol to this symbol, including the default namespace if none is declared. */
export function pathOf(symbol: NamedSymbol): readonly string[] {
  const { parent } = symbol;
  const outer = parent ? pathOf(parent) : [];
  const implied = isInDefault(symbol) ? [DEFAULT_NAMESPACE] : [];
  return [...outer, ...implied, symbol.name];
}

/** Whether the object is in the namespace `default` because its declaration is in no namespace's block. */
export function isInDefault({ kind, parent }: NamedSymbol): boolean {
  return NAMESPACED.has(kind) && parent?.kind !== "namespace";
}

/** Length of the symbol's name in `text`: all of it, or the part before an index. Undefined if `text` does not name the symbol. */
export function ownPart(symbol: NamedSymbol, text: string): number | undefined {
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

export function isDaemonSet({ decl }: NamedSymbol): boolean {
  return decl.spec?.keyword === "daemonset";
}

/** Whether the symbol is inside `outer`, directly or indirectly. */
export function isWithin({ parent }: NamedSymbol, outer: NamedSymbol): boolean {
  return parent !== undefined && (parent === outer || isWithin(parent, outer));
}
