/**
 * Segments, routers, hosts, and nodes with their addresses: the part of a topology that does not depend on the
 * workloads of its clusters. Most edits of a large file affect one node, or none.
 */
import type { InterfaceAddress, Ip } from "../addressing/ip.ts";
import { succeedList } from "../memo/lineage.ts";
import { groups, perItem, perRow } from "../memo/list.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { query } from "../memo/query.ts";
import { sameMap, sameMembers } from "../memo/same.ts";
import type { AddressingOf } from "./addressing.ts";
import { type SegmentPlan, segmentPlan } from "./allocation.ts";
import type { Declared } from "./bind.ts";
import type { ClusterDraft } from "./cluster.ts";
import { edgeAt } from "./edge.ts";
import { buildInterfaces, stationBase, withDefaults } from "./interfaces.ts";
import type { ExternalHost, Interface, InterfaceName, NamedPlace, Node, NodeCidr, Router, Segment } from "./model.ts";
import { type NameProblems, nameProblems, routerNames } from "./nearby.ts";
import { allocatedRanges, claimedRanges, claimsLater, type NodeRanges } from "./node-ranges.ts";
import { countedUp } from "./places.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import {
  type Attached,
  finishedSegment,
  type Gateway,
  isInside,
  outsideProblems,
  type SegmentParts,
} from "./segments.ts";
import { partsOf, type Slot, slotsOf } from "./slots.ts";
import { type Attach, countOf, nameTwice, nothing, type StationParts } from "./station.ts";

export interface Machines {
  readonly segments: ReadonlyMap<string, Segment>;
  readonly routers: readonly Router[];
  readonly hosts: readonly ExternalHost[];
  /** By cluster name. */
  readonly clusters: ReadonlyMap<string, ClusterMachines>;
  readonly problems: readonly TopologyProblem[];
  attachedTo(segment: string): readonly Interface[];
  interfacesWith(segment: string, ip: Ip): readonly Interface[];
}

export interface ClusterMachines {
  readonly nodes: readonly Node[];
  /** Indexes of the nodes in the list, by name. */
  readonly indexes: ReadonlyMap<string, number>;
  /** Completes the nodes' ranges after the pods have been placed; absent if they are complete. */
  readonly complete: NodeRanges["complete"];
}

type SegmentMap = ReadonlyMap<string, SegmentParts>;

/** Whether some nodes get ranges only after the pods have been placed, so the machines cannot be used again. */
export function areClaiming({ clusters }: Pick<Declared, "clusters">, addressingOf: AddressingOf): boolean {
  return clusters.some((cluster) => claimsLater(cluster, addressingOf));
}

export function buildMachines(draft: Declared, addressingOf: AddressingOf): Machines {
  const plan = segmentPlan(draft, addressingOf);
  const segments = finishedSegments(draft, plan.gateways);
  const outside = outsideMachines(draft.outside, draft.segments, plan.gateways, plan.addresses);
  const problems = [...faultsOf(draft), ...plan.problems];
  const clusters = new Map<string, ClusterMachines>();
  for (const cluster of draft.clusters) {
    const ranges = claimsLater(cluster, addressingOf)
      ? claimedRanges(cluster, plan, addressingOf)
      : allocatedRanges(cluster, plan.blocks, addressingOf);
    const slots = slotsOf(cluster.nodes);
    const nodes = nodesOf(cluster, draft.segments, plan, ranges);
    problems.push(...twiceProblems(cluster, nodes), ...ranges.problems);
    clusters.set(cluster.name, { nodes, indexes: slots.indexes, complete: ranges.complete });
  }
  problems.push(...plan.exhausted);
  const attached = attachedIn(draft, outside, clusters);
  const attachedTo = (segment: string): readonly Interface[] => attached.get(segment)?.interfaces ?? nothing;
  const interfacesWith = (segment: string, ip: Ip): readonly Interface[] =>
    byAddress(attachedTo(segment)).get(ip) ?? nothing;
  return { segments, ...byKind(outside), clusters, problems, attachedTo, interfacesWith };
}

const finishedSegments = query<Declared, ReadonlyMap<string, Segment>, [SegmentPlan["gateways"]]>(
  (read, before, gateways) => {
    const segments = read((draft) => draft.segments);
    const finished = [...segments].map(
      ([name, parts]) => [name, finishedSegment(parts, gateways.get(name) ?? nothing)] as const,
    );
    return sameMap(before, new Map(finished));
  },
);

/* ---------------------------------------------------------------- machines */

