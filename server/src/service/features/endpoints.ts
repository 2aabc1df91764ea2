/** Endpoints of traces: a list to select from, and the endpoint that is declared at a position. */
import { formatIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Listener, Pod, ProcessSpec, Station, Topology, Workload } from "../../topology/model.ts";
import { podPath } from "../../topology/names.ts";
import type { Analysis } from "../analysis.ts";
import { sampleName } from "./names.ts";
import { targetAt } from "./navigation.ts";
import { placeAt } from "./place.ts";
import { podNamed, subjectOf } from "./subjects.ts";
import { type NamedSymbol, pathOf } from "./symbol.ts";
import { symbolsOf } from "./symbols.ts";

export interface EndItem {
  /** The shortest unambiguous name; with its kind if a service has the same. */
  readonly label: string;
  readonly kind: "pod" | "node" | "router" | "host";
  readonly detail: string;
  readonly path: string;
  readonly ports: readonly { readonly port: number; readonly proto: Listener["proto"]; readonly name: string }[];
}

/** Endpoints whose texts contain every filter term; machines first, because there are few. */
export function endpointsOf(topology: Topology, filter: string, limit: number): readonly EndItem[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const labels = labelsOf(topology);
  const found: EndItem[] = [];
  for (const item of allEnds(topology, labels)) {
    if (found.length >= limit) break;
    const text = `${item.path} ${item.label} ${item.detail}`.toLowerCase();
    if (words.every((word) => text.includes(word))) found.push(item);
  }
  return found;
}

/** Label of a path. `group`: the path whose suffixes must be unique. */
type Labels = (path: string, group: string) => string;

const known = new WeakMap<Topology, Labels>();

function* allEnds(topology: Topology, labels: Labels): Generator<EndItem> {
  for (const router of topology.routers) yield stationItem(router, labels);
  for (const host of topology.hosts) yield stationItem(host, labels);
  for (const cluster of topology.clusters) for (const node of cluster.nodes) yield stationItem(node, labels);
  for (const cluster of topology.clusters) {
    for (const workload of cluster.workloads) {
      for (let ordinal = 0; ordinal < workload.replicas; ordinal++) {
        yield podItem(cluster, cluster.pods.podAt(workload, ordinal), labels);
      }
    }
  }
}

function stationItem(station: Station, labels: Labels): EndItem {
  const addresses = station.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => formatIp(ip)));
  return {
    label: labels(station.path, station.path),
    kind: station.kind,
    detail: [station.kind, addresses.join(", ")].filter((text) => text !== "").join(" "),
    path: station.path,
    ports: portsOf(station.processes),
  };
}

function podItem(cluster: Cluster, pod: Pod, labels: Labels): EndItem {
  const { workload } = pod;
  const path = podPath(cluster, pod);
  const label = labels(pod.path, workloadPath(workload));
  const kind = workload.kind === "pod" ? "pod" : t`pod of ${workload.kind} ${workload.name},`;
  const where = pod.node ? t`on ${pod.node.name}` : t`on no node`;
  return {
    label: path === pod.path ? label : `pod/${label}`,
    kind: "pod",
    detail: [kind, pod.addresses.map(formatIp).join(", "), where].filter((text) => text !== "").join(" "),
    path,
    ports: portsOf(workload.containers),
  };
}

function portsOf(processes: readonly ProcessSpec[]): EndItem["ports"] {
  return processes.flatMap(({ name, listeners }) =>
    listeners.map(({ first, proto }) => ({ port: first, proto, name })),
  );
}

/** Shortest unique suffix of each path. A pod's suffix is unique if the suffix of its workload is. */
function labelsOf(topology: Topology): Labels {
  const before = known.get(topology);
  if (before) return before;
  const counts = new Map<string, number>();
  const add = (path: string): void => {
    for (const suffix of suffixes(path)) counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
  };
  for (const station of [...topology.routers, ...topology.hosts]) add(station.path);
  for (const cluster of topology.clusters) {
    for (const node of cluster.nodes) add(node.path);
    for (const workload of cluster.workloads) add(workloadPath(workload));
  }
  const labels: Labels = (path, group) => {
    const own = suffixes(path);
    const index = suffixes(group).findIndex((suffix) => counts.get(suffix) === 1);
    return own[index] ?? path;
  };
  known.set(topology, labels);
  return labels;
}

function workloadPath({ cluster, namespace, name }: Workload): string {
  return `${cluster}/${namespace}/${name}`;
}

/** "web", "shop/web", "prod/shop/web". */
function suffixes(path: string): readonly string[] {
  const names = path.split("/");
  return names.map((_, index) => names.slice(names.length - 1 - index).join("/"));
}

/** Path of the innermost sender at a position: the object under the cursor, else the enclosing block. */
export function endpointAt(analysis: Analysis, file: string, offset: number): string | undefined {
  const end = endAt(analysis, file, offset);
  return end && endPath(analysis, end.symbol, end.written);
}

/** The same as a symbol, with the text that refers to it. */
export function endAt(
  analysis: Analysis,
  file: string,
  offset: number,
): { readonly symbol: NamedSymbol; readonly written: string } | undefined {
  const target = targetAt(analysis, file, offset);
  const [pointed] = target?.symbols ?? [];
  if (target && pointed && endPath(analysis, pointed) !== undefined)
    return { symbol: pointed, written: target.written };
  const table = symbolsOf(analysis);
  const decls = placeAt(analysis, file, offset)?.decls ?? [];
  for (const decl of [...decls].reverse()) {
    const symbol = table.symbolOf(decl);
    if (symbol && endPath(analysis, symbol) !== undefined) return { symbol, written: symbol.name };
  }
  return undefined;
}

/** `written`: the name of a pool member or of a pod of a workload; the symbol's own name selects the first. */
export function endPath(analysis: Analysis, symbol: NamedSymbol, written = symbol.name): string | undefined {
  switch (symbol.kind) {
    case "router":
    case "host":
      return symbol.name;
    case "node":
      return [...pathOf(symbol).slice(0, -1), written === symbol.name ? sampleName(symbol) : written].join("/");
    case "pod":
      return pathOf(symbol).join("/");
    case "workload": {
      const subject = subjectOf(analysis.topology, symbol);
      if (subject?.kind !== "workload" || subject.workload.replicas === 0) return undefined;
      const { cluster, workload } = subject;
      return (podNamed(cluster, workload, written) ?? cluster.pods.podAt(workload, 0)).path;
    }
    case "container":
    case "daemon": {
      const outer = symbol.parent && endPath(analysis, symbol.parent);
      return outer === undefined ? undefined : `${outer}/${symbol.name}`;
    }
    case "service":
      // A service can be a destination, but it sends nothing.
      return undefined;
    case "segment":
    case "cluster":
    case "namespace":
    case "policy":
    case "ingress":
    case "gateway":
    case "security-group":
      return undefined;
  }
}
