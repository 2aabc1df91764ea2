/** `knet check`: the diagnostics of files and folders. */
import { catalog } from "../checks/catalog.ts";
import type { Analysis } from "../service/analysis.ts";
import { type LineIndex, lineIndex } from "../text/line-index.ts";
import { jsonText } from "../text/visible.ts";
import { VERSION } from "../version.ts";
import { addAnalysis, checkHere, checkInWorkers, workersFor } from "./check-roots.ts";
import { attempt, isReadTwice, type Opened, openAll } from "./files.ts";
import { githubReport } from "./formats/github.ts";
import { sarifReport } from "./formats/sarif.ts";
import { textReport } from "./formats/text.ts";
import { areManifests, isManifestInput, manifestAnalysis, readManifests, readSource, shownLine } from "./manifests.ts";
import { complain, say, useColour, writeOut } from "./output.ts";
import { type Merged, mergedReport } from "./report.ts";
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
  const [only] = paths;
  const input = only !== undefined && paths.length === 1 && !isReadTwice(only) ? readSource(only) : undefined;
  const sources = input ? (areManifests(input) ? paths : []) : paths.filter(isManifestInput);
  const others = paths.length === 0 ? ["."] : paths.filter((path) => !sources.includes(path));
  const opened = openAll(others, input);
  const problems = [...opened.problems];
  const manifests =
    sources.length === 0 || (options.shard?.index ?? 1) > 1
      ? undefined
      : attempt(problems, () => manifestsOf(sources, input));
  for (const problem of problems) complain(problem);
  if (opened.files.length === 0 && !manifests) return 2;
  const { files, roots } = partOf(opened, options.shard);
  const report = await reportOf(opened, files, roots, manifests);
  write(report, options, (file) => manifests?.fileOf(file)?.text ?? opened.service.textOf(file));
  return problems.length > 0 ? 2 : exitCode(report, options);
}

/** All manifests are one cluster. `input`: the content of the only path if it can be read only once. */
function manifestsOf(paths: readonly string[], input: Uint8Array | undefined): Analysis {
  return manifestAnalysis(readManifests(paths, input));
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
  manifests: Analysis | undefined,
): Promise<Report> {
  const lengths = roots.map((root) =>
    (service.analysisOf(root)?.files ?? []).reduce((sum, { text }) => sum + text.length, 0),
  );
  const length = [...lengths, ...(manifests?.files ?? []).map(({ text }) => text.length)].reduce(
    (sum, one) => sum + one,
    0,
  );
  const start = (): Merged => {
    const merged = mergedReport([...(manifests?.files ?? []).map(({ file }) => file), ...files], length);
    if (manifests) addAnalysis(manifests, merged);
    return merged;
  };
  const workers = roots.every(isReadTwice) ? workersFor(lengths) : 0;
  if (workers > 1) {
    const merged = start();
    // If a thread cannot be started or fails, the analysis in this thread reports the same error or succeeds.
    if (
      await checkInWorkers(workers, roots, merged, named).then(
        () => true,
        () => false,
      )
    )
      return merged.report();
  }
  const merged = start();
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
