/**
 * Nodes that claim blocks as their pods need them, as in Calico's IPAM (libcalico-go/lib/ipam): each node gets a first
 * block in order of declaration, then nodes with more pods get further blocks, and if no block is left, single
 * addresses of other nodes' blocks. The real program claims in the order in which pods start, and starts at a position
 * derived from the node's name; in knet, a file always results in the same blocks.
 */
import { type Blocks, kthFreeBlock } from "../addressing/allocation.ts";
import {
  addIp,
  bits,
  type Family,
  family,
  hostPrefix,
  type Ip,
  lastAddress,
  type Prefix,
  prefixContains,
  prefixSize,
} from "../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../addressing/prefix-table.ts";
import type { Origin } from "../declared/origin.ts";
import type { Claims, NodeRange } from "./addressing.ts";
import type { Node, NodeCidr } from "./model.ts";

/** A node's requirements for its pods. */
export interface Claimant {
  readonly node: Node;
  /** Number of pods that need an address, and the configured addresses of the node's pods. */
  readonly wanted: number;
  readonly given: readonly Ip[];
}

export interface Claimer {
  /** The blocks that a node starts with; `complete` extends the list. A node of a different plugin gets none. */
  first(
    given: readonly NodeCidr[] | undefined,
    labels: ReadonlyMap<string, string>,
    foreign: boolean,
  ): readonly NodeCidr[];
  /** Called after the pods have been placed. */
  complete(claimants: readonly Claimant[]): void;
}

interface Pool {
  readonly family: Family;
  readonly range: NodeRange;
  readonly source: Origin;
  blocks: Blocks | undefined;
  taken: number;
}

type Lists = { -readonly [K in keyof NodeCidr]: NodeCidr[K] }[];

export function claimer(
  ranges: readonly NodeRange[],
  claims: Claims,
  sourceOf: (range: NodeRange) => Origin,
  blocksIn: (range: NodeRange) => Blocks,
): Claimer {
  const pools = ranges.map(
    (range): Pool => ({
      family: family(range.within.ip),
      range,
      source: sourceOf(range),
      blocks: undefined,
      taken: 0,
    }),
  );
  const state: Claiming = { pools, claims, blocksIn, lists: [], tunnels: [] };
  return {
    first: (given, labels, foreign) => {
      const list: Lists = (given ?? []).map((cidr) => ({ ...cidr }));
      for (const of of foreign ? [] : familiesOf(state)) claimFirst(state, list, of, labels);
      state.lists.push(list);
      return list;
    },
    complete: (claimants) => complete(state, claimants),
  };
}

/** The pools, and the nodes that have claimed from them so far. */
interface Claiming {
  readonly pools: readonly Pool[];
  readonly claims: Claims;
  readonly blocksIn: (range: NodeRange) => Blocks;
  /** By node. */
  readonly lists: Lists[];
  /** Tunnels without a block: they need an address of another node's block, from one of these pools. */
  readonly tunnels: { readonly list: Lists; readonly from: readonly Pool[] }[];
}

function familiesOf({ pools }: Claiming): readonly Family[] {
  return [...new Set(pools.map((pool) => pool.family))];
}

/** Claims the next block of a pool of the family; `wanted`: of which pools. */
function claim(
  { pools, claims, blocksIn }: Claiming,
  list: Lists,
  of: Family,
  labels: ReadonlyMap<string, string>,
  wanted: (range: NodeRange) => boolean = () => true,
): Lists[number] | undefined {
  if (list.filter(({ prefix }) => family(prefix.ip) === of).length >= claims.most) return undefined;
  for (const pool of pools) {
    if (pool.family !== of || !wanted(pool.range) || !isFor(pool, labels)) continue;
    pool.blocks ??= blocksIn(pool.range);
    const prefix = kthFreeBlock(pool.blocks, pool.taken);
    if (prefix === undefined) continue;
    pool.taken++;
    const claimed: Lists[number] = { prefix, allocated: true, source: pool.source };
    list.push(claimed);
    return claimed;
  }
  return undefined;
}

/** A block for each kind of tunnel, and one for pods. */
function claimFirst(state: Claiming, list: Lists, of: Family, labels: ReadonlyMap<string, string>): void {
  const { pools, claims, tunnels } = state;
  for (const kind of claims.own) {
    const from = pools.filter((pool) => pool.family === of && kind(pool.range) && isFor(pool, labels));
    if (from.length === 0) continue;
    const block =
      list.find(({ prefix }) =>
        pools.some((pool) => pool.family === of && kind(pool.range) && prefixContains(pool.range.within, prefix.ip)),
      ) ?? claim(state, list, of, labels, kind);
    if (block !== undefined) block.own = (block.own ?? 0) + 1;
    else tunnels.push({ list, from });
  }
  if (!list.some(({ prefix }) => family(prefix.ip) === of)) claim(state, list, of, labels);
}

