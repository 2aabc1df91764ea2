import { describe, expect, it } from "vitest";
import { modeAddressing } from "../../../server/src/cni/modes.ts";
import {
  blockContexts,
  contexts,
  contextsOf,
  describeContext,
  isFlag,
  keywordsIn,
  schema,
  specFor,
} from "../../../server/src/declared/schema/index.ts";
import { decodeFile } from "../../../server/src/frontends/knet/decode.ts";
import { format } from "../../../server/src/frontends/knet/format.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { buildTopology } from "../../../server/src/topology/build.ts";
import { problemsIn } from "./support.ts";

const rows = schema.map((spec) => [`${spec.keyword} in ${spec.in.join(", ")}`, spec] as const);

describe("the schema", () => {
  it("has one row per keyword and context, and finds it", () => {
    const seen = new Set<string>();
    for (const spec of schema) {
      for (const context of spec.in) {
        expect(seen.has(`${context} ${spec.keyword}`), `${spec.keyword} twice in ${context}`).toBe(false);
        seen.add(`${context} ${spec.keyword}`);
        expect(specFor(context, spec.keyword)).toBe(spec);
        expect(keywordsIn(context).get(spec.keyword)).toBe(spec);
        expect(contextsOf(spec.keyword)).toContain(context);
      }
    }
    expect(specFor("file", "vni")).toBeUndefined();
    expect(keywordsIn("nowhere").size).toBe(0);
    expect(contextsOf("nothing")).toEqual([]);
  });

  it("opens every context with a statement, and no context without statements", () => {
    const opened = new Set(["file", ...schema.flatMap(blockContexts)]);
    expect([...contexts].filter((context) => !opened.has(context))).toEqual([]);
    expect([...opened].filter((context) => keywordsIn(context).size === 0)).toEqual([]);
    for (const context of opened) expect(describeContext(context)).not.toBe("");
  });

  it.each(rows)("%s is complete", (_, spec) => {
    expect(spec.keyword).toMatch(/^[a-z]+(-[a-z0-9]+)*$/);
    expect(spec.summary).toMatch(/^[A-Z"].*[^.]$|^flannel.*[^.]$/);
    expect(spec.summary.length).toBeLessThan(100);
    expect(spec.documentation).toMatch(/\.$/);
    expect(spec.documentation.length).toBeGreaterThan(40);
    const names = spec.args.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const arg of spec.args) {
      expect(arg.summary).toMatch(/[^.]$/);
      if (!isFlag(arg)) expect(arg.after ?? "word").not.toBe("");
    }
    if (spec.defines !== undefined) expect(names).toContain("name");
    for (const list of [spec.atLeastOneOf, spec.atMostOneOf]) {
      for (const name of list ?? []) expect(names).toContain(name);
    }
    const { block } = spec;
    if (block !== undefined && typeof block !== "string") {
      const decides = spec.args.find(({ name }) => name === block.by);
      const type = decides === undefined || isFlag(decides) ? undefined : decides.type;
      const values = type?.kind === "enum" ? type.values.map(({ value }) => value) : [];
      for (const choice of Object.keys(block.contexts)) expect(values).toContain(choice);
    }
  });

  it.each(rows)("%s has a valid example", (_, spec) => {
    const tree = parse(spec.example);
    expect(tree.root.problemCount).toBe(0);
    const decls = decodeFile(tree);
    expect(problemsIn(decls).map(({ problem }) => problem)).toEqual([]);
    const used = new Set<unknown>();
    const collect = (list: typeof decls): void => {
      for (const decl of list) {
        used.add(decl.spec);
        collect(decl.children);
      }
    };
    collect(decls);
    expect(used.has(spec), "the keyword occurs").toBe(true);
    expect(format(spec.example)).toBe(spec.example);
    // The imported file does not exist.
    if (spec.keyword === "import") return;
    expect(buildTopology([{ file: "example.knet", decls }], modeAddressing).problems).toEqual([]);
  });
});
