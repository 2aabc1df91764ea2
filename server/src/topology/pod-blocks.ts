/**
 * Blocks of a segment for the pods of its nodes, if pods have addresses of the node's subnet. Blocks are allocated
 * downward from the end, machines' addresses upward from the beginning, until the two overlap.
 */
import { addIp, family, lastAddress, type Prefix, prefixOf, rangesOverlap } from "../addressing/ip.ts";
import type { SegmentShare } from "./addressing.ts";
import { cloudReserved, type SegmentDraft } from "./segments.ts";

/** The next block, or a smaller one if no block of this size is left; undefined if the segment is full. */
export function takeBlock(segment: SegmentDraft, share: SegmentShare): Prefix | undefined {
  for (let len = share.len; len <= share.atWorst; len++) {
    for (const cidr of segment.cidrs) {
      const block = family(cidr.ip) === share.family ? blockBelow(segment, cidr, len) : undefined;
      if (block === undefined) continue;
      segment.podsFrom.set(cidr, block.ip);
      return block;
    }
  }
  return undefined;
}

function blockBelow(segment: SegmentDraft, cidr: Prefix, len: number): Prefix | undefined {
  if (len < cidr.len) return undefined;
  const gateways = segment.gateways.map(({ ip }) => ({ first: ip, last: ip }));
  const taken = [...segment.stated, ...gateways, ...cloudReserved(segment)];
  const lowest = segment.podsFrom.get(cidr);
  const bottom = segment.highest.get(cidr) ?? cidr.ip;
  let top = lowest === undefined ? lastAddress(cidr) : addIp(lowest, -1);
  while (top !== undefined && top > bottom) {
    const block = prefixOf(top, len);
    const range = { first: block.ip, last: lastAddress(block) };
    if (range.first <= bottom && bottom !== cidr.ip) return undefined;
    if (range.first < cidr.ip) return undefined;
    const inWay = taken.find((one) => typeof one.first === typeof range.first && rangesOverlap(one, range));
    if (range.last <= top && inWay === undefined) return block;
    top = addIp(range.first, -1);
  }
  return undefined;
}
