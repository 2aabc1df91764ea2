/** The memo engine: what is computed again after a change, and what is not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withLazy } from "../../../server/src/memo/lazy.ts";
import { succeed, succeedList } from "../../../server/src/memo/lineage.ts";
import { groups, perItem, perRow, repeats } from "../../../server/src/memo/list.ts";
import { memo, once } from "../../../server/src/memo/memo.ts";
import { query } from "../../../server/src/memo/query.ts";
import { sameMap, sameMembers, sameRecord } from "../../../server/src/memo/same.ts";
import { sideTable } from "../../../server/src/memo/side-table.ts";

interface World {
  readonly a: number;
  readonly b: number;
  readonly list: readonly number[];
}

/** Successive worlds. */
function worlds(): (change: Partial<World>) => World {
  let world: World = { a: 1, b: 1, list: [1, 2] };
  return (change) => {
    world = succeed(world, { ...world, ...change });
    return world;
  };
}

describe("memo", () => {
  it("computes once per object and set of other values", () => {
    let runs = 0;
    const sum = memo((one: { readonly x: number }, more: number) => {
      runs += 1;
      return one.x + more;
    });
    const key = { x: 1 };
    expect([sum(key, 1), sum(key, 1), sum(key, 2), sum({ x: 1 }, 2)]).toEqual([2, 2, 3, 3]);
    expect(runs).toBe(3);
  });

  it("knows results that are undefined", () => {
    let runs = 0;
    const nothing = memo((_: object): undefined => {
      runs += 1;
    });
    const late = once((): undefined => {
      runs += 1;
    });
    const key = {};
    nothing(key);
    nothing(key);
    late();
    late();
    expect(runs).toBe(2);
  });
});

describe("a query", () => {
  it("runs again only if something that it read differs", () => {
    let runs = 0;
    const readsA = query<World, number>((read) => {
      runs += 1;
      return read(({ a }) => a) * 2;
    });
    const next = worlds();
    expect([readsA(next({})), readsA(next({ b: 2 })), readsA(next({ a: 3 })), readsA(next({ b: 3 }))]).toEqual([
      2, 2, 6, 6,
    ]);
    expect(runs).toBe(2);
  });

  it("records what it reads in each run", () => {
    const chosen = query<World, number>((read) => (read(({ a }) => a) > 1 ? read(({ b }) => b) : 0));
    const next = worlds();
    expect([chosen(next({})), chosen(next({ b: 5 })), chosen(next({ a: 2 })), chosen(next({ b: 6 }))]).toEqual([
      0, 0, 5, 6,
    ]);
  });

  it("compares a reading as requested, and passes its previous result on", () => {
    const results: (readonly number[] | undefined)[] = [];
    const evens = query<World, readonly number[]>((read, before) => {
      results.push(before);
      return succeedList(
        before,
        read(({ list }) => list, sameMembers).filter((n) => n % 2 === 0),
      );
    });
    const next = worlds();
    const first = evens(next({}));
    expect(evens(next({ list: [1, 2] }))).toBe(first);
    expect(evens(next({ list: [3, 2] }))).toBe(first);
    expect(results).toEqual([undefined, [2]]);
  });

  it("stops at a query with the same result", () => {
    let runs = 0;
    const isEven = query<World, boolean>((read) => read(({ a }) => a) % 2 === 0);
    const text = query<World, string>((read) => {
      runs += 1;
      return read(isEven) ? "even" : "odd";
    });
    const next = worlds();
    expect([text(next({ a: 2 })), text(next({ a: 4 })), text(next({ a: 5 }))]).toEqual(["even", "even", "odd"]);
    expect(runs).toBe(2);
  });

  it("depends on the other values that it is given", () => {
    const sum = query<World, number, [number]>((read, _, more) => read(({ a }) => a) + more);
    const world = worlds()({});
    expect([sum(world, 1), sum(world, 2)]).toEqual([2, 3]);
  });

  it("answers for an object that no other one has succeeded", () => {
    const readsA = query<World, number>((read) => read(({ a }) => a));
    const next = worlds();
    const [old, later] = [next({ a: 1 }), next({ a: 2 })];
    expect([readsA(old), readsA(later), readsA(old), readsA({ a: 7, b: 0, list: [] })]).toEqual([1, 2, 1, 7]);
  });
});

