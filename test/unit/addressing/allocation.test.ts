import fc from "fast-check";
import { expect, test } from "vitest";
import {
  blocksOf,
  freeBlockAfter,
  freeBlockCount,
  freeBlockIndex,
  freeCount,
  freeIndex,
  isReserved,
  kthFree,
  kthFreeBlock,
  largestFreePrefix,
  nextFreePrefix,
  nothingReserved,
  sortReserved,
} from "../../../server/src/addressing/allocation.ts";
import {
  addIp,
  bits,
  formatIp,
  formatPrefix,
  type Ip,
  type IpRange,
  nthSubnet,
  type Prefix,
  parseIp,
  parsePrefix,
  prefixOf,
  prefixRange,
  prefixSize,
  rangeContains,
  rangesOverlap,
} from "../../../server/src/addressing/ip.ts";
import { nearPrefix, nearRange } from "./arbitraries.ts";

const reservedRanges = fc.array(nearRange, { maxLength: 12 });

function net(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed.prefix;
}
const at = (text: string): Ip => parseIp(text) ?? 0;

function freeAddresses({ first, last }: IpRange, reserved: readonly IpRange[]): Ip[] {
  const free: Ip[] = [];
  for (let ip: Ip | undefined = first; ip !== undefined && ip <= last; ip = addIp(ip, 1)) {
    const here = ip;
    if (!reserved.some((range) => rangeContains(range, here))) free.push(here);
  }
  return free;
}

test("free addresses agree with brute force", () => {
  fc.assert(
    fc.property(nearRange, reservedRanges, (range, reserved) => {
      const { first, last } = range;
      const sorted = sortReserved(reserved);
      const free = freeAddresses(range, reserved);
      expect(Number(freeCount(first, last, sorted))).toBe(free.length);
      expect(typeof freeCount(first, last, sorted)).toBe(typeof first);
      for (const [k, ip] of free.entries()) {
        expect(kthFree(first, last, sorted, k)).toBe(ip);
        expect(Number(freeIndex(first, last, sorted, ip))).toBe(k);
        expect(isReserved(sorted, ip)).toBe(false);
      }
      expect(kthFree(first, last, sorted, free.length)).toBeUndefined();
      expect(kthFree(first, last, sorted, -1)).toBeUndefined();
      for (const { first: taken } of reserved) {
        expect(isReserved(sorted, taken)).toBe(true);
        expect(freeIndex(first, last, sorted, taken)).toBeUndefined();
      }
    }),
    { numRuns: 500 },
  );
});

test("free blocks agree with brute force", () => {
  fc.assert(
    fc.property(
      nearPrefix.filter((p) => prefixSize(p) <= 64),
      fc.nat(6),
      reservedRanges,
      (cluster, longer, reserved) => {
        const len = Math.min(cluster.len + longer, bits(cluster.ip));
        const blocks = blocksOf(cluster, len, reserved);
        const free: Prefix[] = [];
        for (let n = 0; n < Number(blocks.count); n++) {
          const block = nthSubnet(cluster, len, n);
          if (block === undefined) throw new Error("a block is missing");
          const range = prefixRange(block);
          if (reserved.some((other) => rangesOverlap(range, other))) {
            expect(freeBlockIndex(blocks, block.ip)).toBeUndefined();
          } else free.push(block);
        }
        expect(Number(freeBlockCount(blocks))).toBe(free.length);
        for (const [k, block] of free.entries()) {
          expect(kthFreeBlock(blocks, k)).toEqual(block);
          expect(Number(freeBlockIndex(blocks, prefixRange(block).last))).toBe(k);
        }
        expect(kthFreeBlock(blocks, free.length)).toBeUndefined();
        expect(nextFreePrefix(cluster, len, reserved)).toEqual(free[0]);
      },
    ),
    { numRuns: 500 },
  );
});

test("a billion addresses cost no more than ten", () => {
  const reserved = sortReserved([prefixRange(net("10.0.0.0/24")), prefixRange(net("fd00::/120"))]);
  expect(kthFree(at("10.0.0.0"), at("255.255.255.255"), reserved, 1_000_000_000)).toBe(
    (at("10.0.1.0") as number) + 1e9,
  );
  expect(kthFree(at("fd00::"), at("fd00::ffff:ffff:ffff:ffff"), reserved, 2n ** 60n)).toBe(
    BigInt(at("fd00::100")) + 2n ** 60n,
  );
  expect(freeCount(0, 0xffffffff, nothingReserved)).toBe(2 ** 32);
  expect(freeCount(0n, 2n ** 128n - 1n, nothingReserved)).toBe(2n ** 128n);
  expect(freeCount(5, 4, nothingReserved)).toBe(0);
});

test("a fully reserved address space has no free addresses", () => {
  const all = sortReserved([prefixRange(net("0.0.0.0/0")), prefixRange(net("::/0"))]);
  expect(kthFree(0, 0xffffffff, all, 0)).toBeUndefined();
  expect(kthFree(0n, 2n ** 128n - 1n, all, 0)).toBeUndefined();
  expect(freeCount(0, 0xffffffff, all)).toBe(0);
});

