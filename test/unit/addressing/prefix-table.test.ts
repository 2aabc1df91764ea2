import fc from "fast-check";
import { expect, test } from "vitest";
import {
  comparePrefix,
  formatPrefix,
  type Ip,
  type Prefix,
  parseIp,
  parsePrefix,
  prefixContains,
  prefixCovers,
  prefixEquals,
} from "../../../server/src/addressing/ip.ts";
import {
  buildPrefixTable,
  emptyPrefixTable,
  itemsByPrefix,
  mapPrefixTable,
} from "../../../server/src/addressing/prefix-table.ts";
import { ip, nearIp, nearPrefix, prefix } from "./arbitraries.ts";

const entries = fc
  .array(fc.oneof({ weight: 9, arbitrary: nearPrefix }, { weight: 1, arbitrary: prefix }), {
    maxLength: 60,
  })
  .map((prefixes) => prefixes.map((p, index) => [p, index] as const));
type Entries = readonly (readonly [Prefix, number])[];

/** All distinct prefixes that pass the predicate, with their values, by brute force. */
function select(list: Entries, passes: (p: Prefix) => boolean) {
  const found: { prefix: Prefix; values: number[] }[] = [];
  for (const [p, value] of list) {
    if (!passes(p)) continue;
    const same = found.find((match) => prefixEquals(match.prefix, p));
    if (same === undefined) found.push({ prefix: p, values: [value] });
    else same.values.push(value);
  }
  return found;
}

test("lookups agree with brute force", () => {
  fc.assert(
    fc.property(entries, fc.array(fc.oneof(nearIp, ip), { maxLength: 20 }), (list, ips) => {
      const table = buildPrefixTable(list);
      for (const at of ips) {
        const expected = select(list, (p) => prefixContains(p, at)).sort((a, b) => b.prefix.len - a.prefix.len);
        expect([...table.matches(at)]).toEqual(expected);
        expect(table.lookup(at)).toEqual(expected[0]?.values ?? []);
      }
    }),
    { numRuns: 500 },
  );
});

test("prefix queries agree with brute force", () => {
  fc.assert(
    fc.property(entries, fc.array(nearPrefix, { maxLength: 20 }), (list, prefixes) => {
      const table = buildPrefixTable(list);
      for (const q of prefixes) {
        expect(table.get(q)).toEqual(select(list, (p) => prefixEquals(p, q))[0]?.values ?? []);
        expect([...table.covering(q)]).toEqual(
          select(list, (p) => prefixCovers(p, q)).sort((a, b) => b.prefix.len - a.prefix.len),
        );
        expect([...table.coveredBy(q)]).toEqual(
          select(list, (p) => prefixCovers(q, p)).sort((a, b) => comparePrefix(a.prefix, b.prefix)),
        );
      }
    }),
    { numRuns: 500 },
  );
});

test("entries are sorted, and a table that is built from them is the same", () => {
  fc.assert(
    fc.property(entries, (list) => {
      const table = buildPrefixTable(list);
      const sorted = [...table.entries()];
      expect(table.size()).toBe(list.length);
      expect(sorted).toEqual([...list].sort(([p, a], [q, b]) => comparePrefix(p, q) || a - b));
      expect([...buildPrefixTable(sorted).entries()]).toEqual(sorted);
    }),
  );
});

test("a mapped table equals a table that is built from the mapped values of its family", () => {
  const like = { 4: "number", 6: "bigint" } as const;
  fc.assert(
    fc.property(
      entries,
      fc.array(fc.oneof(nearIp, ip), { maxLength: 20 }),
      fc.constantFrom(4, 6),
      (list, ips, family) => {
        const last = new Map(list.map(([p, value]) => [formatPrefix(p), [p, value] as const]));
        const ours = [...last.values()].filter(([p]) => typeof p.ip === like[family]);
        const built = buildPrefixTable(ours.map(([p, value]) => [p, `${formatPrefix(p)} ${value}`] as const));
        const mapped = mapPrefixTable(
          buildPrefixTable(list),
          family,
          ({ prefix: p, values }) => `${formatPrefix(p)} ${values.at(-1)}`,
        );
        expect(mapped.size()).toBe(built.size());
        for (const at of ips) {
          expect([...mapped.matches(at)]).toEqual([...built.matches(at)]);
          expect(mapped.lookup(at)).toEqual(built.lookup(at));
          const host = { ip: at, len: typeof at === "number" ? 32 : 128 };
          expect([...mapped.covering(host)]).toEqual([...built.covering(host)]);
        }
        for (const [p] of list) {
          expect(mapped.get(p)).toEqual(built.get(p));
          expect([...mapped.coveredBy(p)]).toEqual([...built.coveredBy(p)]);
        }
        expect([...mapped.entries()]).toEqual([...built.entries()]);
      },
    ),
  );
});

test("a table of indexes with items equals a table that is built from the items", () => {
  fc.assert(
    fc.property(entries, fc.array(fc.oneof(nearIp, ip), { maxLength: 20 }), (list, ips) => {
      const items = list.map(([p], index) => `${index} ${formatPrefix(p)}`);
      const built = buildPrefixTable(list.map(([p, index]) => [p, items[index]] as const));
      const mapped = itemsByPrefix(buildPrefixTable(list), items);
      expect(mapped.size()).toBe(built.size());
      for (const at of ips) {
        expect([...mapped.matches(at)]).toEqual([...built.matches(at)]);
        expect(mapped.lookup(at)).toEqual(built.lookup(at));
      }
      for (const [p] of list) {
        expect(mapped.get(p)).toEqual(built.get(p));
        expect([...mapped.coveredBy(p)]).toEqual([...built.coveredBy(p)]);
      }
      expect([...mapped.entries()]).toEqual([...built.entries()]);
    }),
  );
});

function table(routes: Record<string, string>) {
  return buildPrefixTable(
    Object.entries(routes).map(([text, value]) => {
      const parsed = parsePrefix(text);
      if (parsed === undefined) throw new Error(text);
      return [parsed.prefix, value] as const;
    }),
  );
}
const at = (text: string): Ip => parseIp(text) ?? 0;

test("the longest prefix wins: a pod block inside docker0's network", () => {
  const routes = table({
    "0.0.0.0/0": "eth0",
    "172.17.0.0/16": "docker0",
    "172.17.5.0/24": "flannel.1",
    "::/0": "eth0",
    "fd00:10:244::/64": "cni0",
  });
  expect(routes.lookup(at("172.17.5.9"))).toEqual(["flannel.1"]);
  expect(routes.lookup(at("172.17.6.9"))).toEqual(["docker0"]);
  expect(routes.lookup(at("172.18.0.1"))).toEqual(["eth0"]);
  expect(routes.lookup(at("fd00:10:244::1"))).toEqual(["cni0"]);
  expect([...routes.matches(at("172.17.5.9"))].map((match) => formatPrefix(match.prefix))).toEqual([
    "172.17.5.0/24",
    "172.17.0.0/16",
    "0.0.0.0/0",
  ]);
  expect(routes.lookup(at("::1"))).toEqual(["eth0"]);
});

test("an empty table matches nothing", () => {
  expect(emptyPrefixTable.size()).toBe(0);
  expect(emptyPrefixTable.lookup(0)).toEqual([]);
  expect([...emptyPrefixTable.matches(0n)]).toEqual([]);
  expect([...emptyPrefixTable.entries()]).toEqual([]);
});
