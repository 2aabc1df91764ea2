/**
 * The ranges of the nodes' pods: configured, or blocks of the cluster's ranges in order of declaration. Nodes of plugins that
 * claim blocks or addresses get them only after the pods have been placed.
 */
import { type Blocks, blocksOf, freeBlockCount, kthFreeBlock } from "../addressing/allocation.ts";
import {
  addIp,
  type Family,
  family,
  formatPrefix,
  type IpRange,
  lastAddress,
  type Prefix,
  prefixCovers,
  prefixEquals,
  prefixOf,
  prefixRange,
  prefixSize,
} from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import { perItem } from "../memo/list.ts";
import { query } from "../memo/query.ts";
import { t } from "../text/l10n.ts";
import type { AddressingOf, Claims, ModeAddressing, NodeRange } from "./addressing.ts";
import { type Addressings, addressingsOf } from "./addressings.ts";
import type { SegmentPlan } from "./allocation.ts";
import { type Claimant, claimer } from "./claims.ts";
import type { ClusterDraft } from "./cluster.ts";
import type { CniSettings, NodeCidr } from "./model.ts";
import { fillInterfaces, type InterfaceUser } from "./pod-blocks.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import { partsOf, type Slots, slotsOf } from "./slots.ts";
import { countOf, nothing, type StationParts } from "./station.ts";

export interface NodeRanges {
  /** By node. */
  readonly perNode: readonly (readonly NodeCidr[])[];
  readonly problems: readonly TopologyProblem[];
  /** Nodes claim what their pods need: extends the lists. Absent if no node does. */
  readonly complete?: (claimants: readonly Claimant[]) => void;
}

/** Whether the cluster's nodes claim blocks or addresses after the pods have been placed. */
export function claimsLater(cluster: ClusterDraft, addressingOf: AddressingOf): boolean {
  const addressings = addressingsOf(cluster, addressingOf);
  if (addressings.cluster.claims !== undefined || usesInterfaces(addressings.cluster)) return true;
  return ownSettings(cluster.nodes).some((own) => own !== undefined && usesInterfaces(addressings.of(own)));
}

const ownSettings = perItem(({ cni }: StationParts) => cni);

function usesInterfaces({ fromSegment }: ModeAddressing): boolean {
  return fromSegment?.kind === "interfaces";
}

/** For clusters whose nodes claim nothing later. */
export const allocatedRanges = query<ClusterDraft, NodeRanges, [SegmentPlan["blocks"], AddressingOf]>(
  (read, before, blocks, addressingOf) => {
    const cluster = {
      name: read(({ name }) => name),
      cni: read(({ cni }) => cni),
      podCidrs: read(({ podCidrs }) => podCidrs),
      serviceCidrs: read(({ serviceCidrs }) => serviceCidrs),
      maxPods: read(({ maxPods }) => maxPods),
      dockerBridge: read(({ dockerBridge }) => dockerBridge),
    };
    const slots = read(({ nodes }) => slotsOf(nodes));
    const wishes = read(({ nodes }) => wishesOf(nodes));
    const allocator = rangeAllocator(cluster, wishes, addressingsOf(cluster, addressingOf));
    const own = blocks.get(cluster.name);
    const perNode = slots.list.map(({ name, index }) => {
      const wish = wishes[slots.statements[index]!]!;
      const cidrs = allocator.next(wish, `${cluster.name}/${name}`, own?.[index]);
      const old = before?.perNode[index];
      return old !== undefined && hasSameCidrs(old, cidrs) ? old : cidrs;
    });
    return { perNode, problems: allocator.problems() };
  },
);

