import fc from "fast-check";
import { expect, test } from "vitest";
import { type Ip, type IpRange, parsePrefix, prefixRange, rangesOverlap } from "../../../server/src/addressing/ip.ts";
import { findDuplicates, findOverlaps, overlapKind, type RangeItem } from "../../../server/src/addressing/overlap.ts";
import { nearIp, nearPrefix, nearRange } from "./arbitraries.ts";

interface Item {
  readonly group: string;
  readonly id: number;
}

const names = ["a", "b", "c", "d"] as const;
const items = fc
  .array(fc.tuple(fc.oneof(nearRange, nearPrefix.map(prefixRange)), fc.constantFrom(...names)), { maxLength: 40 })
  .map((list) => list.map(([range, group], id): RangeItem<Item> => ({ range, value: { group, id } })));
/** A random set of related group pairs, each with sorted names. */
const relation = fc
  .subarray(names.flatMap((x) => names.filter((y) => x <= y).map((y) => x + y)))
  .map((pairs) => (x: string, y: string) => pairs.includes(x <= y ? x + y : y + x));
const group = (value: Item) => value.group;

function bruteForce(list: readonly RangeItem<Item>[], related: (a: string, b: string) => boolean) {
  const found: string[] = [];
  for (const [i, a] of list.entries()) {
    for (const b of list.slice(i + 1)) {
      if (related(a.value.group, b.value.group) && rangesOverlap(a.range, b.range)) {
        found.push(`${a.value.id} ${b.value.id} ${overlapKind(a.range, b.range)}`);
      }
    }
  }
  return found.sort();
}

