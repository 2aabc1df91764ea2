/**
 * Segments, routers, hosts, and nodes with their addresses: the part of a topology that does not depend on the
 * workloads of its clusters. Most edits of a large file are in the workloads, so this part is kept from one build to
 * the next.
 */
import type { Ip } from "../addressing/ip.ts";
import { nameOf } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { sameList, valueAt } from "../memo/memo.ts";
import type { AddressingOf, ModeAddressing } from "./addressing.ts";
import { allocateRanges, type ClusterDraft, countOf, type RangeAllocator } from "./cluster.ts";
import { buildInterfaces, stationBase, withDefaults } from "./interfaces.ts";
import type { ExternalHost, Interface, Node, Router, Segment, StationRef } from "./model.ts";
import { type NameProblems, nameProblems } from "./nearby.ts";
import { buildNodes } from "./nodes.ts";
import type { KnownNodes } from "./parts.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import {
  type Assigned,
  chooseGateways,
  exhaustionProblems,
  finishSegment,
  noteAttach,
  type SegmentDraft,
} from "./segments.ts";
import { nothing, type StationParts } from "./station.ts";

/** The declarations, each name once. */
export interface MachineDraft {
  readonly segments: ReadonlyMap<string, SegmentDraft>;
  /** Routers, hosts, and clusters in order of declaration. */
  readonly placed: readonly (StationParts | ClusterDraft)[];
}

export interface Machines {
  readonly segments: ReadonlyMap<string, Segment>;
  readonly routers: readonly Router[];
  readonly hosts: readonly ExternalHost[];
  /** By cluster name. */
  readonly clusters: ReadonlyMap<string, ClusterMachines>;
  readonly problems: readonly TopologyProblem[];
  /** The draft that they were built from; its segments have their gateways. */
  readonly draft: MachineDraft;
  /** The interfaces on each segment, by its name. */
  readonly attached: ReadonlyMap<string, readonly Interface[]>;
  attachedTo(segment: string): readonly Interface[];
  interfacesWith(segment: string, ip: Ip): readonly Interface[];
}

export interface ClusterMachines {
  readonly nodes: readonly Node[];
  /** Indexes of the nodes in the list, by name. */
  readonly indexes: ReadonlyMap<string, number>;
  readonly addressing: ModeAddressing;
  /** Whether the nodes' ranges are complete before the pods have been placed. */
  readonly isFinal: boolean;
  /** Completes the nodes' ranges; does not reference statements, which an edit replaces. */
  readonly complete: RangeAllocator["complete"];
}

export function buildMachines(draft: MachineDraft, addressingOf: AddressingOf, known: KnownNodes): Machines {
  const problems: TopologyProblem[] = [];
  const names = nameProblems(draft.segments, routerNames(draft));
  noteAttaches(draft, names, problems);
  const assigned: Assigned = new Map();
  for (const segment of draft.segments.values()) chooseGateways(segment, assigned, names, problems);
  const routers: Router[] = [];
  const hosts: ExternalHost[] = [];
  const clusters = new Map<string, ClusterMachines>();
  for (const placed of draft.placed) {
    if ("nodes" in placed) {
      const addressing = addressingOf(placed.cni, placed.podCidrs, placed.maxPods);
      const ranges = allocateRanges(placed, addressing, addressingOf);
      const around = { segments: draft.segments, assigned, known };
      const isLasting = addressing.claims === undefined && addressing.fromSegment?.kind !== "interfaces";
      const { nodes, indexes } = buildNodes(placed, around, ranges, isLasting, problems);
      problems.push(...ranges.problems());
      const isFinal = ranges.isFinal();
      clusters.set(placed.name, { nodes, indexes, addressing, isFinal, complete: ranges.complete });
      continue;
    }
    const ref: StationRef = { kind: placed.kind, path: placed.name };
    const interfaces = buildInterfaces(placed, ref, 0, draft.segments, assigned);
    const base = stationBase(placed, ref.path, placed.name, interfaces);
    if (placed.kind === "router")
      routers.push({ ...base, kind: "router", routes: placed.routes, ...(placed.bgp ? { bgp: placed.bgp } : {}) });
    else hosts.push({ ...base, kind: "host", routes: withDefaults(placed, interfaces, draft.segments) });
  }
  for (const segment of draft.segments.values()) problems.push(...exhaustionProblems(segment));
  const segments = new Map<string, Segment>();
  for (const segment of draft.segments.values()) segments.set(segment.name, finishSegment(segment));
  const attached = new Map([...draft.segments].map(([name, segment]) => [name, attachedOf(segment, known)] as const));
  return {
    segments,
    routers,
    hosts,
    clusters,
    problems,
    draft: { segments: withoutInterfaces(draft.segments), placed: draft.placed },
    ...attachments(attached),
  };
}

