/**
 * The symbols that a use refers to. Each part of a path is a link: in `shop/web`, `shop` refers to the namespace and `web` to
 * the pod. So is each label of a DNS name: `db-1.db.shop` refers to the pod, the service, and the namespace.
 */
import { declarationsOfKind, RANK } from "../../declared/naming.ts";
import type { Origin } from "../../declared/origin.ts";
import type { DnsName } from "../../topology/dns.ts";
import {
  chainOf,
  isDaemonSet,
  isOfKind,
  isWithin,
  type NamedSymbol,
  type NameLink,
  type NameUse,
  ownPart,
  pathOf,
} from "./symbol.ts";
import { SENDERS } from "./uses.ts";

/** The names of a topology. */
export interface Names {
  /** The symbols with exactly this name. */
  exact(name: string): readonly NamedSymbol[];
  dns(name: string): readonly DnsName[];
  /** The symbol of an object of the topology. */
  madeBy(object: { readonly source: Origin }): NamedSymbol | undefined;
}

/** The nearest symbols in scope that a use can refer to; several if a name is declared twice. */
export function resolved(names: Names, use: NameUse): readonly NamedSymbol[] {
  const { found } = byPath(names, use);
  return found.length > 0 ? found : byDns(names, use).flatMap(([symbol]) => symbol ?? []);
}

export function linksIn(names: Names, use: NameUse): readonly NameLink[] {
  const { path, found } = byPath(names, use);
  if (found.length === 0) {
    const labels = use.path[0]?.split(".") ?? [];
    return byDns(names, use).flatMap((targets) => linked(names, { use, dns: true }, 0, labels, targets));
  }
  return found.flatMap((symbol) => {
    const aligned = alignment(symbol, path);
    const chain = chainOf(symbol);
    // A kind in front is not a name.
    const skipped = use.path.slice(0, use.path.length - path.length);
    const start = skipped.reduce((length, part) => length + part.length + 1, 0);
    const own = linked(names, { use, dns: false }, start, path, aligned?.map((at) => chain[at]) ?? []);
    return own.map((link) => ({ ...link, segment: link.segment + skipped.length }));
  });
}

/** The symbols that this text names: by their name, as a member of a pool, or as a pod of a workload. */
function named(names: Names, text: string): readonly NamedSymbol[] {
  const derived: NamedSymbol[] = [];
  for (let length = text.length - 1; length > 0; length--) {
    for (const symbol of names.exact(text.slice(0, length))) {
      if (ownPart(symbol, text) === undefined || (isDaemonSet(symbol) && nodesIn(names, symbol, text).length === 0))
        continue;
      derived.push(symbol);
    }
  }
  // The bare name of a pool does not refer to a node.
  return [...names.exact(text).filter((symbol) => symbol.range === undefined), ...derived];
}

/** The nodes that the name of a DaemonSet pod can contain: `n1` in `agent-n1`. */
function nodesIn(names: Names, daemonSet: NamedSymbol, text: string): readonly NamedSymbol[] {
  return named(names, text.slice(daemonSet.name.length + 1)).filter(
    ({ kind, parent }) => kind === "node" && parent !== undefined && isWithin(daemonSet, parent),
  );
}

interface Found {
  /** Without the kind in front. */
  readonly path: readonly string[];
  readonly found: readonly NamedSymbol[];
}

function byPath(names: Names, use: NameUse): Found {
  const found = byPlainPath(names, use);
  const [kind = "", ...path] = use.path;
  const kinds = declarationsOfKind(kind);
  if (found.length > 0 || !use.withKind || kinds === undefined || path.length === 0) return { path: use.path, found };
  const wanted = use.kinds.length === 0 ? kinds : kinds.filter((one) => use.kinds.includes(one));
  const all = wanted.length === 0 ? [] : byPlainPath(names, { ...use, path, kinds: wanted });
  return { path, found: all.filter((symbol) => isOfKind(symbol, kind)) };
}

function byPlainPath(names: Names, use: NameUse): readonly NamedSymbol[] {
  const last = use.path.at(-1);
  if (last === undefined) return [];
  const aligned = named(names, last).filter(
    (symbol) =>
      (use.kinds.length === 0 || use.kinds.includes(symbol.kind)) && alignment(symbol, use.path) !== undefined,
  );
  const rank = Math.min(...aligned.map((symbol) => RANK[symbol.kind]));
  const fitting = aligned.filter((symbol) => RANK[symbol.kind] === rank);
  if (fitting.length < 2) return fitting;
  const scope = use.scope ? pathOf(use.scope) : [];
  const nearness = fitting.map((symbol) => commonPrefix(pathOf(symbol), scope));
  const best = Math.max(...nearness);
  const near = fitting.filter((_, index) => nearness[index] === best);
  const exact = near.filter((symbol) => symbol.name === last);
  return exact.length > 0 ? exact : near;
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

/** Links of consecutive names that are separated by one character. */
function linked(
  names: Names,
  of: Pick<NameLink, "use" | "dns">,
  first: number,
  parts: readonly string[],
  targets: readonly (NamedSymbol | undefined)[],
): readonly NameLink[] {
  let at = first;
  return parts.flatMap((text, segment): NameLink[] => {
    const start = at;
    at += text.length + 1;
    const symbol = targets[segment];
    const length = symbol && ownPart(symbol, text);
    if (!symbol || length === undefined) return [];
    const own: NameLink = { ...of, symbol, segment, written: text, span: { start, end: start + length } };
    if (!isDaemonSet(symbol) || length === text.length) return [own];
    const rest = text.slice(length + 1);
    const from = start + length + 1;
    const nodes = nodesIn(names, symbol, text).flatMap((node): NameLink[] => {
      const part = ownPart(node, rest);
      return part === undefined
        ? []
        : [{ ...own, symbol: node, written: rest, span: { start: from, end: from + part } }];
    });
    return [own, ...nodes];
  });
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