// kube-controller-manager marks node pod CIDRs that overlap the service CIDR as used
// (pkg/controller/nodeipam/ipam/cidrset).
test("a service CIDR inside the pod CIDR leaves fewer node pod CIDRs", () => {
  const blocks = blocksOf(net("10.244.0.0/16"), 24, [prefixRange(net("10.244.240.0/20"))]);
  expect(blocks.count).toBe(256);
  expect(freeBlockCount(blocks)).toBe(240);
  expect(formatPrefix(kthFreeBlock(blocks, 239) ?? net("::/0"))).toBe("10.244.239.0/24");
  expect(kthFreeBlock(blocks, 240)).toBeUndefined();
});

test("a service CIDR that contains the pod CIDR leaves no node pod CIDRs", () => {
  const blocks = blocksOf(net("10.0.0.0/16"), 24, [prefixRange(net("10.0.0.0/8"))]);
  expect(freeBlockCount(blocks)).toBe(0);
  expect(kthFreeBlock(blocks, 0)).toBeUndefined();
});

// The etcd subnet manager of flannel skips the first block: (SubnetMax − SubnetMin) / size + 1.
test("flannel with etcd has 255 blocks of /24 in a /16", () => {
  const blocks = blocksOf(net("10.244.0.0/16"), 24, [prefixRange(net("10.244.0.0/24"))]);
  expect(freeBlockCount(blocks)).toBe(255);
  expect(formatPrefix(kthFreeBlock(blocks, 0) ?? net("::/0"))).toBe("10.244.1.0/24");
});

// host-local on a bridge excludes the network address, the gateway, and the broadcast address.
test.each([
  ["10.244.1.0/24", 253],
  ["10.244.1.0/25", 125],
  ["10.244.1.0/26", 61],
  ["10.244.1.0/27", 29],
  ["10.244.1.0/28", 13],
])("%s has addresses for %i pods", (text, pods) => {
  const { first, last } = prefixRange(net(text));
  const gateway = Number(first) + 1;
  const reserved = sortReserved([first, gateway, last].map((ip) => ({ first: ip, last: ip })));
  expect(freeCount(first, last, reserved)).toBe(pods);
  expect(formatIp(kthFree(first, last, reserved, 0) ?? 0)).toBe("10.244.1.2");
});

test("a block longer than an address or shorter than its cluster does not exist", () => {
  for (const len of [15, 33]) {
    const blocks = blocksOf(net("10.244.0.0/16"), len, []);
    expect(blocks.count).toBe(0);
    expect(freeBlockCount(blocks)).toBe(0);
    expect(kthFreeBlock(blocks, 0)).toBeUndefined();
    expect(freeBlockIndex(blocks, at("10.244.0.1"))).toBeUndefined();
  }
});

test("the next free /16 of 10.0.0.0/8", () => {
  const used = ["10.0.0.0/15", "10.3.0.0/24"].map((text) => prefixRange(net(text)));
  expect(formatPrefix(nextFreePrefix(net("10.0.0.0/8"), 16, used) ?? net("::/0"))).toBe("10.2.0.0/16");
  expect(nextFreePrefix(net("10.0.0.0/16"), 16, used)).toBeUndefined();
});

test("the largest free prefix agrees with brute force", () => {
  fc.assert(
    fc.property(nearRange, reservedRanges, ({ first, last }, reserved) => {
      const free = new Set(freeAddresses({ first, last }, reserved));
      const width = bits(first);
      let expected: Prefix | undefined;
      // The ranges have at most 64 addresses.
      for (let len = width - 6; len <= width && expected === undefined; len++) {
        for (const ip of free) {
          const prefix = { ip, len };
          const all = freeAddresses(prefixRange(prefixOf(ip, len)), []);
          if (prefixOf(ip, len).ip === ip && all.every((one) => free.has(one))) {
            expected = prefix;
            break;
          }
        }
      }
      expect(largestFreePrefix(first, last, sortReserved(reserved))).toEqual(expected);
    }),
  );
});

test("the free block after an address agrees with the list of all blocks", () => {
  fc.assert(
    fc.property(nearPrefix, fc.nat(4), reservedRanges, fc.nat(80), (cluster, more, reserved, k) => {
      const len = Math.min(cluster.len + more, bits(cluster.ip));
      const blocks = blocksOf(cluster, len, reserved);
      const ip = addIp(cluster.ip, k) ?? cluster.ip;
      const all = Array.from({ length: Number(blocks.count) }, (_, n) => nthSubnet(cluster, len, n)!);
      const inside = rangeContains(prefixRange(cluster), ip);
      const expected = all.find(
        (block) => block.ip > ip && !reserved.some((range) => rangesOverlap(range, prefixRange(block))),
      );
      expect(freeBlockAfter(blocks, ip)).toEqual(inside ? expected : undefined);
    }),
  );
});

test("the largest free prefix of a whole address space", () => {
  const all = net("::/0");
  const range = prefixRange(all);
  expect(largestFreePrefix(range.first, range.last, nothingReserved)).toEqual(all);
  const taken = sortReserved([prefixRange(net("::/1"))]);
  expect(largestFreePrefix(range.first, range.last, taken)).toEqual(net("8000::/1"));
});