/** `attached`: the interfaces on each segment. */
export function attachments(
  attached: ReadonlyMap<string, readonly Interface[]>,
): Pick<Machines, "attached" | "attachedTo" | "interfacesWith"> {
  const attachedTo = (segment: string): readonly Interface[] => attached.get(segment) ?? nothing;
  return {
    attached,
    attachedTo,
    interfacesWith: (segment, ip) => addressesOf(attachedTo(segment)).get(ip) ?? nothing,
  };
}

/**
 * Nodes of plugins that claim blocks or addresses get them only after the pods have been placed: these machines cannot be
 * shared.
 */
export function areFinal({ clusters }: Machines): boolean {
  return [...clusters.values()].every(({ isFinal }) => isFinal);
}

/** Statements of a cluster that do not affect its nodes. */
const TENANTS: ReadonlySet<string> = new Set([
  "namespace",
  "pod",
  "deployment",
  "statefulset",
  "daemonset",
  "service",
  "policy",
  "admin-policy",
  "baseline-admin-policy",
  "calico-policy",
  "calico-tier",
]);

/** The inputs of the machines: if they are unchanged, so are the machines. */
export function machineParts(files: readonly { readonly file: string; readonly decls: readonly Decl[] }[]): unknown[] {
  const parts: unknown[] = [];
  for (const { file, decls } of files) {
    parts.push(file);
    for (const decl of decls) {
      const keyword = decl.spec?.keyword;
      if (keyword === "segment" || keyword === "router" || keyword === "host") parts.push(decl);
      if (keyword !== "cluster") continue;
      parts.push(keyword, nameOf(decl));
      let hasPlugin = false;
      for (const child of decl.children) {
        const inside = child.spec?.keyword;
        if (inside === "cni") hasPlugin = true;
        if (inside === undefined || !TENANTS.has(inside)) parts.push(child);
      }
      // Without a plugin, the cluster's own statement is the source of its settings.
      if (!hasPlugin) parts.push(decl);
    }
  }
  return parts;
}

/** The starting point of an edit must not keep the interfaces alive that the edit replaces. */
function withoutInterfaces(segments: MachineDraft["segments"]): MachineDraft["segments"] {
  return new Map([...segments].map(([name, segment]) => [name, { ...segment, interfaces: [] }]));
}

/** The list of the previous build if it is the same. */
function attachedOf({ source, interfaces }: SegmentDraft, known: KnownNodes): readonly Interface[] {
  const attached = sameList(known.attached.get(source.decl.handle), interfaces);
  known.attached.set(source.decl.handle, attached);
  return attached;
}

const byAddress = new WeakMap<readonly Interface[], ReadonlyMap<Ip, readonly Interface[]>>();

function addressesOf(attached: readonly Interface[]): ReadonlyMap<Ip, readonly Interface[]> {
  return valueAt(byAddress, attached, () => groupByAddress(attached));
}

function groupByAddress(interfaces: readonly Interface[]): Map<Ip, Interface[]> {
  const groups = new Map<Ip, Interface[]>();
  for (const iface of interfaces) {
    for (const { ip } of iface.addresses) {
      const group = groups.get(ip);
      if (group === undefined) groups.set(ip, [iface]);
      else if (group.at(-1) !== iface) group.push(iface);
    }
  }
  return groups;
}

/* ---------------------------------------------------------------- attaching */

function routerNames({ placed }: MachineDraft): ReadonlySet<string> {
  const names = new Set<string>();
  for (const one of placed) if (!("nodes" in one) && one.kind === "router") names.add(one.name);
  return names;
}

function noteAttaches({ placed, segments }: MachineDraft, names: NameProblems, problems: TopologyProblem[]): void {
  const note = (parts: StationParts, path: string): void => {
    problems.push(...parts.problems);
    for (const attach of parts.attaches) {
      const segment = segments.get(attach.segment);
      if (segment !== undefined) noteAttach(segment, parts, attach, countOf(parts), problems);
      else problems.push(names.unknownSegment(attach.segment, attach.addresses, attach.segmentSource));
    }
    for (const { segment } of parts.edge?.nat ?? nothing) {
      if (segment === undefined) continue;
      const { name, source } = segment;
      if (!segments.has(name)) problems.push(names.unknown(name, "segment", source));
      else if (!parts.attaches.some((attach) => attach.segment === name))
        problems.push(problem(CODES.natSegment, source, { station: { kind: parts.kind, path }, segment: name }));
    }
  };
  for (const one of placed) {
    if ("nodes" in one) for (const parts of one.nodes) note(parts, `${one.name}/${parts.name}`);
    else note(one, one.name);
  }
}
