/** `knet check` of many files: worker threads and shards report the same as one thread. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkHere, checkInWorkers, workersFor } from "../../server/src/cli/check-roots.ts";
import { openAll } from "../../server/src/cli/open.ts";
import { type Merged, mergedReport } from "../../server/src/cli/report.ts";
import type { Diagnostic, Report } from "../../server/src/cli/report-schema.ts";
import { knet } from "./run.ts";

const FILES = 120;
/** Padding, so the text is enough for several threads. */
const COMMENT = `# ${"x".repeat(5000)}\n`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "knet-many-"));
  // A finding in the common file, which every topology contains; it has a fix.
  const common = `segment lan {\n  cidr 10.0.0.1/16\n  gateway gw\n}\nrouter gw { attach lan 10.0.255.254 }\n`;
  writeFileSync(join(folder, "common.knet"), common);
  for (let index = 0; index < FILES; index++) {
    const name = `f${String(index).padStart(3, "0")}`;
    // Every third file has findings, with and without fixes; the last ones form an import cycle.
    const wrong =
      index % 3 === 0 ? `host ${name}-b { atach lan 10.0.1.${index} }\nhost ${name}-c { attach nowhere }\n` : "";
    const next = index >= FILES - 3 ? `import "f${FILES - 3 + ((index - FILES + 4) % 3)}.knet"\n` : "";
    const text = `import "common.knet"\n${next}${COMMENT}host ${name} { attach lan 10.0.2.${index} }\n${wrong}`;
    writeFileSync(join(folder, `${name}.knet`), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

function reportOf(args: readonly string[] = []): Report {
  const { out, err } = knet(["check", folder, "--format", "json", ...args]);
  expect(err).toBe("");
  return JSON.parse(out) as Report;
}

/** In this thread. */
function expected(): Merged {
  const { service, files } = openAll([folder]);
  const roots = service.roots();
  const length = roots.reduce((sum, root) => sum + lengthOf(service.analysisOf(root)?.files ?? []), 0);
  const merged = mergedReport(files, length);
  checkHere(service, roots, merged, { withCases: true });
  return merged;
}

function lengthOf(files: readonly { readonly text: string }[]): number {
  return files.reduce((sum, { text }) => sum + text.length, 0);
}

describe("many files", () => {
  it("use worker threads only if there is enough text", () => {
    const most = Math.min(16, availableParallelism());
    expect(workersFor([1_000_000])).toBe(1);
    expect(workersFor([1000, 1000])).toBe(0);
    expect(workersFor(Array.from({ length: FILES }, () => 5000))).toBe(Math.min(most, 3));
    expect(workersFor(Array.from({ length: 10_000 }, () => 10_000))).toBe(most);
  });

  it("have the same report as in one thread, with fixes, in the same order", () => {
    const report = reportOf();
    expect(report).toEqual(expected().report());
    expect(report.files.map(({ path }) => path.slice(-8))).toEqual([
      "mon.knet",
      ...Array.from({ length: FILES }, (_, index) => `${String(index).padStart(3, "0")}.knet`),
    ]);
    const common = report.files[0]?.diagnostics ?? [];
    expect(common.map(({ code, fixes }) => [code, fixes.length > 0])).toEqual([["KN014", true]]);
    expect(report.summary.errors).toBeGreaterThan(2 * (FILES / 3));
  });

  it("have the same report with two threads on a machine with one processor", async () => {
    const program = process.argv[1];
    process.argv[1] = join(import.meta.dirname, "../../dist/knet.cjs");
    try {
      const { service, files } = openAll([folder]);
      const roots = service.roots();
      const length = roots.reduce((sum, root) => sum + lengthOf(service.analysisOf(root)?.files ?? []), 0);
      const merged = mergedReport(files, length);
      await checkInWorkers(2, roots, merged, { files, defaults: undefined, withCases: true });
      const one = expected();
      expect(merged.report()).toEqual(one.report());
      expect(merged.cases()).toEqual(one.cases());
    } finally {
      if (program !== undefined) process.argv[1] = program;
    }
  });

  it("reject if a thread ends early", async () => {
    const program = process.argv[1];
    process.argv[1] = join(folder, "common.knet");
    const shared = { files: [], defaults: undefined, withCases: false };
    try {
      await expect(checkInWorkers(2, ["a", "b"], mergedReport([], 0), shared)).rejects.toThrow();
    } finally {
      if (program !== undefined) process.argv[1] = program;
    }
  });
});

describe("--shard", () => {
  const keysOf = ({ files }: Report): string[] =>
    files.flatMap(({ path, diagnostics }) => [path, ...diagnostics.map((one) => keyOf(path, one))]);
  const keyOf = (path: string, { code, range, message }: Diagnostic): string =>
    JSON.stringify([path, code, range, message]);

  it("reports of all shards together contain every file and every finding", () => {
    const shards = [1, 2, 3].map((index) => reportOf(["--shard", `${index}/3`]));
    expect(new Set(shards.flatMap(keysOf))).toEqual(new Set(keysOf(expected().report())));
    const paths = shards.map(({ files }) => files.map(({ path }) => path));
    for (const list of paths) expect(list.length).toBeLessThan(FILES / 2);
  });

  it("can be empty", () => {
    const { code, out } = knet(["check", "samples/k1.knet", "--shard", "2/2"]);
    expect(out).toBe("0 files: 0 errors, 0 warnings\n");
    expect(code).toBe(0);
    expect(knet(["check", "samples/k1.knet", "--shard", "1/2"]).out).toBe("1 file: 0 errors, 0 warnings\n");
  });

  it.each([["0/2"], ["3/2"], ["1"], ["a/b"], ["1/0"], ["-1/2"], ["1/2/3"], [""]])("rejects %j", (text) => {
    const { code, err } = knet(["check", "samples/k1.knet", `--shard=${text}`]);
    expect(code).toBe(2);
    expect(err).toContain("expected I/N, with I from 1 to N and N up to 999999, such as 1/4");
  });
});

it("the command of the worker threads is not a command for users", () => {
  expect(knet(["check-worker"])).toEqual({
    code: 2,
    out: "",
    err: "knet: unknown command `check-worker`; run `knet --help`\n",
  });
  expect(knet(["--help"]).out).not.toContain("worker");
});
