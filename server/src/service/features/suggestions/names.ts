/** Names in scope, and the endpoints of an expectation with their ports. */
import { formatIp, formatPrefix } from "../../../addressing/ip.ts";
import type { Decl } from "../../../declared/decl.ts";
import { DEFAULT_NAMESPACE, splitKind } from "../../../declared/naming.ts";
import type { ArgType } from "../../../declared/schema/index.ts";
import type { Arg } from "../../../frontends/knet/tree.ts";
import { plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import { dnsNames, serviceName } from "../../../topology/dns.ts";
import type { Cluster, Listener, Service, Topology } from "../../../topology/model.ts";
import { ends, pathsBelow, processes, sampleName, shortPaths } from "../names.ts";
import type { KnetPlace, Place } from "../place.ts";
import { listenersOf, subjectOf } from "../subjects.ts";
import { isOfKind, type NamedSymbol, type NameUse, pathOf } from "../symbol.ts";
import { symbolsOf } from "../symbols.ts";
import { type Given, type Suggestion, suggestion, unique } from "./suggestion.ts";

type EndpointType = Extract<ArgType, { kind: "endpoint" }>;
type RefType = Extract<ArgType, { kind: "ref" }>;

export function names(
  { analysis, place, decl }: Given,
  typed: Arg | undefined,
  { to: kinds, withKind }: RefType,
): readonly Suggestion[] {
  const table = symbolsOf(analysis);
  const scope = enclosing(place, decl, table.symbolOf);
  const fitting = table.symbols.filter((symbol) => kinds.includes(symbol.kind) && isInReach(symbol, scope));
  const folder = folderBefore(place, typed);
  const split = withKind === true ? splitKind(folder) : undefined;
  if (folder !== "")
    return unique(
      [...(split ? pathsOfKind(fitting, split.kind, split.path) : pathsBelow(fitting, folder))].map(([symbol, path]) =>
        suggestion(withSample(path, symbol), "name", describe(analysis.topology, symbol)),
      ),
    );
  const paths = shortPaths(fitting);
  const seen = new Set<string>();
  return fitting.flatMap((symbol) => {
    // The bare name if it resolves to this symbol from here; for a pool, the name of its first node.
    const name = sampleName(symbol);
    const use: NameUse = {
      source: symbol.source,
      path: [name],
      kinds,
      dns: false,
      withKind: false,
      scope,
    };
    const near = table.resolve(use);
    const label = near.length === 1 && near[0] === symbol ? name : withSample(paths.get(symbol) ?? name, symbol);
    if (seen.has(label)) return [];
    seen.add(label);
    return [suggestion(label, "name", describe(analysis.topology, symbol))];
  });
}

/** Whether a scope can refer to the symbol: a scope inside a cluster can only refer to objects of that cluster. */
function isInReach(symbol: NamedSymbol, scope: NamedSymbol | undefined): boolean {
  const home = scope && outermost(scope);
  const own = outermost(symbol);
  return home?.kind !== "cluster" || own === symbol || own.kind !== "cluster" || own.name === home.name;
}

function outermost(symbol: NamedSymbol): NamedSymbol {
  return symbol.parent ? outermost(symbol.parent) : symbol;
}

function withSample(path: string, symbol: NamedSymbol): string {
  return path.slice(0, path.length - symbol.name.length) + sampleName(symbol);
}

function enclosing(
  place: Place,
  decl: Decl,
  symbolOf: (decl: Decl) => NamedSymbol | undefined,
): NamedSymbol | undefined {
  for (const around of [...place.decls].reverse()) {
    const symbol = around === decl ? undefined : symbolOf(around);
    if (symbol) return symbol;
  }
  return undefined;
}

function describe(topology: Topology, symbol: NamedSymbol): string {
  const where = pathOf(symbol).slice(0, -1).join("/");
  const kind = symbol.decl.spec?.keyword ?? symbol.kind;
  if (symbol.kind === "segment") {
    const segment = topology.segments.get(symbol.name);
    return `segment ${segment?.cidrs.map(formatPrefix).join(", ") ?? ""}`.trimEnd();
  }
  if (symbol.range) return t`one of ${plural(symbol.range.last - symbol.range.first + 1, "node")} of ${where}`;
  return where === "" ? kind : t`${kind} of ${where}`;
}

export function endpoints(given: Given, typed: Arg | undefined, type: EndpointType): readonly Suggestion[] {
  const { analysis, spec } = given;
  if (type.addressOnly === true) return outside(analysis.topology);
  const text = typed?.text ?? "";
  const colon = text.lastIndexOf(":");
  const hasPort = type.port && colon > 0 && text.indexOf(":") === colon;
  const name = text.slice(0, colon);
  if (hasPort && typed && typedBefore(given.place, typed) > colon) return portsBehind(given, name, colon + 1);
  const found = spec.name === "backend" ? backends(given) : pathsOfEnds(given, typed, type);
  return hasPort ? found.map((one) => ({ ...one, keep: text.length - colon })) : found;
}

/** "shop/" of "shop/w": the complete parts of the path before the cursor. */
function folderBefore(place: KnetPlace, typed: Arg | undefined): string {
  const before = typed?.text.slice(0, Math.max(0, typedBefore(place, typed))) ?? "";
  return before.slice(0, before.lastIndexOf("/") + 1);
}

/** The number of characters of an argument before the cursor. */
function typedBefore({ path, offset }: KnetPlace, typed: Arg): number {
  const start = (path.starts.at(-1) ?? 0) + typed.start;
  return offset - start - (typed.kind === "string" ? 1 : 0);
}

function portsBehind({ analysis }: Given, name: string, skip: number): readonly Suggestion[] {
  const table = symbolsOf(analysis);
  const path = name.split("/");
  const [symbol] = ends(table).length > 0 ? table.resolve(useOf(path, table.symbols)) : [];
  if (symbol && symbol.kind !== "service") return portsOf(analysis.topology, symbol, skip);
  const subject = symbol && subjectOf(analysis.topology, symbol);
  if (subject?.kind === "service") return servicePorts(subject.service.ports, skip);
  return path.length === 1 ? portsOfName(analysis.topology, name, skip) : [];
}

/** Each path once: as a destination it refers to the service, as a source to the workload. After `pod/`: the paths of pods. */
function pathsOfEnds(
  { analysis, place, decl, spec }: Given,
  typed: Arg | undefined,
  type: EndpointType,
): readonly Suggestion[] {
  const table = symbolsOf(analysis);
  const all = ends(table).filter(({ kind }) => type.port || kind !== "service");
  const folder = folderBefore(place, typed);
  const inside = [...pathsBelow(processes(table), folder)].filter(
    ([, path]) => !path.slice(folder.length).includes("/"),
  );
  const split = splitKind(folder);
  const paths = folder === "" ? shortPaths(all) : [...pathsBelow(all, folder), ...inside];
  const meant = new Map<string, NamedSymbol>();
  for (const [symbol, path] of split ? pathsOfKind(all, split.kind, split.path) : paths) {
    const label = withSample(path, symbol);
    if (!meant.has(label) || symbol.kind === "service") meant.set(label, symbol);
  }
  const own = [...meant].map(([label, symbol]) => suggestion(label, "name", describe(analysis.topology, symbol)));
  const isTarget = decl.spec?.keyword === "expect" && spec.name === "to";
  return isTarget ? [...own, ...foreignNames(analysis.topology, typed)] : own;
}

/** The paths of this kind that begin with the typed part: "pod/shop/" → "pod/shop/web". */
function pathsOfKind(
  all: readonly NamedSymbol[],
  kind: string,
  folder: string,
): readonly (readonly [NamedSymbol, string])[] {
  const fitting = all.filter((symbol) => isOfKind(symbol, kind));
  const paths = folder === "" ? shortPaths(fitting) : pathsBelow(fitting, folder);
  return [...paths].map(([symbol, path]) => [symbol, `${kind}/${path}`]);
}

/** Services of the cluster; services in the namespace of the ingress are named without it. */
function backends({ analysis, place }: Given): readonly Suggestion[] {
  const table = symbolsOf(analysis);
  const around = place.decls.flatMap((decl) => table.symbolOf(decl) ?? []);
  const cluster = around.find(({ kind }) => kind === "cluster")?.name;
  const home = around.find(({ kind }) => kind === "namespace")?.name ?? DEFAULT_NAMESPACE;
  return unique(
    table.symbols.flatMap((symbol): readonly Suggestion[] => {
      const [own, namespace, name = ""] = pathOf(symbol);
      if (symbol.kind !== "service" || own !== cluster) return [];
      const label = namespace === home ? name : `${namespace}/${name}`;
      return [suggestion(label, "name", describe(analysis.topology, symbol))];
    }),
  );
}

/** Addresses of machines outside the clusters. */
function outside({ hosts }: Topology): readonly Suggestion[] {
  return unique(
    hosts.flatMap(({ name, interfaces }) =>
      interfaces.flatMap(({ addresses }) =>
        addresses.map(({ ip }) => suggestion(formatIp(ip), "address", `host ${name}`)),
      ),
    ),
  );
}

/** Destinations that are not names of the file: names of the cluster DNS and URLs of ingresses. */
function foreignNames({ clusters }: Topology, typed: Arg | undefined): readonly Suggestion[] {
  const isQuoted = typed?.kind === "string";
  const urls = clusters.flatMap(({ ingresses }) =>
    (ingresses ?? []).flatMap(({ path, rules }) =>
      rules.flatMap((rule): readonly Suggestion[] => {
        if (rule.host === undefined || rule.host.startsWith("*")) return [];
        const url = `http://${rule.host}${rule.path}`;
        return [{ ...suggestion(url, "text", t`served by ${path}`), insert: isQuoted ? url : `"${url}"` }];
      }),
    ),
  );
  return unique(isQuoted ? urls : [...serviceNames(clusters), ...urls]);
}

function serviceNames(clusters: readonly Cluster[]): readonly Suggestion[] {
  return clusters.flatMap((cluster) =>
    cluster.services.all.map((service) =>
      suggestion(serviceName(cluster, service), "name", t`DNS name of service ${service.path}`),
    ),
  );
}

/** The names that a service can be an alias of. */
export function aliases({ analysis }: Given): readonly Suggestion[] {
  const { hosts, clusters } = analysis.topology;
  const own = hosts.map(({ name }) => suggestion(name, "name", "host"));
  return unique([...own, ...serviceNames(clusters)]);
}

/** The ports of the service that a DNS name refers to. */
function portsOfName({ clusters }: Topology, name: string, skip: number): readonly Suggestion[] {
  const ports = dnsNames(clusters, name).flatMap((found) => (found.kind === "service" ? found.service.ports : []));
  return servicePorts(ports, skip);
}

function servicePorts(ports: Service["ports"], skip: number): readonly Suggestion[] {
  return unique(
    ports.map(({ port, proto, name: own }) => ({
      ...suggestion(proto === "tcp" ? String(port) : `${port}/${proto}`, "number", own ?? ""),
      skip,
    })),
  );
}

function useOf(path: readonly string[], symbols: readonly NamedSymbol[]): NameUse {
  const any = symbols[0];
  if (!any) throw new Error("useOf requires at least one symbol");
  return { source: any.source, path, kinds: [], dns: true, withKind: true, scope: undefined };
}

function portsOf(topology: Topology, symbol: NamedSymbol, skip: number): readonly Suggestion[] {
  const seen = new Set<string>();
  return listenersOf(topology, symbol).flatMap(({ process, listener }) => {
    const label = portText(listener);
    if (seen.has(label)) return [];
    seen.add(label);
    return [{ ...suggestion(label, "number", process), skip }];
  });
}

/** The port as written after a colon; `/tcp` is implied. */
function portText({ first, proto }: Listener): string {
  return proto === "tcp" ? String(first) : `${first}/${proto}`;
}
