/** Shortest unambiguous paths of symbols, and the symbols that can be endpoints of a packet. */
import { DEFAULT_NAMESPACE } from "../../declared/naming.ts";
import type { SymbolKind } from "../../declared/schema/index.ts";
import { type NamedSymbol, pathOf } from "./symbol.ts";
import type { SymbolTable } from "./symbols.ts";

/** The shortest path of each symbol among the given symbols. A deployment and a service with the same name share a path. */
export function shortPaths(symbols: readonly NamedSymbol[]): ReadonlyMap<NamedSymbol, string> {
  const paths = symbols.map(pathOf);
  const counts = new Map<string, number>();
  for (const path of new Map(paths.map((own) => [own.join("/"), own])).values()) {
    for (let from = 0; from < path.length; from++) {
      const suffix = path.slice(from).join("/");
      counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
    }
  }
  return new Map(
    symbols.map((symbol, index) => {
      const path = paths[index] ?? [];
      for (let length = 1; length < path.length; length++) {
        const suffix = path.slice(-length).join("/");
        if (counts.get(suffix) === 1) return [symbol, suffix];
      }
      return [symbol, path.join("/")];
    }),
  );
}

/**
 * The path of each symbol that begins with the typed part `folder` ("shop/"); symbols without such a path are absent. The
 * namespace `default` is optional.
 */
export function pathsBelow(symbols: readonly NamedSymbol[], folder: string): ReadonlyMap<NamedSymbol, string> {
  return new Map(
    symbols.flatMap((symbol): readonly (readonly [NamedSymbol, string])[] => {
      const path = pathOf(symbol);
      const implied = path.filter((name, index) => index !== 1 || name !== DEFAULT_NAMESPACE);
      for (const names of [path, implied]) {
        for (let length = 2; length <= names.length; length++) {
          const label = names.slice(-length).join("/");
          if (label.startsWith(folder)) return [[symbol, label]];
        }
      }
      return [];
    }),
  );
}

const ENDS: ReadonlySet<SymbolKind> = new Set(["pod", "workload", "service", "node", "router", "host"]);
const PROCESSES: ReadonlySet<SymbolKind> = new Set(["container", "daemon"]);

/** Symbols that can send or receive packets. */
export function ends(table: SymbolTable): readonly NamedSymbol[] {
  return table.symbols.filter(({ kind }) => ENDS.has(kind));
}

/** Processes of these endpoints, which can also be named as endpoints. */
export function processes(table: SymbolTable): readonly NamedSymbol[] {
  return table.symbols.filter(({ kind }) => PROCESSES.has(kind));
}

/** One name for a symbol that represents several objects: the first node of a pool. */
export function sampleName(symbol: NamedSymbol): string {
  const { name, range } = symbol;
  return range ? name + String(range.first).padStart(range.width, "0") : name;
}