/** For clusters with nodes that claim blocks or addresses later: nothing is used again in the next build. */
export function claimedRanges(cluster: ClusterDraft, plan: SegmentPlan, addressingOf: AddressingOf): NodeRanges {
  const addressings = addressingsOf(cluster, addressingOf);
  const slots = slotsOf(cluster.nodes);
  const { claims } = addressings.cluster;
  if (claims !== undefined) return claimedBlocks(cluster, slots, addressings, claims);
  const list = partsOf(cluster.nodes, slots);
  const allocator = rangeAllocator(cluster, cluster.nodes, addressings);
  const users: InterfaceUser[] = [];
  const perNode = slots.list.map(({ name, index }): readonly NodeCidr[] => {
    const parts = list[index]!;
    const share = addressings.of(parts.cni).fromSegment;
    const attach = parts.attaches.find(({ segment }) => plan.drafts.has(segment));
    const segment = plan.drafts.get(attach?.segment ?? "");
    if (share?.kind !== "interfaces" || parts.podCidrs.length > 0 || segment === undefined) {
      return allocator.next(parts, `${cluster.name}/${name}`, plan.blocks.get(cluster.name)?.[index]);
    }
    const own: NodeCidr[] = [];
    users.push({ list: own, share, segment, source: (parts.cni ?? cluster.cni).source });
    return own;
  });
  return {
    perNode,
    problems: allocator.problems(),
    complete: (claimants) => {
      if (users.length > 0) fillInterfaces(users, claimants);
    },
  };
}

/* ------------------------------------------------------------------ wishes */

/** What a node's statement says about its ranges. */
type Wish = Pick<StationParts, "podCidrs" | "cni" | "dockerBridge">;

const wishesOf = perItem<StationParts, Wish>(
  ({ podCidrs, cni, dockerBridge }) => ({ podCidrs, cni, dockerBridge }),
  (a, b) =>
    hasSameCidrs(a.podCidrs, b.podCidrs) &&
    isSameDecl(a.cni?.source, b.cni?.source) &&
    isSameDecl(a.dockerBridge?.source, b.dockerBridge?.source),
);

/** Which ranges are allocated, and which argument states one, follows from the declaration. */
function hasSameCidrs(a: readonly NodeCidr[], b: readonly NodeCidr[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ prefix, source }, i) => prefixEquals(prefix, b[i]!.prefix) && isSameDecl(source, b[i]!.source))
  );
}

/** A declaration with the same handle has not changed. */
function isSameDecl(a: Origin | undefined, b: Origin | undefined): boolean {
  return a?.decl.handle === b?.decl.handle;
}

/* -------------------------------------------------------------- allocation */

type RangeSource = Pick<ClusterDraft, "name" | "cni" | "podCidrs" | "serviceCidrs" | "maxPods" | "dockerBridge">;

interface Pool {
  readonly family: Family;
  readonly range: NodeRange;
  /** Created for the first node that needs one. */
  blocks: Blocks | undefined;
  readonly source: Origin;
  taken: number;
}

interface Shortage {
  readonly node: string;
  count: number;
}

/** Allocates each node's ranges, in order of declaration. */
interface RangeAllocator {
  /** `block`: the part of the node's segment for its pods. */
  next(wish: Wish, path: string, block: Prefix | undefined): readonly NodeCidr[];
  /** Problems, after all nodes have their ranges. */
  problems(): readonly TopologyProblem[];
}

/** `wishes`: one per statement. */
function rangeAllocator(cluster: RangeSource, wishes: readonly Wish[], addressings: Addressings): RangeAllocator {
  const problems: TopologyProblem[] = [];
  const pools = poolsOf(cluster, wishes, addressings.cluster);
  const families = [...new Set(pools.list.map((pool) => pool.family))];
  const same = commonRanges(cluster, cluster.cni, undefined, addressings.cluster);
  /** Undefined if nodes do not all have the same range. */
  const sameRanges = (wish: Wish): readonly NodeCidr[] | undefined => {
    const { cni, dockerBridge, podCidrs } = wish;
    if (cni !== undefined && cni.plugin !== cluster.cni.plugin) {
      const ranges = commonRanges(cluster, cni, wish, addressings.of(cni));
      return ranges.length > 0 ? ranges : undefined;
    }
    if (same.length === 0) return undefined;
    const isPlain = dockerBridge === undefined && podCidrs.length === 0;
    return isPlain ? same : commonRanges(cluster, cluster.cni, wish, addressings.cluster);
  };
  return {
    next: (wish, path, block) => {
      const { cni, podCidrs: stated } = wish;
      const share = addressings.of(cni).fromSegment;
      if (share !== undefined) {
        const source = (cni ?? cluster.cni).source;
        return stated.length > 0 || block === undefined ? stated : [{ prefix: block, allocated: true, source }];
      }
      const ranges = sameRanges(wish);
      if (ranges !== undefined) return ranges;
      for (const cidr of stated) checkInside(cluster, cidr, path, problems);
      let cidrs: readonly NodeCidr[] = stated;
      for (const of of families) {
        if (stated.length > 0 && stated.some(({ prefix }) => family(prefix.ip) === of)) continue;
        const cidr = pools.next(of, path);
        if (cidr !== undefined) cidrs = [...cidrs, cidr];
      }
      return cidrs;
    },
    problems: () => [...problems, ...shortageProblems(cluster, pools.list, pools.shortages)],
  };
}

