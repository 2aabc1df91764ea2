/** `knet check`: the diagnostics of files and folders. */
import { catalog } from "../checks/catalog.ts";
import { shownLine } from "../frontends/kubernetes/private.ts";
import { type LineIndex, lineIndex } from "../text/line-index.ts";
import { jsonText } from "../text/visible.ts";
import { VERSION } from "../version.ts";
import { addAnalysis, checkHere, checkInWorkers, workersFor } from "./check-roots.ts";
import { isReadTwice, type Opened, openAll, STDIN } from "./files.ts";
import { githubReport } from "./formats/github.ts";
import { sarifReport } from "./formats/sarif.ts";
import { textReport } from "./formats/text.ts";
import { areManifests, isManifestInput, manifestAnalysis, readManifests, readSource } from "./manifests.ts";
import { complain, say, useColour, writeOut } from "./output.ts";
import { mergedReport } from "./report.ts";
import type { Report } from "./report-schema.ts";

export interface CheckOptions {
  readonly format: "text" | "json" | "sarif" | "github";
  readonly failOn: "error" | "warning";
  readonly shard?: Shard;
}

/** One of several runs that together check all files: number `index` of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Exit code: 0 clean, 1 problems at or above the threshold, 2 if a file or folder cannot be read; the others are checked. */
export async function check(paths: readonly string[], options: CheckOptions): Promise<number> {
  // All manifests are one cluster.
  const input = paths.length === 1 && paths[0] === STDIN ? readSource(STDIN) : undefined;
  if (input ? areManifests(input) : paths.length > 0 && paths.every(isManifestInput))
    return checkManifests(paths, input, options);
  const opened = openAll(paths.length === 0 ? ["."] : paths, input);
  const { service, problems } = opened;
  for (const problem of problems) complain(problem);
  if (opened.files.length === 0) return 2;
  const { files, roots } = partOf(opened, options.shard);
  const report = await reportOf(opened, files, roots);
  write(report, options, (file) => service.textOf(file));
  return problems.length > 0 ? 2 : exitCode(report, options);
}

/** `input`: standard input, if it is the only path. */
function checkManifests(paths: readonly string[], input: Uint8Array | undefined, options: CheckOptions): number {
  const analysis = manifestAnalysis(readManifests(paths, input));
  const merged = mergedReport(
    analysis.files.map(({ file }) => file),
    analysis.files.reduce((sum, { text }) => sum + text.length, 0),
  );
  addAnalysis(analysis, merged);
  const report = merged.report();
  write(report, options, (file) => analysis.fileOf(file)?.text);
  return exitCode(report, options);
}

type TextOf = (file: string) => string | undefined;

function write(report: Report, { format }: CheckOptions, textOf: TextOf): void {
  const text = print(report, format, textOf);
  if (format === "text") say(text, true);
  else writeOut(text);
}

function exitCode({ summary: { errors, warnings } }: Report, { failOn }: CheckOptions): number {
  return errors > 0 || (failOn === "warning" && warnings > 0) ? 1 : 0;
}

/**
 * The topologies of a shard and the given files in them. A file that several topologies import is in the shard of the first; if
 * topologies of other shards have findings in it, their reports also list it.
 */
function partOf(
  { service, files }: Pick<Opened, "service" | "files">,
  shard: Shard | undefined,
): { readonly files: readonly string[]; readonly roots: readonly string[] } {
  const all = service.roots();
  if (shard === undefined) return { files, roots: all };
  const roots = all.filter((_, index) => index % shard.count === shard.index - 1);
  const own = new Set(roots);
  return { files: files.filter((file) => own.has(service.rootOf(file))), roots };
}

async function reportOf(
  { service, files: named }: Opened,
  files: readonly string[],
  roots: readonly string[],
): Promise<Report> {
  const lengths = roots.map((root) =>
    (service.analysisOf(root)?.files ?? []).reduce((sum, { text }) => sum + text.length, 0),
  );
  const length = lengths.reduce((sum, one) => sum + one, 0);
  const workers = roots.every(isReadTwice) ? workersFor(lengths) : 0;
  if (workers > 1) {
    const merged = mergedReport(files, length);
    // If a thread cannot be started or fails, the analysis in this thread reports the same error or succeeds.
    if (
      await checkInWorkers(workers, roots, merged, named).then(
        () => true,
        () => false,
      )
    )
      return merged.report();
  }
  const merged = mergedReport(files, length);
  checkHere(service, roots, merged);
  return merged.report();
}

function print(report: Report, format: CheckOptions["format"], textOf: TextOf): string {
  switch (format) {
    case "text":
      return textReport(report, { colour: useColour(), lineOf: lineReader(textOf) });
    case "json":
      return `${jsonText(report)}\n`;
    case "sarif":
      return sarifReport(report, catalog, VERSION);
    case "github":
      return githubReport(report);
  }
}

/** Reads lines by the rule that positions are counted by: LF, CRLF, and CR end a line. */
function lineReader(textOf: TextOf): (file: string, line: number) => string | undefined {
  const known = new Map<string, { readonly text: string; readonly index: LineIndex } | undefined>();
  return (file, line) => {
    if (!known.has(file)) {
      const text = textOf(file);
      known.set(file, text === undefined ? undefined : { text, index: lineIndex(text) });
    }
    const found = known.get(file);
    if (!found || line >= found.index.lineCount) return undefined;
    const start = found.index.offsetAt({ line, character: 0 });
    const own = found.text.slice(start, found.index.offsetAt({ line, character: Number.POSITIVE_INFINITY }));
    return file.endsWith(".knet") ? own : shownLine(own);
  };
}