/** What each machine sees of the segments that it is attached to, in the order of its `attach` statements. */
const aroundOf = perItem<
  StationParts,
  readonly (Attached | undefined)[],
  [SegmentMap, ReadonlyMap<string, readonly Gateway[]>]
>(
  ({ attaches }, segments, gateways) =>
    attaches.map(({ segment }) => {
      const parts = segments.get(segment);
      return parts && attachedAt(parts, gateways.get(segment) ?? nothing);
    }),
  sameMembers,
);

const attachedAt = memo((segment: SegmentParts, gateways: readonly Gateway[]): Attached => ({ segment, gateways }));

type Addresses = readonly (readonly InterfaceAddress[] | undefined)[];

/** The allocated addresses of a machine's interfaces. */
function allocatedFor({ attaches }: StationParts, position: number, addresses: SegmentPlan["addresses"]): Addresses {
  return addresses.size === 0 ? nothing : attaches.map((attach) => addresses.get(attach)?.[position]);
}

function sameAddresses(a: Addresses, b: Addresses): boolean {
  return (
    a.length === b.length &&
    a.every((own, i) => {
      const other = b[i];
      return (
        own?.length === other?.length &&
        (own ?? []).every(({ ip, len }, j) => ip === other?.[j]?.ip && len === other[j].len)
      );
    })
  );
}

type Outside = Router | ExternalHost;

function outsideMachines(
  list: readonly StationParts[],
  segments: SegmentMap,
  gateways: SegmentPlan["gateways"],
  addresses: SegmentPlan["addresses"],
): readonly Outside[] {
  return outsideOf([list, aroundOf(list, segments, gateways), outsideAddresses(list, addresses)]);
}

const outsideAddresses = perItem<StationParts, Addresses, [SegmentPlan["addresses"]]>(
  (parts, addresses) => allocatedFor(parts, 0, addresses),
  sameAddresses,
);

const outsideOf = perRow<[StationParts, readonly (Attached | undefined)[], Addresses], Outside>(
  ([parts, around, addresses]) => {
    const { kind, name, routes, bgp } = parts;
    const ref = { kind, path: name } as const;
    const interfaces = buildInterfaces(parts, ref, 0, around, addresses);
    const base = stationBase(parts, name, name, interfaces);
    return kind === "router"
      ? { ...base, kind, routes, routeTables: parts.routeTables, ...(bgp ? { bgp } : {}) }
      : { ...base, kind: "host", routes: withDefaults(parts, interfaces, around) };
  },
);

const byKind = memo((outside: readonly Outside[]) => ({
  routers: outside.filter((one) => one.kind === "router"),
  hosts: outside.filter((one) => one.kind === "host"),
}));

function nodesOf(cluster: ClusterDraft, segments: SegmentMap, plan: SegmentPlan, ranges: NodeRanges): readonly Node[] {
  const slots = slotsOf(cluster.nodes);
  const list = partsOf(cluster.nodes, slots);
  const around = aroundOf(list, segments, plan.gateways);
  const addresses = nodeAddresses([list, slots.list], plan.addresses);
  return builtNodes([list, slots.list, around, addresses, ranges.perNode], cluster.name, cluster.dockerBridge);
}

const nodeAddresses = perRow<[StationParts, Slot], Addresses, [SegmentPlan["addresses"]]>(
  ([parts, { position }], _, addresses) => allocatedFor(parts, position, addresses),
  sameAddresses,
);

const builtNodes = perRow<
  [StationParts, Slot, readonly (Attached | undefined)[], Addresses, readonly NodeCidr[]],
  Node,
  [string, Node["dockerBridge"]]
>(([parts, { name, index, position }, around, addresses, podCidrs], _, cluster, dockerBridge) => {
  const path = `${cluster}/${name}`;
  const { acl, sysctls, processes, edge, overrides, firewall, policyRouting, labels, cni, source } = parts;
  const interfaces = buildInterfaces(parts, { kind: "node", path }, position, around, addresses);
  return {
    kind: "node",
    interfaces,
    routes: withDefaults(parts, interfaces, around),
    acl,
    sysctls,
    processes,
    edge: edge && edgeAt(edge, position),
    overrides,
    firewall,
    policyRouting,
    labels,
    cni,
    source,
    path,
    name,
    cluster,
    index,
    externalIps: countedUp(parts.externalIps, position),
    podCidrs,
    dockerBridge: parts.dockerBridge ?? dockerBridge,
  };
});

/* ---------------------------------------------------------------- attached */

