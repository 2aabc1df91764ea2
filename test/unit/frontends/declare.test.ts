/** Declarations that a front end builds from values have the problems of their blocks. */
import { expect, it } from "vitest";
import { type Draft, declare } from "../../../server/src/declared/build.ts";
import type { Handle } from "../../../server/src/declared/handle.ts";

const draft = (keyword: string, args: Draft["args"] = {}, children?: readonly Draft[]): Draft => ({
  keyword,
  args,
  handle: {} as Handle,
  file: "dump.yaml",
  ...(children && { children }),
});

it("reports repeated and missing statements, and counts them", () => {
  const mtu = (value: string): Draft => draft("mtu", { value });
  const segment = declare(draft("segment", { name: "lan" }, [mtu("1400"), mtu("1500")]));
  const [, second] = segment.children;
  expect(segment.problems).toMatchObject([
    { code: "KN008", part: "keyword", data: { keyword: "mtu" }, decl: second, related: [segment.children[0]] },
    { code: "KN011", part: "keyword", data: { keyword: "cidr" } },
  ]);
  expect(segment.problemCount).toBe(2);
});

it("reports nothing for a complete block, or without a block", () => {
  expect(declare(draft("segment", { name: "lan" }, [draft("cidr", { prefixes: ["10.0.0.0/24"] })])).problemCount).toBe(
    0,
  );
  expect(declare(draft("host", { name: "h" })).problems).toEqual([]);
});
