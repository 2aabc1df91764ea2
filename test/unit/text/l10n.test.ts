/** Texts are translatable: taken from the sources, filled with values, and nothing that a person reads is left out. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { catalog } from "../../../server/src/checks/catalog.ts";
import { createService } from "../../../server/src/service/service.ts";
import { either, list, number, plural } from "../../../server/src/text/format.ts";
import { installBundle, t, translated } from "../../../server/src/text/l10n.ts";
import { ask } from "../../../server/src/trace/trace.ts";
import { extracted, fixedLength, plain, unmarked, withMarks } from "./pseudo.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

afterEach(() => installBundle(undefined));

describe("t", () => {
  it("fills in its values", () => {
    expect(t`no route to ${"10.0.0.0/8"} via ${1}`).toBe("no route to 10.0.0.0/8 via 1");
  });

  it("takes the translation of the bundle, whose values can be in another order", () => {
    installBundle({ "{0} has no route to {1}": "no hay ruta a {1} en {0}" }, "es");
    expect(t`${"n1"} has no route to ${"10.0.0.0/8"}`).toBe("no hay ruta a 10.0.0.0/8 en n1");
    expect(t`not translated: ${1}`).toBe("not translated: 1");
  });

  it("leaves braces of the language alone", () => {
    installBundle({ "`{0}` requires a block: { … }": "{0}: { … } {7}" }, "es");
    expect(t`\`${"node"}\` requires a block: { … }`).toBe("node: { … } {7}");
  });
});

describe("numbers and lists", () => {
  it("agree with their noun and follow American punctuation", () => {
    expect(plural(1, "node")).toBe("1 node");
    expect(plural(4096, "address", "addresses")).toBe("4,096 addresses");
    expect(number(1n << 80n)).toBe("2^80");
    expect(list(["a", "b"])).toBe("a and b");
    expect(list(["a", "b", "c"])).toBe("a, b, and c");
    expect(list(["a", "b", "c", "d", "e", "f"])).toBe("a, b, c, and 3 more");
    expect(either(["a", "b", "c"])).toBe("a, b, or c");
  });

  it("are translated", () => {
    installBundle({ "{0} node": "{0} 个节点", "{0} nodes": "{0} 个节点", "{0} more": "另外 {0} 个" }, "zh-cn");
    expect(plural(2, "node")).toBe("2 个节点");
    expect(list(["a", "b", "c", "d"])).toBe("a、b、c和另外 1 个");
    expect(translated("unknown")).toBe("unknown");
  });
});

describe("the sources", () => {
  it("build no text while a module loads, before a bundle is installed", () => {
    expect(extracted().early).toEqual([]);
  });

  it("have literals for all texts", () => {
    expect(extracted().dynamic).toEqual([]);
  });
});

const files = readdirSync(`${root}samples`, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".knet"))
  .map((name) => ({ name, text: readFileSync(`${root}samples/${name}`, "utf8") }));
const examples = catalog.flatMap(({ code, example }) =>
  example.language !== undefined ? [] : [{ name: `example of ${code}`, text: example.bad }],
);

interface Shown {
  readonly where: string;
  readonly code: string;
  readonly kind: "message" | "related" | "fix";
  readonly text: string;
}

/** Every message, related text, and fix title of the samples and of the examples in the documentation, marked. */
function shown(): readonly Shown[] {
  return [...files, ...examples].flatMap(({ name, text }) => {
    const service = createService({
      resolveImport: (_, path) => path,
      configFiles: () => [],
    });
    service.setText(name, text);
    return (service.analysisOf(name)?.findings(() => false) ?? []).flatMap(({ code, message, related, fixes }) => [
      { where: name, code, kind: "message" as const, text: message },
      ...related.map((one) => ({ where: name, code, kind: "related" as const, text: one.message })),
      ...fixes.map(({ title }) => ({ where: name, code, kind: "fix" as const, text: title })),
    ]);
  });
}

/** Characters of fixed text in a message, not counting values and embedded failure reasons. Kinds ("node", "segment") count. */
const LONGEST_MESSAGE = 175;
const USUAL_MESSAGE = 160;
const LONGEST_TITLE = 60;

describe("diagnostics", () => {
  const { all, lengths } = withMarks((keys) => {
    const found = shown();
    const { texts } = extracted();
    const counts = (id: number): boolean => {
      const file = texts.get(keys[id] ?? "") ?? "";
      return !/^server\/src\/(?:dataplane|trace)\//.test(file);
    };
    return { all: found, lengths: found.map(({ text }) => fixedLength(text, counts)) };
  });

  it("are texts as a whole", () => {
    const left = all.filter(({ text }) => /[a-z]{2}/i.test(unmarked(text)));
    expect(left.map(({ where, code, text }) => `${where} ${code}: ${plain(text)}`)).toEqual([]);
  });

  it(`have messages of at most ${LONGEST_MESSAGE} characters besides their values, usually at most ${USUAL_MESSAGE}`, () => {
    const messages = all
      .map((one, i) => ({ ...one, length: lengths[i] ?? 0 }))
      .filter(({ kind }) => kind === "message");
    const line = ({ where, code, text, length }: (typeof messages)[number]): string =>
      `${length} ${where} ${code}: ${plain(text)}`;
    expect(messages.filter(({ length }) => length > LONGEST_MESSAGE).map(line)).toEqual([]);
    const long = new Set(messages.filter(({ length }) => length > USUAL_MESSAGE).map(({ code }) => code));
    // "About 160": the rest name several machines, whose kinds count.
    expect([...long].length).toBeLessThanOrEqual(10);
  });

  it("have no final period and no capital at the start of a message", () => {
    const wrong = all.filter(({ kind, text }) => kind !== "fix" && /\.$/.test(plain(text)));
    expect(wrong.map(({ code, text }) => `${code}: ${plain(text)}`)).toEqual([]);
  });

  it(`have fix titles of at most ${LONGEST_TITLE} characters besides their values, in sentence case`, () => {
    const titles = all.map((one, i) => ({ ...one, length: lengths[i] ?? 0 })).filter(({ kind }) => kind === "fix");
    const wrong = titles.filter(({ text, length }) => length > LONGEST_TITLE || !/^[A-Z`]/.test(plain(text)));
    expect([...new Set(wrong.map(({ code, text }) => `${code}: ${plain(text)}`))]).toEqual([]);
  });
});

describe("traces", () => {
  it.each([
    ["flannel-vxlan.knet", "web", "db", 5432],
    ["services.knet", "web", "api", 80],
    ["calico-bgp.knet", "web", "db", 5432],
  ] as const)("of %s consist of texts, values, and rules", (name, from, to, port) => {
    const marked = withMarks(() => {
      const service = createService({
        resolveImport: (_, path) => path,
        configFiles: () => [],
      });
      service.setText(name, readFileSync(`${root}samples/${name}`, "utf8"));
      const analysis = service.analysisOf(name);
      if (!analysis) throw new Error(name);
      const { topology, network } = analysis;
      const answer = ask(
        { topology, network, locate: () => undefined },
        { from, to, port, df: false, proto: undefined, size: undefined, family: undefined },
      );
      if (!answer.ok) throw new Error(answer.error);
      return answer.trace;
    });
    const texts = marked.paths.flatMap((path) => [
      ...path.hops.map(({ text }) => text),
      ...(path.reply?.hops.map(({ text }) => text) ?? []),
      ...(path.reason ? [path.reason.message] : []),
    ]);
    const left = texts.filter((text) => text !== undefined && /[a-z]{3}/i.test(unmarked(text)));
    expect(left).toEqual([]);
    expect(texts.length).toBeGreaterThan(5);
  });
});