describe("a query over a list", () => {
  it("computes one item for one edited item, and keeps the list if no result differs", () => {
    const computed: number[] = [];
    const parity = perItem((n: number) => {
      computed.push(n);
      return n % 2;
    });
    const list = [1, 2, 3];
    const first = parity(list);
    const same = succeed(list, [1, 4, 3]);
    expect(parity(same)).toBe(first);
    expect(parity(succeed(same, [1, 5, 3]))).toEqual([1, 1, 1]);
    expect(computed).toEqual([1, 2, 3, 4, 5]);
  });

  const change = fc.record({
    at: fc.nat(),
    value: fc.nat(5),
    kind: fc.constantFrom("set", "insert", "remove", "given"),
  });

  it("equals a new one after any changes", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 6 }), fc.array(change, { maxLength: 12 }), (start, changes) => {
        const rows = perRow<[number, string], string, [number]>(
          ([n, text], index, given) => `${n % 3} ${text} ${index % 2} ${given}`,
        );
        const byKeys = groups((n: number) => (n % 2 === 0 ? [n] : [n, -1]));
        const twice = repeats((n: number) => (n > 2 ? [n] : [n, -1]));
        let list: readonly number[] = start;
        let given = 0;
        for (const { at, value, kind } of [{ at: 0, value: 0, kind: "given" }, ...changes]) {
          const index = at % Math.max(1, list.length);
          if (kind === "given") given = value;
          else {
            const made = [...list];
            made.splice(index, kind === "insert" ? 0 : 1, ...(kind === "remove" ? [] : [value]));
            list = succeedList(list, made);
          }
          const texts = list.map((n) => (n > 2 ? "large" : "small"));
          expect(rows([list, texts], given)).toEqual(list.map((n, i) => `${n % 3} ${texts[i]} ${i % 2} ${given}`));
          const expected = new Map<number, number[]>();
          for (const n of list) {
            for (const key of n % 2 === 0 ? [n] : [n, -1]) expected.set(key, [...(expected.get(key) ?? []), n]);
          }
          expect([...byKeys(list)].sort()).toEqual([...expected].sort());
          const keys = list.flatMap((n) => (n > 2 ? [n] : [n, -1]));
          const repeated = new Set(keys.filter((key, i) => keys.indexOf(key) !== i));
          expect(new Set(twice(list))).toEqual(repeated);
        }
      }),
    );
  });

  it("keeps groups without changes", () => {
    const byTens = groups((n: { readonly value: number }) => [Math.floor(n.value / 10)]);
    const list = [{ value: 1 }, { value: 11 }, { value: 2 }];
    const before = byTens(list);
    const after = byTens(succeed(list, [list[0]!, { value: 12 }, list[2]!]));
    expect(after.get(0)).toBe(before.get(0));
    expect(after.get(1)).toEqual([{ value: 12 }]);
  });
});

it("records are the same if their fields are", () => {
  const list = [1];
  expect(sameRecord({ a: 1, list }, { a: 1, list })).toBe(true);
  expect(sameRecord({ a: 1, list }, { a: 1, list: [1] })).toBe(false);
  expect(sameRecord({ a: 1 }, { a: 1, b: 2 })).toBe(false);
});

describe("a side table", () => {
  it("has one value per object, apart from other tables", () => {
    const [names, sizes] = [sideTable<object, string>(), sideTable<object, number>()];
    const a = {};
    const b: readonly string[] = [];
    names.set(a, "a");
    sizes.set(a, 1);
    names.set(b, "b");
    names.set(a, "A");
    expect([names.get(a), sizes.get(a), names.get(b), sizes.get(b)]).toEqual(["A", 1, "b", undefined]);
  });

  it("adds nothing that a copy or a comparison contains", () => {
    const names = sideTable<object, string>();
    const a = { x: 1 };
    names.set(a, "a");
    expect([names.get({ ...a }), Object.keys(a)]).toEqual([undefined, ["x"]]);
    expect(a).toEqual({ x: 1 });
  });
});

describe("a property that is computed when it is read", () => {
  it("is computed once per object", () => {
    const computed: string[] = [];
    const made = (name: string) =>
      withLazy(
        { name },
        {
          upper: () => {
            computed.push(name);
            return name.toUpperCase();
          },
        },
      );
    const [a, b] = [made("a"), made("b")];
    expect(computed).toEqual([]);
    expect([b.upper, a.upper, a.upper]).toEqual(["B", "A", "A"]);
    expect(computed).toEqual(["b", "a"]);
    expect({ ...a }).toEqual({ name: "a", upper: "A" });
  });
});

describe("an equal result", () => {
  it("is the same list if another value has changed and all items are computed again", () => {
    const half = perItem((item: number, by: number) => Math.floor(item / by));
    const list = [1, 3];
    const before = half(list, 10);
    expect(half(list, 20)).toBe(before);
    expect(half(list, 2)).toEqual([0, 1]);
  });

  it("is the same map if it has the same entries in the same order", () => {
    const before = new Map([
      ["a", 1],
      ["b", 2],
    ]);
    expect(sameMap(before, new Map(before))).toBe(before);
    for (const other of [
      new Map([["a", 1]]),
      new Map([...before].reverse()),
      new Map([...before].map(([key, value]) => [key, value + 1] as const)),
      new Map([...before].map(([key, value]) => [`${key}a`, value] as const)),
    ])
      expect(sameMap(before, other)).toBe(other);
    expect(sameMap(undefined, before)).toBe(before);
  });
});