const nodesBySegment = groups<Node, string>(({ interfaces }) => {
  const [first, ...others] = interfaces;
  if (first === undefined) return nothing;
  return others.length === 0 ? [first.segment] : [...new Set(interfaces.map(({ segment }) => segment))];
});

/** The interfaces on each segment, in order of declaration. */
function attachedIn(
  draft: Declared,
  outside: readonly Outside[],
  clusters: ReadonlyMap<string, ClusterMachines>,
): ReadonlyMap<string, OnSegment> {
  const nodes = draft.clusters.map(({ name }) => nodesBySegment(clusters.get(name)?.nodes ?? nothing));
  return attachedLists(draft, outside, ...nodes);
}

type Group = ReadonlyMap<string, readonly Node[]>;

interface OnSegment {
  /** An interface of a router or host, or the nodes of a cluster that are attached to the segment. */
  readonly parts: readonly (Interface | readonly Node[])[];
  readonly interfaces: readonly Interface[];
}

const kindsOf = perItem((one: StationParts | ClusterDraft) => ("nodes" in one ? "cluster" : "machine"));

const attachedLists = query<Declared, ReadonlyMap<string, OnSegment>, [readonly Outside[], ...Group[]]>(
  (read, before, outside, ...byCluster) => {
    const order = read(({ placed }) => kindsOf(placed));
    const found = new Map(
      [...read(({ segments }) => segments).keys()].map(
        (name) => [name, [] as (Interface | readonly Node[])[]] as const,
      ),
    );
    let [machine, cluster] = [0, 0];
    for (const kind of order) {
      if (kind === "machine") for (const iface of outside[machine++]!.interfaces) found.get(iface.segment)?.push(iface);
      else for (const [segment, nodes] of byCluster[cluster++]!) found.get(segment)?.push(nodes);
    }
    return new Map(
      [...found].map(([name, parts]) => {
        const old = before?.get(name);
        return [name, old && sameMembers(old.parts, parts) ? old : onSegment(name, parts, old?.interfaces)];
      }),
    );
  },
);

function onSegment(name: string, parts: OnSegment["parts"], before: readonly Interface[] | undefined): OnSegment {
  const interfaces: Interface[] = [];
  for (const part of parts) {
    if (!isNodes(part)) interfaces.push(part);
    else
      for (const node of part) for (const iface of node.interfaces) if (iface.segment === name) interfaces.push(iface);
  }
  return { parts, interfaces: succeedList(before, interfaces) };
}

function isNodes(part: Interface | readonly Node[]): part is readonly Node[] {
  return Array.isArray(part);
}

const byAddress = memo((interfaces: readonly Interface[]): ReadonlyMap<Ip, readonly Interface[]> => {
  const found = new Map<Ip, Interface[]>();
  for (const iface of interfaces) {
    for (const { ip } of iface.addresses) {
      const group = found.get(ip);
      if (group === undefined) found.set(ip, [iface]);
      else if (group.at(-1) !== iface) group.push(iface);
    }
  }
  return found;
});

/* ---------------------------------------------------------------- problems */

/** Whether the statement itself, or one of its names or addresses, has a problem. */
const faulty = perItem<StationParts, boolean, [SegmentMap, Declared["groups"]]>(
  (parts, segments, groups) =>
    parts.problems.length > 0 ||
    parts.routeTables.length > 0 ||
    groupsOf(parts).some(({ name }) => !groups.has(name)) ||
    parts.attaches.some((attach) => {
      const segment = segments.get(attach.segment);
      return segment === undefined || !isInside(segment, attach, countOf(parts));
    }) ||
    interfaceNames(parts).some((named) => !isInterface(parts, named, segments)),
);

/** A NAT rule, an access list, or a routing rule can name an interface by its segment, all but the first also by its device. */
interface NamedInterface extends InterfaceName {
  readonly orDevice: boolean;
}

function interfaceNames({ edge, acl, policyRouting }: StationParts): readonly NamedInterface[] {
  if (!edge && acl.length === 0 && !policyRouting) return nothing;
  const devices = [
    ...acl.flatMap((rule) => [rule.in, rule.out]),
    ...(policyRouting?.rules ?? nothing).map(({ iif }) => iif),
  ];
  return [
    ...(edge?.nat ?? nothing).flatMap(({ segment }) => (segment ? [{ ...segment, orDevice: false }] : [])),
    ...devices.flatMap((named) => (named ? [{ ...named, orDevice: true }] : [])),
  ];
}

