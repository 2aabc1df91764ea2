/**
 * The segments' phase: gateways, and the addresses of machines without configured ones. Addresses of a segment depend
 * only on the machines that are attached to it, in order of declaration.
 */
import type { InterfaceAddress, Prefix } from "../addressing/ip.ts";
import { perItem } from "../memo/list.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { query } from "../memo/query.ts";
import { sameMap, sameMembers, sameRecord } from "../memo/same.ts";
import type { AddressingOf } from "./addressing.ts";
import { type Addressings, addressingsOf } from "./addressings.ts";
import type { Declared } from "./bind.ts";
import type { ClusterDraft } from "./cluster.ts";
import { nameProblems, routerNames } from "./nearby.ts";
import { takeBlock } from "./pod-blocks.ts";
import type { TopologyProblem } from "./problems.ts";
import {
  type Assigned,
  allocate,
  chooseGateways,
  draftOf,
  exhaustionProblems,
  type Gateway,
  noteAttach,
  type SegmentDraft,
  type SegmentParts,
} from "./segments.ts";
import { partsOf, slotsOf } from "./slots.ts";
import { type Attach, countOf, nothing, type StationParts } from "./station.ts";

export interface SegmentPlan {
  /** By the segment's name. */
  readonly gateways: ReadonlyMap<string, readonly Gateway[]>;
  /** For an `attach` without addresses: the allocated addresses, by index in the pool. */
  readonly addresses: ReadonlyMap<Attach, readonly (readonly InterfaceAddress[])[]>;
  /** Parts of segments for the pods of nodes, by the name of the cluster and the index of the node. */
  readonly blocks: ReadonlyMap<string, readonly (Prefix | undefined)[]>;
  /** Wrong gateways, and, reported after all machines, segments without a free address. */
  readonly problems: readonly TopologyProblem[];
  readonly exhausted: readonly TopologyProblem[];
  /** The state of the allocation: plugins that use the nodes' interfaces continue it after the pods have been placed. */
  readonly drafts: ReadonlyMap<string, SegmentDraft>;
}

const NO_ADDRESSES: SegmentPlan["addresses"] = new Map();
const NO_BLOCKS: SegmentPlan["blocks"] = new Map();

export const segmentPlan = query<Declared, SegmentPlan, [AddressingOf]>((read, before, addressingOf) => {
  const segments = read((draft) => draft.segments);
  const outside = read((draft) => draft.outside);
  const drafts = new Map([...segments].map(([name, parts]) => [name, draftOf(parts)] as const));
  const wanting = new Set([
    ...outside.flatMap((parts) => wantedBy(parts, segments, undefined)),
    ...read(({ clusters }) => clusters.map((cluster) => wantedIn(cluster, segments, addressingOf)), sameMembers).flat(),
  ]);
  // The nodes on other segments do not affect the plan.
  const placed: readonly Placed[] = wanting.size === 0 ? outside : read(({ placed: all }) => placedAll(all));
  for (const one of placed) {
    if (!("nodes" in one)) note(one, drafts);
    else for (const parts of one.nodes) note(parts, drafts);
  }
  const names = nameProblems(segments, routerNames(outside));
  const problems: TopologyProblem[] = [];
  const assigned: Assigned = new Map();
  for (const draft of drafts.values()) chooseGateways(draft, assigned, names, problems);
  const { addresses, blocks } = allocateAll(placed, drafts, assigned, addressingOf);
  const gateways = new Map(
    [...drafts].map(([name, draft]) => [name, sameGateways(before?.gateways.get(name), draft.gateways)] as const),
  );
  return {
    gateways: sameMap(before?.gateways, gateways),
    addresses: addresses.size === 0 ? NO_ADDRESSES : addresses,
    blocks: blocks.size === 0 ? NO_BLOCKS : blocks,
    problems,
    exhausted: [...drafts.values()].flatMap(exhaustionProblems),
    drafts,
  };
});

/** The nodes of a cluster, and what decides whether their segments have blocks for their pods. */
type ClusterNodes = Pick<ClusterDraft, "name" | "nodes" | "cni" | "podCidrs" | "maxPods">;

type Placed = StationParts | ClusterNodes;