test("finds the same pairs as brute force", () => {
  fc.assert(
    fc.property(items, relation, fc.nat(30), (list, related, limit) => {
      const expected = bruteForce(list, related);
      const all = findOverlaps(list, { group, related });
      expect(all.truncated).toBe(false);
      expect(all.overlaps.map(({ a, b, kind }) => `${a.value.id} ${b.value.id} ${kind}`).sort()).toEqual(expected);

      const some = findOverlaps(list, { group, related, limit });
      expect(some.overlaps).toEqual(all.overlaps.slice(0, limit));
      expect(some.truncated).toBe(expected.length > limit);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  [1, 5, 1, 5, "equal"],
  [1, 9, 1, 5, "contains"],
  [1, 9, 5, 9, "contains"],
  [2, 3, 1, 5, "within"],
  [1, 5, 5, 9, "partial"],
  [5, 9, 1, 5, "partial"],
])("%i-%i and %i-%i: %s", (first, last, otherFirst, otherLast, kind) => {
  expect(overlapKind({ first, last }, { first: otherFirst, last: otherLast })).toBe(kind);
});

test("default ranges that overlap", () => {
  const list = Object.entries({
    calicoPool: "192.168.0.0/16",
    libvirt: "192.168.122.0/24",
    kubeadmServices: "10.96.0.0/12",
    eksServices: "10.100.0.0/16",
    k3sPods: "10.42.0.0/16",
    otherK3sPods: "10.42.0.0/16",
    docker0: "172.17.0.0/16",
  }).map(([value, text]): RangeItem<string> => {
    const parsed = parsePrefix(text);
    if (parsed === undefined) throw new Error(text);
    return { range: prefixRange(parsed.prefix), value };
  });
  const { overlaps } = findOverlaps(list, { group: () => "", related: () => true });
  expect(overlaps.map(({ a, b, kind }) => `${a.value} ${kind} ${b.value}`)).toEqual([
    "k3sPods equal otherK3sPods",
    "kubeadmServices contains eksServices",
    "calicoPool contains libvirt",
  ]);
});

/** Counts how often a search reads the bounds of the ranges. */
function counted(list: readonly RangeItem<Item>[]) {
  let reads = 0;
  const watched = list.map(
    ({ range, value }): RangeItem<Item> => ({
      value,
      range: {
        get first() {
          reads++;
          return range.first;
        },
        get last() {
          reads++;
          return range.last;
        },
      },
    }),
  );
  return { watched, reads: () => reads };
}

const host = (ip: number): IpRange => ({ first: ip, last: ip });
const COUNT = 150_000;
/** A sort reads two bounds in each of n log2 n comparisons; then a few reads per range. */
const ENOUGH = COUNT * (2 * Math.ceil(Math.log2(COUNT)) + 20);

test("150,000 pods in their blocks in one pod CIDR cost no more than a sort", () => {
  let calls = 0;
  const list: RangeItem<Item>[] = [
    { range: { first: 0x0a000000, last: 0x0affffff }, value: { group: "cluster", id: -1 } },
  ];
  for (let i = 0; i < COUNT; i++) {
    list.push({ range: host(0x0a000000 + ((i * 7919) % COUNT)), value: { group: "pod", id: i } });
    if (i % 30 === 0)
      list.push({ range: { first: 0x0a000000 + i, last: 0x0a000000 + i + 29 }, value: { group: "block", id: i } });
  }
  const { watched, reads } = counted(list);
  const result = findOverlaps(watched, {
    group,
    related: (a, b) => {
      calls++;
      return a === b;
    },
  });
  expect(result).toEqual({ overlaps: [], truncated: false });
  expect(reads()).toBeLessThan(ENOUGH);
  expect(calls).toBeLessThanOrEqual(6);
});

test("150,000 ranges that all overlap stop at the limit", () => {
  const list = Array.from({ length: COUNT }, (_, id) => ({
    range: { first: 0x0a000000 + id, last: 0x0b000000 + id },
    value: { group: "node", id },
  }));
  const { watched, reads } = counted(list);
  const result = findOverlaps(watched, { group, related: () => true });
  expect(result.overlaps).toHaveLength(1000);
  expect(result.truncated).toBe(true);
  expect(reads()).toBeLessThan(ENOUGH);
});

test("150,000 disjoint items with a separate group each cost no more than a sort", () => {
  let calls = 0;
  const list = Array.from({ length: COUNT }, (_, id) => ({ range: host(id), value: { group: `${id}`, id } }));
  const { watched, reads } = counted(list);
  findOverlaps(watched, {
    group,
    related: () => {
      calls++;
      return true;
    },
  });
  expect(calls).toBe(0);
  expect(reads()).toBeLessThan(ENOUGH);
});

test("finds the same duplicate addresses as brute force", () => {
  const addresses = fc.array(fc.tuple(nearIp, fc.constantFrom("s1", "s2")), { maxLength: 60 });
  fc.assert(
    fc.property(addresses, fc.nat(10), (list, limit) => {
      const uses = list.map(([ip, segment], id) => ({ ip, value: { group: segment, id } }));
      const all = findDuplicates(uses, group);
      const expected = uses.filter((x) =>
        uses.some((y) => x !== y && x.ip === y.ip && x.value.group === y.value.group),
      );
      const found = all.duplicates.flatMap(({ values }) => values.map(({ id }) => id));
      expect(found.sort((a, b) => a - b)).toEqual(expected.map(({ value }) => value.id));
      for (const { ip, group: segment, values } of all.duplicates) {
        expect(values.length).toBeGreaterThan(1);
        for (const { id } of values) expect(list[id]).toEqual([ip, segment]);
        expect(values.map(({ id }) => id)).toEqual(values.map(({ id }) => id).sort((a, b) => a - b));
      }
      const some = findDuplicates(uses, group, limit);
      expect(some.duplicates).toEqual(all.duplicates.slice(0, limit));
      expect(some.truncated).toBe(all.duplicates.length > limit);
    }),
    { numRuns: 500 },
  );
});

test("the same number in both families is not a duplicate", () => {
  const list: { ip: Ip; value: string }[] = [
    { ip: 1, value: "0.0.0.1" },
    { ip: 1n, value: "::1" },
  ];
  expect(findDuplicates(list).duplicates).toEqual([]);
});