/** The ranges that blocks are allocated from. */
function poolsOf(
  cluster: RangeSource,
  wishes: readonly Wish[],
  { nodeRanges }: ModeAddressing,
): {
  readonly list: readonly Pool[];
  readonly shortages: ReadonlyMap<Family, Shortage>;
  next(of: Family, path: string): NodeCidr | undefined;
} {
  const list = nodeRanges
    .filter((range) => !range.sameForAll)
    .map(
      (range): Pool => ({
        family: family(range.within.ip),
        range,
        blocks: undefined,
        source: sourceOfRange(cluster, range.within),
        taken: 0,
      }),
    );
  const shortages = new Map<Family, Shortage>();
  const blocksIn = (range: NodeRange): Blocks => {
    const reserved = unusableParts(range, cluster.serviceCidrs);
    for (const { podCidrs } of wishes) for (const { prefix } of podCidrs) reserved.push(prefixRange(prefix));
    return blocksOf(range.within, range.perNode, reserved);
  };
  return {
    list,
    shortages,
    next: (of, path) => {
      for (const pool of list) {
        if (pool.family !== of) continue;
        pool.blocks ??= blocksIn(pool.range);
        const prefix = kthFreeBlock(pool.blocks, pool.taken);
        if (prefix === undefined) continue;
        pool.taken++;
        return { prefix, allocated: true, source: pool.source };
      }
      const shortage = shortages.get(of);
      if (shortage === undefined) shortages.set(of, { node: path, count: 1 });
      else shortage.count++;
      return undefined;
    },
  };
}

/** The mode itself reports missing blocks. */
function claimedBlocks(
  cluster: ClusterDraft,
  slots: Slots,
  { cluster: addressing }: Addressings,
  claims: Claims,
): NodeRanges {
  const given = (parts: StationParts, position: number): readonly NodeCidr[] =>
    parts.cni === undefined ? [] : claims.given(parts.cni).map((cidr) => shifted(cidr, position));
  const named = cluster.nodes.flatMap((parts) =>
    parts.cni === undefined ? [] : Array.from({ length: countOf(parts) }, (_, i) => given(parts, i)).flat(),
  );
  const blocks = claimer(
    addressing.nodeRanges,
    claims,
    (range) => range.source ?? sourceOfRange(cluster, range.within),
    (range) => {
      const reserved = outsideOf(range);
      for (const { prefix } of named) reserved.push(prefixRange(prefix));
      return blocksOf(range.within, range.perNode, reserved);
    },
  );
  const list = partsOf(cluster.nodes, slots);
  const perNode = slots.list.map(({ index, position }) => {
    const parts = list[index]!;
    const foreign = parts.cni !== undefined && parts.cni.plugin !== cluster.cni.plugin;
    return blocks.first(foreign ? undefined : given(parts, position), parts.labels, foreign);
  });
  return { perNode, problems: nothing, complete: (claimants) => blocks.complete(claimants) };
}

/** In a pool of nodes, the first node has the given block, the following nodes the following blocks. */
function shifted(cidr: NodeCidr, position: number): NodeCidr {
  const { prefix } = cidr;
  const size = prefixSize(prefix);
  const ip =
    typeof prefix.ip === "number" ? prefix.ip + Number(size) * position : prefix.ip + BigInt(size) * BigInt(position);
  return position === 0 ? cidr : { ...cidr, prefix: { ip, len: prefix.len } };
}

