import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generated, leftOver, words } from "../../../scripts/generate.ts";
import { catalog } from "../../../server/src/checks/catalog.ts";
import { contexts, describeContext, keywordsIn, schema } from "../../../server/src/declared/schema/index.ts";
import { createService } from "../../../server/src/service/service.ts";

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const made = generated();
const files = [...made];

describe("generated files", () => {
  it.each(files)("%s is up to date (`npm run generate`)", (path, text) => {
    expect(read(path)).toBe(text);
  });

  it("contain no page of a removed code", () => {
    expect(leftOver()).toEqual([]);
  });

  it("link to existing anchors and pages", () => {
    for (const [path, text] of files.filter(([name]) => name.endsWith(".md"))) {
      const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id));
      for (const [, title = ""] of text.matchAll(/^#+ (.+)$/gm)) anchors.add(title.toLowerCase().replaceAll(" ", "-"));
      for (const [, anchor] of text.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors, `${path}#${anchor}`).toContain(anchor);
      const folder = path.slice(0, path.lastIndexOf("/") + 1);
      for (const [, target = ""] of text.matchAll(/\]\(([\w/]+\.md)\)/g))
        expect(made.has(folder + target), `${path} → ${target}`).toBe(true);
    }
  });
});

describe("docs/language.md", () => {
  const text = read("docs/language.md");

  it("contains each row of the schema once", () => {
    for (const spec of schema) expect(text.split(`\n${spec.documentation}\n`).length, spec.keyword).toBeGreaterThan(1);
    expect(text.match(/^### /gm)).toHaveLength(schema.length);
  });

  it("has a section for every block", () => {
    for (const context of contexts) {
      expect(text).toContain(`${context === "file" ? "At" : "In"} ${describeContext(context)}`);
      expect(keywordsIn(context).size).toBeGreaterThan(0);
    }
  });
});

describe("docs/diagnostics", () => {
  it("has a page for every code, and every code in the index that the editor links to", () => {
    const index = read("docs/diagnostics.md");
    for (const { code, documentation } of catalog) {
      expect(index).toContain(`<a id="${code.toLowerCase()}"></a>[${code}](diagnostics/${code}.md)`);
      const page = read(`docs/diagnostics/${code}.md`);
      // The example is between the text and its references.
      for (const part of documentation.trim().split(/^(?=## References$)/m)) expect(page).toContain(part.trim());
      for (const title of ["What happens", "How to fix it", "Example"]) expect(page).toContain(`\n## ${title}\n`);
    }
  });
});

describe("the keywords of the grammar", () => {
  it("match the schema", () => {
    const { defining, keywords, literals, values } = words();
    expect(new Set([...defining, ...keywords])).toEqual(new Set(schema.map(({ keyword }) => keyword)));
    expect(defining.filter((word) => keywords.includes(word))).toEqual([]);
    expect(literals).toEqual(expect.arrayContaining(["via", "on", "per-node", "mtu"]));
    expect(values).toEqual(expect.arrayContaining(["flannel", "vxlan", "host-gw", "reachable", "blackhole"]));
  });
});

/** Known errors in examples of the schema: remove a row after its example is fixed. */
const KNOWN_ERRORS: ReadonlyMap<string, readonly string[]> = new Map([
  ["namespace in cluster", ["KN702"]],
  ["cni in node, nodes", ["KN227"]],
  ["iface in cni flannel, node cni flannel", ["KN227"]],
  ["public-ip in node cni flannel", ["KN227"]],
]);

describe("examples of the schema", () => {
  // The imported file is not part of the example.
  // The examples read files.
  const examples = schema.filter(({ keyword }) => !["import", "manifests", "network", "state"].includes(keyword));
  it.each(examples.map((spec) => [`${spec.keyword} in ${spec.in.join(", ")}`, spec.example]))(
    "%s",
    (title, example) => {
      const service = createService({ resolveImport: () => undefined });
      service.setText("example.knet", example);
      const findings = service.analysisOf("example.knet")?.findings(() => false) ?? [];
      const errors = findings.filter(({ severity }) => severity === "error");
      const shown = errors.map(({ code, message }) => `${code} ${message}`).join("\n");
      expect(
        errors.map(({ code }) => code),
        shown,
      ).toEqual(KNOWN_ERRORS.get(title) ?? []);
    },
  );
});
