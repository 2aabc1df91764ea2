/** Measurements of whole programs and of unusual sizes: starts, many files, many edits, the largest document. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatEdits } from "../server/src/frontends/knet/format.ts";
import { manifestDocuments } from "../server/src/frontends/kubernetes/document.ts";
import { createDisk } from "../server/src/lsp/disk.ts";
import { createDocuments, type Documents } from "../server/src/lsp/documents.ts";
import { provenFixes } from "../server/src/service/features/fixes.ts";
import { hoverAt } from "../server/src/service/features/hover/index.ts";
import { MAX_TEXT } from "../server/src/service/limits.ts";
import { createService } from "../server/src/service/service.ts";
import { lineIndex } from "../server/src/text/line-index.ts";
import { dumpJson, dumpYaml } from "./dump.ts";
import { COMMON, clusterFile, fixable, hostsOf, unformatted } from "./generate.ts";
import { names } from "./names.ts";
import type { Result } from "./schema.ts";
import { compared, result, timed } from "./statistics.ts";

const URI = "untitled:bench.knet";

/** Runs Node to its end; exit code 2 is a failure of the measurement. */
function ran(args: readonly string[]): void {
  const { status, error } = spawnSync(process.execPath, args, { stdio: "ignore" });
  if (error || status === null || status > 1) throw error ?? new Error(`${args.join(" ")}: exit code ${status}`);
}

/** Whole processes, alternating with an empty program: all run under the same machine load. */
export function starts(program: string, times: number): Result[] {
  const commands = [
    { name: names.start("node"), args: ["-e", "0"] },
    { name: names.start("version"), args: [program, "--version"] },
    { name: names.start("check"), args: [program, "check", "samples/k1.knet"] },
  ].map((one) => ({ ...one, took: [] as number[] }));
  for (let run = -2; run < times; run += 1) {
    for (const { args, took } of commands) {
      const time = timed(() => ran(args));
      if (run >= 0) took.push(time);
    }
  }
  const [node, ...rest] = commands.map(({ name, took }) => result(name, "ms", took));
  return node ? [node, ...rest.map((one) => compared(one, node))] : [];
}

/** `knet check` of a folder whose files all import one common file; half the files for comparison. */
export function manyFiles(program: string, count: number): Result[] {
  const folder = mkdtempSync(join(tmpdir(), "knet-bench-"));
  try {
    const [half, all] = [count / 2, count].map((files) => {
      const own = join(folder, String(files));
      mkdirSync(own);
      writeFileSync(join(own, "common.knet"), COMMON);
      for (let index = 0; index < files; index += 1) writeFileSync(join(own, `c${index}.knet`), clusterFile(index));
      return result(names.files(files), "ms", [timed(() => ran([program, "check", own]))]);
    });
    return half && all ? [half, compared(all, half)] : [];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes the peak memory of a process, in kilobytes, to the file that the environment names. */
const PEAK = `process.on("exit", () => require("node:fs").writeFileSync(process.env.KNET_BENCH_PEAK, String(process.resourceUsage().maxRSS)));`;

/** A dump of a large cluster: reading it in this process, and `knet check` with its peak memory. */
export function dumps(program: string, characters: number, times: number): Result[] {
  const folder = mkdtempSync(join(tmpdir(), "knet-bench-"));
  try {
    const hook = join(folder, "peak.cjs");
    const peak = join(folder, "peak");
    writeFileSync(hook, PEAK);
    process.env["KNET_BENCH_PEAK"] = peak;
    const repeat = (work: () => void): number[] => Array.from({ length: times }, () => timed(work));
    const json = dumpJson(characters);
    const parse = result(
      names.dumpJson,
      "ms",
      repeat(() => JSON.parse(json) as unknown),
    );
    const results = (["json", "yaml"] as const).flatMap((notation): Result[] => {
      const text = notation === "json" ? json : dumpYaml(characters);
      const file = join(folder, `dump.${notation}`);
      writeFileSync(file, text);
      const read = repeat(() => manifestDocuments(file, [{ file, text }]));
      const peaks: number[] = [];
      const check = repeat(() => {
        ran(["--require", hook, program, "check", file]);
        peaks.push(Number(readFileSync(peak, "utf8")) / 1024);
      });
      return [
        compared(result(names.dump("read", notation), "ms", read), parse),
        compared(result(names.dump("check", notation), "ms", check), parse),
        result(names.dump("memory", notation), "MB", peaks),
      ];
    });
    return [parse, ...results];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function opened(text: string): Documents {
  const documents = createDocuments(createDisk());
  documents.open(URI, 1, text);
  documents.analysisOf(URI);
  return documents;
}

/** The edits of the formatter as an editor sends them, from the end of the text, and as one edit of the whole text. */
export function formatting(lines: number, times: number): Result[] {
  const text = unformatted(lines);
  const index = lineIndex(text);
  const many = formatEdits(text)
    .map((edit) => ({
      range: { start: index.positionAt(edit.start), end: index.positionAt(edit.end) },
      text: edit.text,
    }))
    .reverse();
  const formatted = opened(text);
  formatted.change(URI, 2, many);
  const end = index.positionAt(text.length);
  const all = formatted.service.textOf(formatted.get(URI)?.key ?? "") ?? "";
  const one = [{ range: { start: { line: 0, character: 0 }, end }, text: all }];
  const took = { many: [] as number[], one: [] as number[] };
  for (let run = -2; run < times; run += 1) {
    for (const [kind, changes] of [["many", many] as const, ["one", one] as const]) {
      const documents = opened(text);
      const time = timed(() => {
        documents.change(URI, 2, changes);
        documents.analysisOf(URI)?.findings(() => false);
      });
      if (run >= 0) took[kind].push(time);
    }
  }
  const single = result(names.formatted("one"), "ms", took.one);
  return [single, compared(result(names.formatted(many.length), "ms", took.many), single)];
}

/** The largest document that is analyzed, and a larger one, which only has a note. */
export function largest(times: number): Result[] {
  const text = hostsOf(MAX_TEXT - 1000);
  let documents = createDocuments(createDisk());
  let version = 1;
  const hover = (): void => {
    const analysis = documents.analysisOf(URI);
    if (analysis) hoverAt(analysis, documents.get(URI)?.key ?? "", 10);
  };
  const type = (): void => {
    const start = { line: 1, character: 0 };
    documents.change(URI, ++version, [{ range: { start, end: start }, text: "\n" }]);
    hover();
  };
  const first = timed(() => {
    documents.open(URI, version, text);
    hover();
  });
  const strokes = Array.from({ length: times }, () => timed(type));
  documents = createDocuments(createDisk());
  documents.open(URI, version, hostsOf(MAX_TEXT * 1.25));
  const above = Array.from({ length: times }, () => timed(type));
  return [
    result(names.largest("hover"), "ms", [first]),
    result(names.largest("keystroke"), "ms", strokes),
    result(names.largest("above"), "ms", above),
    result(names.largest("memory"), "MB", [process.resourceUsage().maxRSS / 1024]),
  ];
}

/** All fixes of all findings of a small file. */
export function proofs(times: number): Result[] {
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", fixable());
  const analysis = service.analysisOf("a.knet");
  if (!analysis) throw new Error("no analysis of an open file");
  const findings = analysis.findings(() => false) ?? [];
  const prove = (): number => findings.flatMap((one) => provenFixes(analysis, one, () => false) ?? []).length;
  if (prove() < 5) throw new Error("the file has too few fixes");
  return [
    result(
      names.proofs,
      "ms",
      Array.from({ length: times }, () => timed(prove)),
    ),
  ];
}
