/** Free ranges and addresses. */

import { type Blocks, blocksOf, freeBlockAfter, kthFreeBlock, nextFreePrefix } from "../addressing/allocation.ts";
import {
  bits,
  broadcast,
  formatPrefix,
  type Ip,
  type IpRange,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixCovers,
  prefixEquals,
  prefixRange,
} from "../addressing/ip.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { reservedIn } from "../topology/clouds.ts";
import type { Segment, Topology } from "../topology/model.ts";
import { type AddressPlan, type PlannedRange, planOf } from "./plan.ts";

/** RFC 1918, RFC 6598, RFC 4193. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fd00::/8"].flatMap(
  (text) => parsePrefix(text)?.prefix ?? [],
);

/** With more conflicts than this, the problem is not a single misplaced range. */
const MOST_CONFLICTS = 50;

/** By block and prefix length: the parts of the block without a range. Known as long as the plan is. */
const knownBlocks = memo((_plan: AddressPlan) => new Map<string, Blocks>());

function blocksIn(plan: AddressPlan, block: Prefix, len: number, avoid: readonly Prefix[]): Blocks {
  const all = (): Blocks =>
    blocksOf(block, len, [...plan.ranges.map(({ prefix }) => prefix), ...avoid].map(prefixRange));
  return avoid.length > 0 ? all() : valueAt(knownBlocks(plan), `${formatPrefix(block)} ${len}`, all);
}

/** The next free range of this size after `like`, else the first in its private block, else the first in another block. */
export function nextFree(topology: Topology, like: Prefix, avoid: readonly Prefix[] = []): Prefix | undefined {
  const plan = planOf(topology);
  if (plan.conflicts.length > MOST_CONFLICTS) return undefined;
  const home = PRIVATE.find((block) => prefixCovers(block, like));
  const others = PRIVATE.filter((block) => block !== home && typeof block.ip === typeof like.ip);
  for (const block of home ? [home, ...others] : others) {
    if (block.len > like.len) continue;
    const blocks = blocksIn(plan, block, like.len, avoid);
    const free = (block === home ? freeBlockAfter(blocks, like.ip) : undefined) ?? kthFreeBlock(blocks, 0);
    if (free) return free;
  }
  return undefined;
}

/** The next address after `ip` on the segment that is not in use and not reserved by the cloud. */
export function nextFreeAddress(topology: Topology, { name, cidrs, cloud, gateways }: Segment, ip: Ip): Ip | undefined {
  const cidr = cidrs.find((one) => prefixContains(one, ip));
  if (!cidr) return undefined;
  const last = broadcast(cidr);
  const single = [
    cidr.ip,
    ...(last === undefined ? [] : [last]),
    ...gateways,
    ...topology.attachedTo(name).flatMap(({ addresses }) => addresses.map((one) => one.ip)),
    ...topology.clusters.flatMap(({ services }) =>
      services.all.flatMap((one) => [...one.externalIps, ...one.loadBalancerIps].map((given) => given.ip)),
    ),
  ].filter((one) => typeof one === typeof ip);
  const used = single.map((one): IpRange => ({ first: one, last: one }));
  if (cloud !== undefined) used.push(...reservedIn(cloud, cidr));
  const len = bits(ip);
  const behind = nextFreePrefix(cidr, len, [...used, { first: cidr.ip, last: ip }]);
  return (behind ?? nextFreePrefix(cidr, len, used))?.ip;
}

/** A free range of the same size. For pods, otherwise the largest free range with a block for every node. */
export function freeFor(topology: Topology, { kind, cluster, prefix }: PlannedRange): Prefix | undefined {
  const same = nextFree(topology, prefix);
  const owner = topology.clusters.find(({ name }) => name === cluster);
  const pods = owner?.podCidrs.find((one) => prefixEquals(one.prefix, prefix));
  if (same || kind !== "pods" || !owner || !pods) return same;
  const last = Math.min(pods.perNode, 32) - Math.ceil(Math.log2(Math.max(owner.nodes.length, 1)));
  for (let len = prefix.len + 1; len <= last; len++) {
    const smaller = nextFree(topology, { ip: prefix.ip, len }, [prefix]);
    if (smaller) return smaller;
  }
  return undefined;
}