function placedOf(one: StationParts | ClusterDraft): Placed {
  if (!("nodes" in one)) return one;
  const { name, nodes, cni, podCidrs, maxPods } = one;
  return { name, nodes, cni, podCidrs, maxPods };
}

const placedAll = perItem(placedOf, sameRecord);

function note(parts: StationParts, drafts: ReadonlyMap<string, SegmentDraft>): void {
  for (const attach of parts.attaches) {
    const draft = drafts.get(attach.segment);
    if (draft !== undefined) noteAttach(draft, parts, attach, countOf(parts));
  }
}

/* ---------------------------------------------------------------- requests */

/** Segments that must allocate something for the machine. */
function wantedBy(
  { attaches, podCidrs, cni }: StationParts,
  segments: ReadonlyMap<string, SegmentParts>,
  addressings: Addressings | undefined,
): readonly string[] {
  const wanted: string[] = [];
  for (const { segment, addresses } of attaches)
    if (addresses.length === 0 && segments.has(segment)) wanted.push(segment);
  const first = attaches.find(({ segment }) => segments.has(segment));
  const share = podCidrs.length === 0 && first !== undefined ? addressings?.of(cni).fromSegment : undefined;
  if (share !== undefined && first !== undefined) wanted.push(first.segment);
  return wanted.length === 0 ? nothing : wanted;
}

const wantedByNodes = perItem<StationParts, readonly string[], [ReadonlyMap<string, SegmentParts>, Addressings]>(
  wantedBy,
  sameMembers,
);
const distinct = memo((lists: readonly (readonly string[])[]): readonly string[] => [...new Set(lists.flat())]);

function wantedIn(
  cluster: ClusterDraft,
  segments: ReadonlyMap<string, SegmentParts>,
  addressingOf: AddressingOf,
): readonly string[] {
  return distinct(wantedByNodes(cluster.nodes, segments, addressingsOf(cluster, addressingOf)));
}

/* -------------------------------------------------------------- allocation */

/** In order of declaration: a machine's addresses, then the part of its first segment for its pods. */
function allocateAll(
  placed: readonly Placed[],
  drafts: ReadonlyMap<string, SegmentDraft>,
  assigned: Assigned,
  addressingOf: AddressingOf,
): Pick<SegmentPlan, "addresses" | "blocks"> {
  const addresses = new Map<Attach, (readonly InterfaceAddress[])[]>();
  const blocks = new Map<string, (Prefix | undefined)[]>();
  const allocateFor = (parts: StationParts, path: string, position: number): void => {
    for (const attach of parts.attaches) {
      const draft = drafts.get(attach.segment);
      if (attach.addresses.length > 0 || draft === undefined) continue;
      const own = addresses.get(attach) ?? [];
      own[position] = assigned.get(attach) ?? allocate(draft, path, attach.source);
      addresses.set(attach, own);
    }
  };
  for (const one of placed) {
    if (!("nodes" in one)) {
      allocateFor(one, one.name, 0);
      continue;
    }
    const addressings = addressingsOf(one, addressingOf);
    const slots = slotsOf(one.nodes);
    const list = partsOf(one.nodes, slots);
    for (const { name, index, position } of slots.list) {
      const parts = list[index]!;
      allocateFor(parts, `${one.name}/${name}`, position);
      const share = parts.podCidrs.length === 0 ? addressings.of(parts.cni).fromSegment : undefined;
      const segment = parts.attaches.find((attach) => drafts.has(attach.segment))?.segment;
      const draft = drafts.get(segment ?? "");
      if (share?.kind !== "block" || draft === undefined) continue;
      valueAt(blocks, one.name, (): (Prefix | undefined)[] => [])[index] = takeBlock(draft, share);
    }
  }
  return { addresses, blocks };
}

function sameGateways(before: readonly Gateway[] | undefined, gateways: readonly Gateway[]): readonly Gateway[] {
  const isSame =
    before?.length === gateways.length &&
    before.every(({ ip, source }, i) => {
      const other = gateways[i];
      return ip === other?.ip && source.decl.handle === other.source.decl.handle && source.part === other.source.part;
    });
  return isSame ? before : gateways;
}