function complete(state: Claiming, claimants: readonly Claimant[]): void {
  const { pools, claims, lists, tunnels } = state;
  const families = familiesOf(state);
  const short: { readonly list: Lists; readonly from: readonly Pool[]; readonly missing: number }[] = [];
  const given = buildPrefixTable(claimants.flatMap(({ given: own }) => own.map((ip) => [hostPrefix(ip), ip] as const)));
  for (const { node, wanted, given: own } of claimants) {
    const list = lists[node.index];
    if (list === undefined) continue;
    for (const ip of own) {
      const inside = list.some(({ prefix }) => prefixContains(prefix, ip));
      const pool = pools.find(({ range }) => prefixContains(range.within, ip));
      if (!inside && pool) list.push(single(ip, pool, false));
    }
    for (const of of families) {
      let missing = wanted - roomIn(list, of, given);
      while (missing > 0) {
        const block = claim(state, list, of, node.labels);
        if (block === undefined) break;
        missing -= roomIn([block], of, given);
      }
      const from = pools.filter((pool) => pool.family === of && isFor(pool, node.labels));
      if (missing > 0) short.push({ list, from, missing });
    }
  }
  if (short.length + tunnels.length === 0 || !claims.borrows) return;
  const spare = families.map((of) => [of, spareAddresses(claimants, lists, of, given)] as const);
  const lend = lender(pools, new Map(spare));
  // calico-node allocates the addresses of its tunnels before a pod starts.
  for (const { list, from } of tunnels) {
    const lent = lend(from);
    if (lent) list.push({ ...lent, own: 1 });
  }
  for (const { list, from, missing } of short) {
    for (let i = 0; i < missing; i++) {
      const lent = lend(from);
      if (!lent) break;
      list.push(lent);
    }
  }
}

/** Whether the pool selects nodes with these labels. */
function isFor({ range }: Pool, labels: ReadonlyMap<string, string>): boolean {
  return range.selects?.(labels) !== false;
}

/** An address outside the node's blocks. */
function single(ip: Ip, { source }: Pool, allocated: boolean): NodeCidr {
  return { prefix: hostPrefix(ip), allocated, borrowed: true, source };
}

/**
 * Takes one spare address at a time from any of the given pools, all of one family. Spare addresses of other pools are
 * kept for the next borrower.
 */
function lender(
  pools: readonly Pool[],
  spare: ReadonlyMap<Family, Iterator<Ip, undefined>>,
): (from: readonly Pool[]) => NodeCidr | undefined {
  const left = new Map<Pool, Ip[]>(pools.map((pool) => [pool, []]));
  return (from) => {
    for (const pool of from) {
      const ip = left.get(pool)?.shift();
      if (ip !== undefined) return single(ip, pool, true);
    }
    const addresses = from[0] && spare.get(from[0].family);
    for (let next = addresses?.next(); next !== undefined && next.done !== true; next = addresses?.next()) {
      const ip = next.value;
      const pool = pools.find(({ range }) => prefixContains(range.within, ip));
      if (pool === undefined) continue;
      if (from.includes(pool)) return single(ip, pool, true);
      left.get(pool)?.push(ip);
    }
    return undefined;
  };
}

/** Addresses in a list for pods without a configured address; `given`: configured addresses of all pods. */
function roomIn(list: Lists, of: Family, given: PrefixTable<Ip>): number {
  let room = 0;
  for (const { prefix, own = 0 } of list) {
    if (family(prefix.ip) !== of || isSingle(prefix)) continue;
    room += Number(prefixSize(prefix)) - own;
    if (given.size() > 0) for (const _ of given.coveredBy(prefix)) room--;
  }
  return room;
}

function isSingle({ ip, len }: Prefix): boolean {
  return len === bits(ip);
}

/**
 * Addresses that nodes do not need themselves, from the end of their last blocks: their own pods use the blocks from
 * the start.
 */
function* spareAddresses(
  claimants: readonly Claimant[],
  lists: readonly Lists[],
  of: Family,
  given: PrefixTable<Ip>,
): Generator<Ip, undefined> {
  for (const { node, wanted } of claimants) {
    const list = lists[node.index] ?? [];
    const blocks = list.filter(({ prefix }) => family(prefix.ip) === of && !isSingle(prefix));
    let spare = roomIn(list, of, given) - wanted;
    for (const { prefix, own: taken = 0 } of [...blocks].reverse()) {
      let ip: Ip | undefined = lastAddress(prefix);
      for (let left = Number(prefixSize(prefix)) - taken; left > 0 && spare > 0 && ip !== undefined; left--) {
        if (given.lookup(ip).length === 0) {
          yield ip;
          spare--;
        }
        ip = addIp(ip, -1);
      }
    }
  }
  return undefined;
}
