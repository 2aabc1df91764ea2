/** Names in scope, and the ends of an expectation with their ports. */
import { formatPrefix } from "../../../addressing/ip.ts";
import { plural } from "../../../checks/text.ts";
import type { Decl } from "../../../language/decode.ts";
import type { Arg } from "../../../language/tree.ts";
import { dnsNames, serviceName } from "../../../topology/dns.ts";
import type { Listener, Topology } from "../../../topology/model.ts";
import { ends, sampleName, shortPaths } from "../names.ts";
import type { Place } from "../place.ts";
import { listenersOf } from "../subjects.ts";
import { type NamedSymbol, type NameUse, pathOf, symbolsOf } from "../symbols.ts";
import { type Given, type Suggestion, suggestion, unique } from "./suggestion.ts";

export function names({ analysis, place, decl }: Given, kinds: readonly NamedSymbol["kind"][]): readonly Suggestion[] {
  const table = symbolsOf(analysis);
  const fitting = table.symbols.filter(({ kind }) => kinds.includes(kind));
  const paths = shortPaths(fitting);
  const scope = enclosing(place, decl, table.symbolOf);
  const seen = new Set<string>();
  return fitting.flatMap((symbol) => {
    // The bare name where it means this one from here; of a pool its first node.
    const name = sampleName(symbol);
    const use: NameUse = {
      source: symbol.source,
      decl,
      arg: symbol.arg,
      path: [name],
      kinds,
      scope,
    };
    const near = table.resolve(use);
    const label = near.length === 1 && near[0] === symbol ? name : withSample(paths.get(symbol) ?? name, symbol);
    if (seen.has(label)) return [];
    seen.add(label);
    return [suggestion(label, "name", describe(analysis.topology, symbol))];
  });
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
  if (symbol.range) return `one of ${plural(symbol.range.last - symbol.range.first + 1, "node")} of ${where}`;
  return where === "" ? kind : `${kind} of ${where}`;
}

export function endpoints(
  { analysis, decl, spec }: Given,
  typed: Arg | undefined,
  withPort: boolean,
): readonly Suggestion[] {
  const table = symbolsOf(analysis);
  const text = typed?.text ?? "";
  const colon = text.lastIndexOf(":");
  if (withPort && colon > 0 && text.indexOf(":") === colon) {
    const path = text.slice(0, colon).split("/");
    const [symbol] = ends(table).length > 0 && typed ? table.resolve(useOf(path, typed, table.symbols)) : [];
    if (symbol) return portsOf(analysis.topology, symbol, colon + 1);
    return path.length === 1 ? portsOfName(analysis.topology, text.slice(0, colon), colon + 1) : [];
  }
  const all = ends(table);
  const paths = shortPaths(all);
  const own = all.map((symbol) => {
    const label = withSample(paths.get(symbol) ?? symbol.name, symbol);
    return suggestion(label, "name", describe(analysis.topology, symbol));
  });
  const isTarget = decl.spec?.keyword === "expect" && spec.name === "to";
  return isTarget ? [...own, ...foreignNames(analysis.topology, typed)] : own;
}

/** What a packet can be sent to and the file does not declare by that name: names of the cluster's DNS, URLs of ingresses. */
function foreignNames({ clusters }: Topology, typed: Arg | undefined): readonly Suggestion[] {
  const isQuoted = typed?.kind === "string";
  const names = clusters.flatMap((cluster) =>
    cluster.services.all.map((service) =>
      suggestion(serviceName(cluster, service), "name", `DNS name of service ${service.path}`),
    ),
  );
  const urls = clusters.flatMap(({ ingresses }) =>
    (ingresses ?? []).flatMap(({ path, rules }) =>
      rules.flatMap((rule): readonly Suggestion[] => {
        if (rule.host === undefined || rule.host.startsWith("*")) return [];
        const url = `http://${rule.host}${rule.path}`;
        return [{ ...suggestion(url, "text", `by ${path}`), insert: isQuoted ? url : `"${url}"` }];
      }),
    ),
  );
  return unique(isQuoted ? urls : [...names, ...urls]);
}

/** Behind a DNS name: the ports of its service. */
function portsOfName({ clusters }: Topology, name: string, skip: number): readonly Suggestion[] {
  const ports = dnsNames(clusters, name).flatMap((found) => (found.kind === "service" ? found.service.ports : []));
  return unique(
    ports.map(({ port, proto, name: own }) => ({
      ...suggestion(proto === "tcp" ? String(port) : `${port}/${proto}`, "number", own ?? ""),
      skip,
    })),
  );
}

function useOf(path: readonly string[], arg: Arg, symbols: readonly NamedSymbol[]): NameUse {
  const any = symbols[0];
  if (!any) throw new Error("a use is only asked for where there are symbols");
  return { source: any.source, decl: any.decl, arg, path, kinds: [], scope: undefined };
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

/** As after a colon: tcp is not written. */
function portText({ first, proto }: Listener): string {
  return proto === "tcp" ? String(first) : `${first}/${proto}`;
}