/** Devices of a CNI plugin are not known here. */
function isInterface(
  { kind, attaches }: StationParts,
  { name, orDevice }: NamedInterface,
  segments: SegmentMap,
): boolean {
  if (attaches.some(({ segment }) => segment === name)) return true;
  if (!orDevice || segments.has(name)) return false;
  return name === "lo" || attaches.some(({ device }) => device === name) || (kind === "node" && !/^eth\d+$/.test(name));
}

const trueAt = memo((flags: readonly boolean[]) => flags.flatMap((flag, index) => (flag ? [index] : [])));

function groupsOf({ groups, attaches }: StationParts): readonly NamedPlace[] {
  return attaches.every((attach) => attach.groups.length === 0)
    ? groups
    : [...groups, ...attaches.flatMap((attach) => attach.groups)];
}

/** In order of declaration. */
function faultsOf({ placed, outside, segments, groups }: Declared): readonly TopologyProblem[] {
  const names = nameProblems(segments, routerNames(outside));
  const problems: TopologyProblem[] = [...segments.values()].flatMap((segment) => segment.problems);
  const wrong = new Set(trueAt(faulty(outside, segments, groups)).map((index) => outside[index]!));
  const note = (parts: StationParts, path: string): void => {
    problems.push(...parts.problems, ...unknownGroups(groupsOf(parts)), ...tableProblems(parts, names, segments));
    for (const attach of parts.attaches) problems.push(...attachProblems(attach, countOf(parts)));
    for (const named of interfaceNames(parts)) {
      const { name, source } = named;
      if (isInterface(parts, named, segments)) continue;
      if (segments.has(name))
        problems.push(problem(CODES.natSegment, source, { station: { kind: parts.kind, path }, segment: name }));
      else problems.push(names.unknown(name, "segment", source));
    }
  };
  const unknownGroups = (list: readonly NamedPlace[]): readonly TopologyProblem[] =>
    list.flatMap(({ name, source }) =>
      groups.has(name) ? [] : names.unknown(name, "security-group", source, groups.keys()),
    );
  const attachProblems = (attach: Attach, count: number): readonly TopologyProblem[] => {
    const segment = segments.get(attach.segment);
    return segment === undefined
      ? [names.unknownSegment(attach.segment, attach.addresses, attach.segmentSource)]
      : outsideProblems(segment, attach, count);
  };
  for (const { rules } of groups.values())
    for (const { fromGroups, toGroups } of rules) problems.push(...unknownGroups([...fromGroups, ...toGroups]));
  for (const one of placed) {
    if (!("nodes" in one)) {
      if (wrong.has(one)) note(one, one.name);
      continue;
    }
    for (const index of trueAt(faulty(one.nodes, segments, groups))) {
      const parts = one.nodes[index]!;
      note(parts, `${one.name}/${parts.name}`);
    }
  }
  return distinctProblems(problems);
}

/** A statement in `defaults` is read for each node, but its problem is reported once. */
function distinctProblems(problems: readonly TopologyProblem[]): readonly TopologyProblem[] {
  const seen = new Map<unknown, Set<string>>();
  return problems.filter(({ code, source: { decl, part } }) => {
    const places = valueAt(seen, decl.handle, () => new Set<string>());
    const place = `${code} ${part}`;
    return !places.has(place) && places.add(place);
  });
}

/** Segments of route tables that the router is not attached to, or that an earlier table already has. */
function tableProblems(
  { name, attaches, routeTables }: StationParts,
  names: NameProblems,
  segments: SegmentMap,
): readonly TopologyProblem[] {
  const first = new Map<string, string>();
  return routeTables.flatMap((table) =>
    table.segments.flatMap(({ name: segment, source }): readonly TopologyProblem[] => {
      if (!segments.has(segment)) return [names.unknown(segment, "segment", source)];
      const other = first.get(segment);
      if (other === undefined) first.set(segment, table.name);
      if (!attaches.some((attach) => attach.segment === segment))
        return [problem(CODES.routeTableSegment, source, { router: name, segment, other: undefined })];
      return other === undefined ? [] : [problem(CODES.routeTableSegment, source, { router: name, segment, other })];
    }),
  );
}

function twiceProblems(cluster: ClusterDraft, nodes: readonly Node[]): readonly TopologyProblem[] {
  const { twice, indexes } = slotsOf(cluster.nodes);
  return twice.map(({ statement, name }) => {
    const parts = cluster.nodes[statement]!;
    const first = nodes[indexes.get(name) ?? -1]?.source ?? parts.source;
    return nameTwice("node", name, { kind: "cluster", name: cluster.name }, parts.nameSource, first);
  });
}
