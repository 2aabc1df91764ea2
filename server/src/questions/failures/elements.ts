/** The parts of a network that can fail on their own: machines, links, and BGP sessions. */
import { clusterStates } from "../../cni/clusters.ts";
import type { Origin } from "../../declared/origin.ts";
import { memo } from "../../memo/memo.ts";
import { t } from "../../text/l10n.ts";
import type { Interface, Station, Topology } from "../../topology/model.ts";
import { stationsByPath, stationsOf } from "../../topology/stations.ts";
import type { Outage } from "../../topology/without.ts";

export type ElementKind = "router" | "node" | "link" | "session";

export interface Element {
  readonly kind: ElementKind;
  readonly outage: Outage;
  /** The machines that it is, or connects. */
  readonly machines: readonly string[];
  /** Of a link: its ends. */
  readonly interfaces: readonly Interface[];
}

/** Hosts forward packets like routers if a path passes through them. */
export function machineElement({ kind, path }: Station): Element {
  return {
    kind: kind === "node" ? "node" : "router",
    outage: { kind: "machine", path },
    machines: [path],
    interfaces: [],
  };
}

/** Two interfaces on a segment are one link; with more, each has its own link to the switch. */
export function linkElement(topology: Topology, iface: Interface): Element {
  const attached = topology.attachedTo(iface.segment);
  const interfaces = attached.length === 2 && attached.includes(iface) ? attached : [iface];
  const ends = interfaces.map(({ station: { path }, device }) => ({ path, device }));
  return {
    kind: "link",
    outage: { kind: "link", segment: iface.segment, ends },
    machines: [...new Set(ends.map(({ path }) => path))],
    interfaces,
  };
}

export function sessionElement(a: string, b: string): Element {
  return { kind: "session", outage: { kind: "session", between: [a, b] }, machines: [a, b], interfaces: [] };
}

export function idOf({ outage }: Element): string {
  switch (outage.kind) {
    case "machine":
      return outage.path;
    case "link":
      return `${outage.segment} ${outage.ends.map(({ path, device }) => `${device}@${path}`).join()}`;
    case "session":
      return outage.between.join(" - ");
  }
}

/** "router `tor`", "the link of node `prod/n1` to segment `lan`": continues a sentence. */
export function textOf(topology: Topology, { outage }: Element): string {
  const name = (path: string): string => machineText(topology, path);
  switch (outage.kind) {
    case "machine":
      return name(outage.path);
    case "link": {
      const [a, b] = outage.ends;
      if (a && b) return t`the link between ${name(a.path)} and ${name(b.path)}`;
      return t`the link of ${name(a?.path ?? "")} to segment \`${outage.segment}\``;
    }
    case "session":
      return t`the BGP session between ${name(outage.between[0])} and ${name(outage.between[1])}`;
  }
}

function machineText(topology: Topology, path: string): string {
  const station = stationsByPath(topology)(path);
  if (reflectors(topology).has(path)) return t`route reflector \`${path}\``;
  switch (station?.kind) {
    case "node":
      return t`node \`${path}\``;
    case "host":
      return t`host \`${path}\``;
    default:
      return t`router \`${path}\``;
  }
}

const reflectors = memo((topology: Topology): ReadonlySet<string> => {
  const speakers = clusterStates(topology).speakers();
  return new Set(speakers.flatMap(({ clusterId, station }) => (clusterId === undefined ? [] : [station.path])));
});

/** The statement that declares the element; of a link, the `attach` statement of its first end. */
export function sourceOfElement(topology: Topology, { machines, interfaces }: Element): Origin | undefined {
  const [path = ""] = machines;
  return interfaces[0]?.source ?? stationsByPath(topology)(path)?.source;
}

/** `colors`: equal for equivalent machines. */
export function equivalentMachines({ outage }: Element, colors: ReadonlyMap<string, number>): number {
  if (outage.kind !== "machine") return 1;
  const own = colors.get(outage.path);
  return [...colors.values()].filter((color) => color === own).length;
}

export const allMachines = memo(stationsOf);
