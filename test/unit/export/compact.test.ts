/** `knet import` of dumps: short text, with the findings and the matrix of the source. */
import { describe, expect, it } from "vitest";
import { compactText } from "../../../server/src/service/compact/index.ts";
import { dumpText } from "./dumps.ts";
import { analysed, imported, pairsOf, read, textOf } from "./support.ts";

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed + 1);

/** The workload of each pod of the dump, by path. */
function workloads(dump: string): ReadonlyMap<string, string> {
  const { items } = JSON.parse(dump) as {
    items: readonly {
      kind: string;
      metadata: { name: string; namespace: string; ownerReferences?: readonly { kind: string; name: string }[] };
    }[];
  };
  return new Map(
    items.flatMap(({ kind, metadata: { name, namespace, ownerReferences } }) => {
      const owner = ownerReferences?.[0];
      if (kind !== "Pod" || !owner) return [];
      const own = owner.kind === "ReplicaSet" ? owner.name.replace(/-[^-]+$/, "") : owner.name;
      return [[`${namespace}/${name}`, `${namespace}/${own}`] as const];
    }),
  );
}

const codes = (text: ReturnType<typeof read>): readonly string[] =>
  [...new Set((text.findings(() => false) ?? []).map(({ code, severity }) => `${code} ${severity}`))].sort();

describe("a dump as a compact file", () => {
  it.each(SEEDS)("has the same findings and matrix: seed %i", (seed) => {
    const dump = dumpText(seed);
    const documents = imported(dump);
    const source = analysed(documents);
    const compact = read(compactText(documents));
    expect(codes(compact)).toEqual(codes(source));
    const owners = workloads(dump);
    const nameOf = (end: { readonly path: string } | { readonly range: string }): string | undefined =>
      "path" in end ? (owners.get(end.path) ?? end.path) : undefined;
    expect(pairsOf(compact, "policy", nameOf)).toEqual(pairsOf(source, "policy", nameOf));
    expect(pairsOf(compact, "reach", nameOf)).toEqual(pairsOf(source, "reach", nameOf));
  });

  it.each(SEEDS)("is stable: seed %i", (seed) => {
    const text = compactText(imported(dumpText(seed)));
    expect(compactText(imported(textOf(read(text), "kubernetes")))).toBe(text);
  });
});
