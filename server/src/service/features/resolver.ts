/**
 * The symbols that a use refers to. Each part of a path is a link: in `shop/web`, `shop` refers to the namespace and `web` to
 * the pod. So is each label of a DNS name: `db-1.db.shop` refers to the pod, the service, and the namespace.
 */
import { DEFAULT_NAMESPACE, lastOf, NAMESPACED, preferred, type Scope, wantedTrails } from "../../declared/naming.ts";
import type { Origin } from "../../declared/origin.ts";
import type { DnsName } from "../../topology/dns.ts";
import {
  isDaemonSet,
  isInDefault,
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
  clusters(): readonly NamedSymbol[];
}

/** The nearest symbols in scope that a use can refer to; several if a name is declared twice. */
export function resolved(names: Names, use: NameUse): readonly NamedSymbol[] {
  const { matches } = byPath(names, use);
  return matches.length > 0
    ? matches.map(({ symbol }) => symbol)
    : byDns(names, use).flatMap(([symbol]) => symbol ?? []);
}

export function linksIn(names: Names, use: NameUse): readonly NameLink[] {
  const { path, matches } = byPath(names, use);
  if (matches.length === 0) {
    const labels = use.path[0]?.split(".") ?? [];
    return byDns(names, use).flatMap((targets) => linked(names, { use, dns: true }, 0, labels, targets));
  }
  return matches.flatMap(({ targets }) => {
    // A kind in front is not a name.
    const skipped = use.path.slice(0, use.path.length - path.length);
    const start = skipped.reduce((length, part) => length + part.length + 1, 0);
    const own = linked(names, { use, dns: false }, start, path, targets);
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

/** The namespace `default` has no declaration if its objects are declared in the cluster's block. */
type Place = NamedSymbol | { readonly kind: "default namespace"; readonly cluster: NamedSymbol };

function symbolAt(place: Place): NamedSymbol | undefined {
  return place.kind === "default namespace" ? undefined : place;
}

function scopeOf(names: Names): Scope<Place> {
  return {
    kindOf: ({ kind }) => (kind === "default namespace" ? "namespace" : kind),
    keyOf: (place) => (place.kind === "default namespace" ? place.cluster : place),
    isOfKind: (place, kind) => place.kind !== "default namespace" && isOfKind(place, kind),
    anywhere: (name, below) => [
      ...named(names, name),
      ...(below > 0 && name === DEFAULT_NAMESPACE ? names.clusters().map(defaultNamespace) : []),
    ],
    inside(outer, name) {
      const found = named(names, name);
      if (outer.kind === "default namespace")
        return found.filter((one) => isInDefault(one) && one.parent === outer.cluster);
      const inner = found.filter((one) => isDirectlyIn(one, outer));
      return outer.kind === "cluster" && name === DEFAULT_NAMESPACE ? [...inner, defaultNamespace(outer)] : inner;
    },
  };
}

function defaultNamespace(cluster: NamedSymbol): Place {
  return { kind: "default namespace", cluster };
}

/** The objects of the namespace `default` are also in their cluster. */
function isDirectlyIn({ kind, parent }: NamedSymbol, outer: NamedSymbol): boolean {
  if (parent === outer) return true;
  const isDefault = parent?.kind === "namespace" && parent.name === DEFAULT_NAMESPACE;
  return isDefault && parent.parent === outer && NAMESPACED.has(kind);
}

interface Match {
  readonly symbol: NamedSymbol;
  /** The symbol that each name of the path refers to. */
  readonly targets: readonly (NamedSymbol | undefined)[];
}

/** `path`: without the kind in front. */
function byPath(names: Names, use: NameUse): { readonly path: readonly string[]; readonly matches: readonly Match[] } {
  const scope = scopeOf(names);
  const isWanted = ({ kind }: Place): boolean =>
    kind !== "default namespace" && (use.kinds.length === 0 || use.kinds.includes(kind));
  const { path, trails } = wantedTrails(scope, use.path, isWanted, use.withKind);
  const fitting = preferred(scope, trails).flatMap((trail): readonly Match[] => {
    const symbol = symbolAt(lastOf(trail));
    return symbol ? [{ symbol, targets: trail.map(symbolAt) }] : [];
  });
  if (fitting.length < 2) return { path, matches: fitting };
  const outer = use.scope ? pathOf(use.scope) : [];
  const nearness = fitting.map(({ symbol }) => commonPrefix(pathOf(symbol), outer));
  const best = Math.max(...nearness);
  const near = fitting.filter((_, index) => nearness[index] === best);
  const exact = near.filter(({ symbol }) => symbol.name === path.at(-1));
  return { path, matches: exact.length > 0 ? exact : near };
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

function commonPrefix(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
