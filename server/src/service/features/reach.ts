/** Call hierarchy: what reaches a declaration, and what it reaches. Sends one packet per pair and listening port. */
import type { Span } from "../../text/span.ts";
import type { Topology } from "../../topology/model.ts";
import { exactPath } from "../../topology/names.ts";
import { endpointOf } from "../../trace/endpoints.ts";
import { ask } from "../../trace/trace.ts";
import type { Analysis } from "../analysis.ts";
import { endAt, endPath } from "./endpoints.ts";
import { ends } from "./names.ts";
import { targetAt } from "./navigation.ts";
import { type NamedSymbol, pathOf } from "./symbol.ts";
import { symbolsOf } from "./symbols.ts";

/** A declaration that sends and receives. The first member represents a pool or a deployment. */
export interface ReachItem {
  readonly name: string;
  readonly kind: NamedSymbol["kind"];
  /** Its path in traces, with its kind if necessary: "pod/prod/shop/web". */
  readonly path: string;
  readonly file: string;
  readonly full: Span;
  readonly selection: Span;
}

export interface Reached {
  readonly item: ReachItem;
  /** "8080/tcp", or "icmp" if nothing listens. */
  readonly ports: readonly string[];
}

/** Longer lists are unreadable; a trace shows any single pair. */
const MOST = 300;
const MOST_PORTS = 8;

export function reachItemAt(analysis: Analysis, file: string, offset: number): ReachItem | undefined {
  const target = targetAt(analysis, file, offset)?.symbols[0];
  const symbol = target?.kind === "service" ? target : endAt(analysis, file, offset)?.symbol;
  if (symbol === undefined) return undefined;
  // For a process, its pod or machine: they share one network namespace.
  const isProcess = symbol.kind === "container" || symbol.kind === "daemon";
  const path = pathFor(analysis, isProcess && symbol.parent ? symbol.parent : symbol);
  return itemsOf(analysis).find((item) => item.path === path);
}

/** The path of a symbol in traces, with its kind if a service has the same path. */
function pathFor(analysis: Analysis, symbol: NamedSymbol): string | undefined {
  // A service can only be a destination.
  if (symbol.kind === "service") return pathOf(symbol).join("/");
  const path = endPath(analysis, symbol);
  const isPod = symbol.kind === "pod" || symbol.kind === "workload";
  return path !== undefined && isPod ? exactPath(analysis.topology, "pod", path) : path;
}

/** The item with this path in a different version of the file. */
export function reachItemOf(analysis: Analysis, path: string): ReachItem | undefined {
  return itemsOf(analysis).find((item) => item.path === path);
}

/** Undefined if canceled. */
export function whatReaches(analysis: Analysis, to: ReachItem, stopped: () => boolean): readonly Reached[] | undefined {
  return pairs(analysis, to, stopped, (other) => portsBetween(analysis, other.path, to.path));
}

export function whatIsReached(
  analysis: Analysis,
  from: ReachItem,
  stopped: () => boolean,
): readonly Reached[] | undefined {
  return pairs(analysis, from, stopped, (other) => portsBetween(analysis, from.path, other.path));
}

function pairs(
  analysis: Analysis,
  self: ReachItem,
  stopped: () => boolean,
  portsOf: (other: ReachItem) => readonly string[],
): readonly Reached[] | undefined {
  const found: Reached[] = [];
  for (const item of itemsOf(analysis).slice(0, MOST)) {
    if (item.path === self.path) continue;
    if (stopped()) return undefined;
    const ports = portsOf(item);
    if (ports.length > 0) found.push({ item, ports });
  }
  return found;
}

/** The ports of the receiver to which a packet is delivered and from which the reply returns. */
function portsBetween(analysis: Analysis, from: string, to: string): readonly string[] {
  const { topology, network } = analysis;
  const ports = portsAt(topology, to);
  if (!ports) return [];
  const world = { topology, network, locate: () => undefined };
  const passes = (question: { readonly port?: number; readonly proto: "tcp" | "udp" | "sctp" | "icmp" }): boolean => {
    const answer = ask(world, { from, to, ...question });
    return answer.ok && answer.trace.verdict === "delivered" && answer.trace.answered;
  };
  if (ports.length === 0) return passes({ proto: "icmp" }) ? ["icmp"] : [];
  return ports
    .slice(0, MOST_PORTS)
    .filter(({ port, proto }) => passes({ port, proto }))
    .map(({ port, proto }) => `${port}/${proto}`);
}

interface Port {
  readonly port: number;
  readonly proto: "tcp" | "udp" | "sctp";
}

/** Undefined if the path is not a destination. */
function portsAt(topology: Topology, path: string): readonly Port[] | undefined {
  const meaning = topology.resolve(path);
  if (meaning.ok && meaning.endpoint.kind === "service") {
    const { ports } = meaning.endpoint.service;
    return ports.length > 0 ? ports : undefined;
  }
  const receiver = endpointOf(topology, path);
  return receiver.ok ? receiver.endpoint.ports : undefined;
}

const known = new WeakMap<Analysis, readonly ReachItem[]>();

function itemsOf(analysis: Analysis): readonly ReachItem[] {
  let items = known.get(analysis);
  if (!items) {
    items = ends(symbolsOf(analysis)).flatMap((symbol): readonly ReachItem[] => {
      const path = pathFor(analysis, symbol);
      const selection = analysis.spanOf(symbol.source);
      const full = analysis.spanOf({ ...symbol.source, part: "whole" });
      if (path === undefined || !selection || !full) return [];
      return [{ name: symbol.name, kind: symbol.kind, path, file: symbol.source.file, full, selection }];
    });
    known.set(analysis, items);
  }
  return items;
}
