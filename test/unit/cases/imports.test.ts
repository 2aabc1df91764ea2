/** Imports: a file belongs to the root that imports it, in any order of names, and limits are reported. */
import { describe, expect, it } from "vitest";
import { MAX_TEXT } from "../../../server/src/service/limits.ts";
import { pulling } from "../../../server/src/service/pull.ts";
import { createService, type Service } from "../../../server/src/service/service.ts";

interface Disk {
  readonly service: Service;
  /** Number of resolved imports. */
  resolved(): number;
}

/** Opens the files in this order; files that are not opened are on disk. */
function opened(files: Readonly<Record<string, string>>, order: readonly string[]): Disk {
  let resolved = 0;
  const closed = createService({
    resolveImport(_from, path) {
      resolved += 1;
      return path;
    },
  });
  const service = pulling(closed, (file) => files[file]);
  for (const file of order) service.setText(file, files[file] ?? "");
  return { service, resolved: () => resolved };
}

/** The findings of all roots: "b.knet KN012". */
function findings(service: Service): string[] {
  const found = service
    .roots()
    .flatMap((root) => service.analysisOf(root)?.findings(() => false) ?? [])
    .map(({ source, code }) => `${source.file} ${code}`);
  return [...new Set(found)].sort();
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((one) => permutations(items.filter((other) => other !== one)).map((rest) => [one, ...rest]));
}

describe("the root of a file", () => {
  /** A chain: the last file imports the one before it, and so on; the first and the third need the segment of the last. */
  const chain = ([first = "", second = "", third = "", last = ""]: readonly string[]): Record<string, string> => ({
    [first]: "host k { attach lan 10.0.0.6 }\n",
    [second]: `import "${first}"\n`,
    [third]: `import "${second}"\nhost h { attach lan 10.0.0.5 }\n`,
    [last]: `import "${third}"\nsegment lan { cidr 10.0.0.0/24 }\n`,
  });

  it("is found transitively, whatever the names and the order of opening", () => {
    const names = ["a.knet", "b.knet", "c.knet", "d.knet"];
    for (const named of permutations(names)) {
      for (const order of permutations(names)) {
        const { service } = opened(chain(named), order);
        expect(findings(service)).toEqual([]);
        expect(service.roots()).toEqual([named[3]]);
        for (const file of names) expect(service.analysisOf(file)?.root).toBe(named[3]);
      }
    }
  });

  it("is found through a file that is not open", () => {
    const { service } = opened(chain(["a.knet", "b.knet", "c.knet", "d.knet"]), ["a.knet", "d.knet"]);
    expect(service.analysisOf("a.knet")?.root).toBe("d.knet");
  });

  it("is the first in name order if files import each other, or if several roots import the file", () => {
    const files = {
      "m.knet": 'import "n.knet"\nsegment lan { cidr 10.0.0.0/24 }\n',
      "n.knet": 'import "m.knet"\nimport "shared.knet"\n',
      "o.knet": 'import "shared.knet"\n',
      "p.knet": "",
      "shared.knet": "",
    };
    for (const order of permutations(Object.keys(files))) {
      const { service } = opened(files, order);
      expect([...service.roots()].sort()).toEqual(["m.knet", "o.knet", "p.knet"]);
      expect(service.analysisOf("n.knet")?.root).toBe("m.knet");
      expect(service.analysisOf("shared.knet")?.root).toBe("m.knet");
    }
  });

  it("changes with an edit", () => {
    const { service } = opened({ "a.knet": "\n", "b.knet": 'import "a.knet"\n' }, ["a.knet", "b.knet"]);
    expect(service.roots()).toEqual(["b.knet"]);
    service.edit("b.knet", [{ start: 0, end: 'import "a.knet"'.length, text: "" }]);
    expect(service.roots()).toEqual(["a.knet", "b.knet"]);
    service.edit("a.knet", [{ start: 0, end: 0, text: 'import "b.knet"' }]);
    expect(service.roots()).toEqual(["a.knet"]);
  });

  it("costs linear time: 2,000 files that import one common file", () => {
    const names = Array.from({ length: 2000 }, (_, i) => `f${i}.knet`);
    const files = Object.fromEntries(names.map((name, i) => [name, `import "z.knet"\nhost h${i} { attach lan }\n`]));
    const { service, resolved } = opened({ ...files, "z.knet": "segment lan { cidr 10.0.0.0/16 }\n" }, [
      ...names,
      "z.knet",
    ]);
    expect(findings(service)).toEqual([]);
    expect(service.roots()).toHaveLength(2000);
    for (const name of names) expect(service.analysisOf(name)?.root).toBe(name);
    // Each import is resolved once.
    expect(resolved()).toBe(2000);
  });

  it("is found in a long chain", () => {
    const length = 50_000;
    const files = Object.fromEntries(
      Array.from({ length }, (_, i) => [`f${i}.knet`, i === length - 1 ? "" : `import "f${i + 1}.knet"\n`]),
    );
    const { service } = opened(files, Object.keys(files).reverse());
    expect(service.roots()).toEqual(["f0.knet"]);
  });
});

