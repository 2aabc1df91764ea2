/** Navigation outward (container → pod → node → cluster) and inward, and linked editing of names. */

import type { Origin } from "../../declared/origin.ts";
import { backendOf } from "../../topology/ingress.ts";
import type { Cluster, Node, Workload } from "../../topology/model.ts";
import type { Analysis } from "../analysis.ts";
import { type Definition, type FilePlace, referencesAt, targetAt } from "./navigation.ts";
import { placeAt, pointedAt } from "./place.ts";
import { workloadsOf } from "./policies.ts";
import { podNamed, subjectOf } from "./subjects.ts";
import type { NamedSymbol } from "./symbol.ts";
import { symbolsOf } from "./symbols.ts";

/** One step outward: container → pod, pod → the nodes that run it, node → cluster, anything else → the enclosing declaration. */
export function typeDefinitionAt(analysis: Analysis, file: string, offset: number): readonly Definition[] {
  const target = targetAt(analysis, file, offset);
  if (!target) return [];
  const use = usedName(analysis, file, offset);
  const found = target.symbols.flatMap((symbol) => outward(analysis, symbol, use));
  return definitions(analysis, target.span, found);
}

/**
 * One step inward: segment → attached interfaces, cluster → nodes, node → its workloads, service or policy → selected
 * workloads, gateway → routes, ingress → services, pod → containers.
 */
export function implementationAt(analysis: Analysis, file: string, offset: number): readonly Definition[] {
  const target = targetAt(analysis, file, offset);
  if (!target) return [];
  const found = target.symbols.flatMap((symbol) => inward(analysis, symbol));
  return definitions(analysis, target.span, found);
}

const MOST = 500;

function outward(analysis: Analysis, symbol: NamedSymbol, use: string | undefined): readonly Origin[] {
  const subject =
    symbol.kind === "container" || symbol.kind === "daemon" ? undefined : subjectOf(analysis.topology, symbol);
  if (subject?.kind !== "workload") return symbol.parent ? [symbol.parent.source] : [];
  const { cluster, workload } = subject;
  const pod = podNamed(cluster, workload, use);
  const nodes = pod ? [pod.node] : nodesOf(cluster, workload);
  return nodes.flatMap((node) => (node ? [node.source] : []));
}

function nodesOf(cluster: Cluster, workload: Workload): readonly (Node | undefined)[] {
  const nodes = new Set<Node | undefined>();
  for (let ordinal = 0; ordinal < workload.replicas && nodes.size < MOST; ordinal++)
    nodes.add(cluster.pods.podAt(workload, ordinal).node);
  return [...nodes];
}

function inward(analysis: Analysis, symbol: NamedSymbol): readonly Origin[] {
  const { topology } = analysis;
  const subject = subjectOf(topology, symbol);
  const inside = symbolsOf(analysis).symbols.filter(({ parent }) => parent === symbol);
  const sources = inside.map(({ source }) => source);
  if (symbol.kind === "segment") return topology.attachedTo(symbol.name).map(({ source }) => source);
  if (symbol.kind === "cluster" && subject?.kind === "cluster")
    return subject.cluster.nodes.map(({ source }) => source);
  if (subject?.kind === "service")
    return subject.cluster.services.selected(subject.service).map(({ source }) => source);
  if (subject?.kind === "policy") return workloadsOf(subject.cluster, subject.policy).map(({ source }) => source);
  if (subject?.kind === "gateway") return subject.routes.map(({ source }) => source);
  if (subject?.kind === "ingress") {
    const { cluster, ingress } = subject;
    const backends = ingress.rules.map(({ backend }) => backendOf(cluster, ingress, backend));
    return backends.flatMap((found) => (typeof found === "string" ? [] : [found.service.source]));
  }
  if (subject?.kind === "nodes" && symbol.kind === "node") {
    const running = new Set<Workload>();
    for (const node of subject.nodes) {
      for (const { workload } of subject.cluster.pods.podsOn(node)) running.add(workload);
      if (running.size >= MOST) break;
    }
    return [...sources, ...[...running].map(({ source }) => source)];
  }
  return sources;
}

/** Each statement once, with its name. */
function definitions(
  analysis: Analysis,
  origin: Definition["origin"],
  sources: readonly Origin[],
): readonly Definition[] {
  const table = symbolsOf(analysis);
  const named = new Map(table.symbols.map((symbol) => [symbol.source.decl.handle, symbol]));
  const seen = new Set<unknown>();
  return sources.slice(0, MOST * 20).flatMap((source): readonly Definition[] => {
    if (seen.size >= MOST || seen.has(source.decl.handle)) return [];
    seen.add(source.decl.handle);
    const full = analysis.spanOf({ ...source, part: "whole" });
    const name = analysis.spanOf(named.get(source.decl.handle)?.source ?? { ...source, part: "keyword" });
    return full && name ? [{ origin, file: source.file, full, name }] : [];
  });
}

/** The argument under the cursor: "shop/api-0:9090". */
function usedName(analysis: Analysis, file: string, offset: number): string | undefined {
  const place = placeAt(analysis, file, offset);
  return (place && pointedAt(place))?.text;
}

/** The occurrences of the name in this file with identical text, which the editor changes together. */
export function linkedAt(analysis: Analysis, file: string, offset: number): readonly FilePlace["span"][] {
  const target = targetAt(analysis, file, offset);
  const text = analysis.fileOf(file)?.text;
  if (!target || text === undefined || offset > target.name.end) return [];
  const name = text.slice(target.name.start, target.name.end);
  const places = referencesAt(analysis, file, offset, true).filter((place) => place.file === file);
  const same = places.filter(({ span }) => text.slice(span.start, span.end) === name);
  return same.some(({ span }) => span.start === target.name.start) ? same.map(({ span }) => span) : [];
}