function shortageProblems(
  cluster: RangeSource,
  pools: readonly Pool[],
  shortages: ReadonlyMap<Family, Shortage>,
): readonly TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  for (const pool of pools) {
    const shortage = shortages.get(pool.family);
    if (shortage === undefined || pools.find((first) => first.family === pool.family) !== pool) continue;
    const { within, perNode } = pool.range;
    const data = {
      cluster: cluster.name,
      count: shortage.count,
      node: shortage.node,
      cidr: within,
      perNode,
      blocks: pool.taken,
      ...unusableBlocks(cluster, pool.range),
    };
    problems.push(problem(CODES.noPodCidrLeft, pool.source, data));
  }
  return problems;
}

/** The number of a range's blocks, and of those that overlap the service CIDR and are skipped for this reason. */
function unusableBlocks(
  { serviceCidrs }: RangeSource,
  range: NodeRange,
): { readonly total: number; readonly services: number } {
  const { within, perNode } = range;
  const total = freeBlockCount(blocksOf(within, perNode, outsideOf(range)));
  const left = freeBlockCount(blocksOf(within, perNode, unusableParts(range, serviceCidrs)));
  return { total: Number(total), services: Number(total) - Number(left) };
}

/**
 * If every node has the same range: the range of the node's or the cluster's Docker bridge, the node's `pod-cidr`, or
 * the mode's range.
 */
function commonRanges(
  cluster: RangeSource,
  cni: CniSettings,
  parts: Wish | undefined,
  addressing: ModeAddressing,
): readonly NodeCidr[] {
  return addressing.nodeRanges.flatMap(({ sameForAll: same, within }): readonly NodeCidr[] => {
    if (!same) return [];
    const own = parts?.podCidrs.find(({ prefix }) => family(prefix.ip) === family(within.ip));
    for (const bridge of [parts?.dockerBridge, cluster.dockerBridge, own]) {
      if (bridge === undefined) continue;
      const prefix = "prefix" in bridge ? bridge.prefix : prefixOf(bridge.address.ip, bridge.address.len);
      if (family(prefix.ip) === family(within.ip)) return [{ prefix, allocated: false, source: bridge.source }];
    }
    return [{ prefix: within, allocated: true, source: cni.source }];
  });
}

/** The parts of the prefix before the first and after the last allocated block. */
function outsideOf({ within, perNode, first, last }: NodeRange): IpRange[] {
  const ranges: IpRange[] = [];
  const before = addIp(first, -1);
  if (before !== undefined && first > within.ip) ranges.push({ first: within.ip, last: before });
  const after = addIp(lastAddress({ ip: last, len: perNode }), 1);
  const end = lastAddress(within);
  if (after !== undefined && after <= end) ranges.push({ first: after, last: end });
  return ranges;
}

/** The parts of the range that no node is assigned: outside its allocated blocks, and the service CIDRs. */
export function unusableParts(range: NodeRange, serviceCidrs: RangeSource["serviceCidrs"]): IpRange[] {
  const parts = outsideOf(range);
  if (range.avoidsServices !== false) for (const { prefix } of serviceCidrs) parts.push(prefixRange(prefix));
  return parts;
}

function sourceOfRange(cluster: RangeSource, within: Prefix): Origin {
  const pods = cluster.podCidrs.find(({ prefix }) => prefixCovers(prefix, within));
  return pods?.source ?? cluster.cni.source;
}

/** A configured range must be within one of the cluster's ranges of its family, if there are any. */
function checkInside(cluster: RangeSource, cidr: NodeCidr, path: string, problems: TopologyProblem[]): void {
  const { prefix, source } = cidr;
  let same = 0;
  for (const pods of cluster.podCidrs) {
    if (family(pods.prefix.ip) !== family(prefix.ip)) continue;
    if (prefixCovers(pods.prefix, prefix)) return;
    same++;
  }
  if (same === 0) return;
  const ranges = cluster.podCidrs.filter((pods) => family(pods.prefix.ip) === family(prefix.ip));
  const data = {
    node: path,
    cidr: formatPrefix(prefix),
    pods: ranges.map((pods) => formatPrefix(pods.prefix)).join(", "),
  };
  const related = ranges.map((pods) => ({
    source: pods.source,
    message: t`pod CIDR ${formatPrefix(pods.prefix)} of the cluster`,
  }));
  problems.push(problem(CODES.podCidrOutsideCluster, source, data, related));
}
