/**
 * Addresses of a segment for the pods of its nodes, if pods have addresses of the node's subnet. They are allocated
 * downward from the end, machines' addresses upward from the beginning, until the two overlap.
 */
import { freeCount, kthFree, type SortedReserved, sortReserved } from "../addressing/allocation.ts";
import {
  addIp,
  compareIp,
  family,
  hostPrefix,
  type Ip,
  type IpRange,
  lastAddress,
  type Prefix,
  prefixContains,
  prefixOf,
  rangesOverlap,
  rangeToPrefixes,
} from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import type { BlockShare, InterfaceShare } from "./addressing.ts";
import type { Claimant } from "./claims.ts";
import type { NodeCidr } from "./model.ts";
import { cloudReserved, type SegmentDraft } from "./segments.ts";

/** The next block outside `avoid`, or a smaller one if no block of this size is left; undefined if the segment is full. */
export function takeBlock(
  segment: SegmentDraft,
  share: BlockShare,
  avoid: readonly IpRange[] = [],
): Prefix | undefined {
  for (let len = share.len; len <= share.atWorst; len++) {
    for (const cidr of segment.cidrs) {
      const block = family(cidr.ip) === share.family ? blockBelow(segment, cidr, len, avoid) : undefined;
      if (block === undefined) continue;
      segment.podsFrom.set(cidr, block.ip);
      return block;
    }
  }
  return undefined;
}

/* -------------------------------------------------------- network interfaces */

/** A node whose pods have addresses of its network interfaces; `list` is filled after the pods have been placed. */
export interface InterfaceUser {
  readonly list: NodeCidr[];
  readonly share: InterfaceShare;
  readonly segment: SegmentDraft;
  readonly source: Origin;
}

/**
 * Allocates the addresses of the nodes' interfaces, in order of declaration. Single addresses of an interface are consecutive,
 * except where another machine has one; an interface of the cloud has any free addresses of the subnet. Configured
 * addresses of pods belong to the first interfaces.
 */
export function fillInterfaces(users: readonly InterfaceUser[], claimants: readonly Claimant[]): void {
  const byList = new Map(users.map((user) => [user.list as readonly NodeCidr[], user]));
  const given = claimants.flatMap((one) => one.given.filter((ip) => family(ip) === 4));
  const reserved = new Map<SegmentDraft, SortedReserved>();
  for (const { node, wanted, given: all } of claimants) {
    const user = byList.get(node.podCidrs);
    if (!user) continue;
    const { list, share, segment, source } = user;
    let taken = reserved.get(segment);
    if (!taken) {
      taken = sortReserved([...takenOn(segment), ...given.map((ip) => ({ first: ip, last: ip }))]);
      reserved.set(segment, taken);
    }
    const add = (prefixes: readonly Prefix[], isOwn = false): void => {
      for (const prefix of prefixes) list.push({ prefix, allocated: true, source, ...(isOwn ? { own: 1 } : {}) });
    };
    const own = all.filter((ip) => segment.cidrs.some((cidr) => prefixContains(cidr, ip))).sort(compareIp);
    const needs = share.needs(wanted + own.length);
    const len = needs[0]?.len ?? 32;
    const units = distinctUnits(own, len);
    for (const [index, need] of needs.entries()) {
      if (index > 0) add(takeAddresses(segment, taken, 1).map(hostPrefix), true);
      const configured = units.splice(0, need.units);
      const left = need.units - configured.length;
      if (len === 32) add(prefixesOf([...configured.map(({ ip }) => ip), ...takeAddresses(segment, taken, left)]));
      else add([...configured, ...takeUnits(segment, len, left, given)]);
    }
    add(units);
  }
}

/** The units that contain these addresses, ascending. */
function distinctUnits(ascending: readonly Ip[], len: number): Prefix[] {
  const units: Prefix[] = [];
  for (const ip of ascending) {
    const unit = prefixOf(ip, len);
    if (units.at(-1)?.ip !== unit.ip) units.push(unit);
  }
  return units;
}

/** Up to `count` free prefixes without configured addresses. */
function takeUnits(segment: SegmentDraft, len: number, count: number, given: readonly Ip[]): readonly Prefix[] {
  const found: Prefix[] = [];
  const avoid = given.map((ip) => ({ first: ip, last: ip }));
  for (let i = 0; i < count; i++) {
    const block = takeBlock(segment, { kind: "block", family: 4, len, atWorst: len }, avoid);
    if (block === undefined) break;
    found.push(block);
  }
  return found;
}

/** Up to `count` free addresses below the lowest pod address. */
function takeAddresses(segment: SegmentDraft, taken: SortedReserved, count: number): readonly Ip[] {
  const found: Ip[] = [];
  for (const cidr of segment.cidrs) {
    if (family(cidr.ip) !== 4) continue;
    const lowest = segment.podsFrom.get(cidr);
    const last = lowest === undefined ? lastAddress(cidr) : addIp(lowest, -1);
    const first = addIp(segment.highest.get(cidr) ?? cidr.ip, 1);
    if (first === undefined || last === undefined || first > last) continue;
    const free = Number(freeCount(first, last, taken));
    const from = Math.max(0, free - (count - found.length));
    for (let k = from; k < free; k++) {
      const ip = kthFree(first, last, taken, k);
      if (ip === undefined) continue;
      if (k === from) segment.podsFrom.set(cidr, ip);
      found.push(ip);
    }
    if (found.length >= count) break;
  }
  return found;
}

/** The addresses as prefixes, ascending within each run. */
function prefixesOf(addresses: readonly Ip[]): readonly Prefix[] {
  const runs: { first: Ip; last: Ip }[] = [];
  for (const ip of [...addresses].sort(compareIp)) {
    const run = runs.at(-1);
    if (run && addIp(run.last, 1) === ip) run.last = ip;
    else runs.push({ first: ip, last: ip });
  }
  return runs.flatMap(rangeToPrefixes);
}

function takenOn(segment: SegmentDraft): readonly { readonly first: Ip; readonly last: Ip }[] {
  const gateways = segment.gateways.map(({ ip }) => ({ first: ip, last: ip }));
  return [...segment.stated, ...gateways, ...cloudReserved(segment)];
}

/* ------------------------------------------------------------------- blocks */

function blockBelow(segment: SegmentDraft, cidr: Prefix, len: number, avoid: readonly IpRange[]): Prefix | undefined {
  if (len < cidr.len) return undefined;
  const taken = [...takenOn(segment), ...avoid];
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