describe("limits", () => {
  const messages = (service: Service, root: string): readonly string[] =>
    (service.analysisOf(root)?.findings(() => false) ?? []).map(
      ({ code, message, source }) => `${source.file} ${code} ${message}`,
    );

  it("a chain of 1,004 imports whose last file is wrong is not clean", () => {
    const files = Object.fromEntries(
      Array.from({ length: 1004 }, (_, i) => [
        `f${i}.knet`,
        i === 1003 ? "host h { attach nowhere }\n" : `import "f${i + 1}.knet"\n`,
      ]),
    );
    expect(messages(opened(files, ["f0.knet"]).service, "f0.knet")).toEqual([
      "f999.knet KN015 `f1000.knet` and later imports are not analyzed: the topology has more than 1,000 files",
    ]);
  });

  it("1,000 files are analyzed", () => {
    const files = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [
        `f${i}.knet`,
        i === 999 ? "host h { attach nowhere }\n" : `import "f${i + 1}.knet"\n`,
      ]),
    );
    expect(messages(opened(files, ["f0.knet"]).service, "f0.knet")).toEqual([
      "f999.knet KN012 segment `nowhere` is not declared",
    ]);
  });

  it("an import that is too large is reported, alone and with others", () => {
    const comment = (length: number): string => `#${" ".repeat(length - 2)}\n`;
    const one = { "a.knet": 'import "big.knet"\n', "big.knet": comment(MAX_TEXT + 1) };
    for (const order of [["a.knet"], ["a.knet", "big.knet"], ["big.knet", "a.knet"]])
      expect(messages(opened(one, order).service, "a.knet")).toEqual([
        "a.knet KN015 `big.knet` is not analyzed: the file has more than 4,000,000 characters",
      ]);
    const half = comment(MAX_TEXT / 2);
    const three = {
      "a.knet": 'import "b.knet"\nimport "c.knet"\nimport "d.knet"\nimport "e.knet"\n',
      "b.knet": half,
      "c.knet": half,
      "d.knet": half,
      "e.knet": half,
    };
    expect(messages(opened(three, ["a.knet"]).service, "a.knet")).toEqual([
      "a.knet KN015 `c.knet` and later imports are not analyzed: the topology has more than 4,000,000 characters",
    ]);
  });

  it("the reason why an existing file cannot be read is part of the message", () => {
    const service = pulling(createService({ resolveImport: (_from, path) => path }), (file) =>
      file === "pipe" ? { problem: "not a regular file" } : undefined,
    );
    service.setText("a.knet", 'import "pipe"\nimport "missing.knet"\n');
    expect(messages(service, "a.knet")).toEqual([
      "a.knet KN015 `pipe` cannot be read (not a regular file)",
      "a.knet KN015 `missing.knet` cannot be read (paths are relative to this file)",
    ]);
  });
});
