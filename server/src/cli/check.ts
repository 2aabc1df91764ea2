/** `knet check`: the diagnostics of files and folders. */
import { catalog } from "../checks/catalog.ts";
import type { RealState } from "../dataplane/real/state.ts";
import { machinesOf } from "../questions/drift/machines.ts";
import { type Analysis, withFailures, withState } from "../service/analysis.ts";
import { sourceAnalysis } from "../service/importing.ts";
import { type LineIndex, lineIndex } from "../text/line-index.ts";
import { jsonText } from "../text/visible.ts";
import { VERSION } from "../version.ts";
import { addAnalysis, checkHere, checkInWorkers, workersFor } from "./check-roots.ts";
import { defaultsOf, type TopologyOptions } from "./defaults.ts";
import { attempt, isReadTwice } from "./files.ts";
import { githubReport } from "./formats/github.ts";
import { junitReport } from "./formats/junit.ts";
import { sarifReport } from "./formats/sarif.ts";
import { textReport } from "./formats/text.ts";
import { areManifests, isManifestInput, readManifests, readSource, shownLine } from "./manifests.ts";
import { type Opened, openAll } from "./open.ts";
import { complain, say, useColour, writeOut } from "./output.ts";
import { type Merged, mergedReport } from "./report.ts";
import type { Report } from "./report-schema.ts";
import { stateAt, stated } from "./state.ts";

export interface CheckOptions extends TopologyOptions {
  readonly format: "text" | "json" | "sarif" | "github" | "junit";
  readonly failOn: "error" | "warning";
  /** Whether fixes are proven and reported. */
  readonly fixes: boolean;
  readonly shard?: Shard;
  /** The folder with the state of real machines. */
  readonly state?: string;
  /** Number of simultaneous failures to evaluate. */
  readonly failures?: 1;
}

/** One of several runs that together check all files: number `index` of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Exit code: 0 clean, 1 problems at or above the threshold, 2 if a file or folder cannot be read; the others are checked. */
export async function check(paths: readonly string[], options: CheckOptions): Promise<number> {
  const defaults = defaultsOf(options);
  const [only] = paths;
  const input = only !== undefined && paths.length === 1 && !isReadTwice(only) ? readSource(only) : undefined;
  const sources = input ? (areManifests(input) ? paths : []) : paths.filter(isManifestInput);
  const others = paths.length === 0 ? ["."] : paths.filter((path) => !sources.includes(path));
  const opened = openAll(others, defaults, input);
  const problems = [...opened.problems];
  const state = options.state === undefined ? undefined : stateAt(options.state);
  const manifests =
    sources.length === 0 || (options.shard?.index ?? 1) > 1
      ? undefined
      : attempt(problems, () => manifestsOf(sources, input, options));
  for (const problem of problems) complain(problem);
  if (opened.files.length === 0 && !manifests) return 2;
  const { files, roots } = partOf(opened, options.shard);
  const checked: Checked = { opened, files, roots, manifests };
  const merged = state ? statedReport(checked, state, options) : await mergedOf(checked, options);
  const textOf = (file: string): string | undefined =>
    manifests?.fileOf(file)?.text ?? opened.service.textOf(file) ?? textIn(state, file);
  write(merged, options, textOf);
  return problems.length > 0 ? 2 : exitCode(merged.report(), options);
}

/** All manifests are one cluster. `input`: the content of the only path if it can be read only once. */
function manifestsOf(paths: readonly string[], input: Uint8Array | undefined, options: CheckOptions): Analysis {
  return stated(sourceAnalysis(readManifests(paths, input), { defaults: defaultsOf(options) }), options.state);
}

type TextOf = (file: string) => string | undefined;

function write(merged: Merged, options: CheckOptions, textOf: TextOf): void {
  const text = print(merged, options, textOf);
  if (options.format === "text") say(text, true);
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

/** Everything that one run checks. */
interface Checked {
  readonly opened: Opened;
  /** The given `.knet` files. */
  readonly files: readonly string[];
  readonly roots: readonly string[];
  /** The cluster of the given manifests. */
  readonly manifests: Analysis | undefined;
}

/** A report with the findings of the manifests. `length`: characters of the other topologies. */
function started({ files, manifests }: Checked, length: number, options: CheckOptions): Merged {
  const texts = manifests?.files ?? [];
  // A folder is a document without text, in which values that no file states are located.
  const own = texts.filter(({ text }, index) => text !== "" || index > 0 || texts.length === 1);
  const total = texts.reduce((sum, { text }) => sum + text.length, length);
  const merged = mergedReport([...own.map(({ file }) => file), ...files], total, options.fixes);
  if (manifests) addAnalysis(failing(options)(manifests), merged, options.format === "junit");
  return merged;
}

/** Adds the single failures if they are requested. */
function failing({ failures }: CheckOptions): (analysis: Analysis) => Analysis {
  return failures === undefined ? (analysis) => analysis : withFailures;
}

/** Machines are searched in all topologies; a topology without any of them is not compared with their state. */
function statedReport(checked: Checked, state: RealState, options: CheckOptions): Merged {
  const { service } = checked.opened;
  const hasMachines = (root: string): boolean => {
    const analysis = service.analysisOf(root);
    return analysis !== undefined && machinesOf(analysis.topology, state).known.size > 0;
  };
  const { roots } = checked;
  const found = roots.length > 1 ? roots.filter(hasMachines) : roots;
  const compared = new Set(found.length === 0 ? roots : found);
  const merged = started(checked, 0, options);
  const view = (analysis: Analysis): Analysis =>
    failing(options)(compared.has(analysis.root) ? withState(analysis, state) : analysis);
  checkHere(service, roots, merged, { withCases: options.format === "junit", view });
  return merged;
}

function textIn(state: RealState | undefined, file: string): string | undefined {
  return state?.documents.find((one) => one.file === file)?.text;
}

async function mergedOf(checked: Checked, options: CheckOptions): Promise<Merged> {
  const { opened, roots } = checked;
  const { service, files } = opened;
  const withCases = options.format === "junit";
  const lengths = roots.map((root) =>
    (service.analysisOf(root)?.files ?? []).reduce((sum, { text }) => sum + text.length, 0),
  );
  const length = lengths.reduce((sum, one) => sum + one, 0);
  const workers = roots.every(isReadTwice) ? workersFor(lengths) : 0;
  if (workers > 1) {
    const merged = started(checked, length, options);
    // If a thread cannot be started or fails, the analysis in this thread reports the same error or succeeds.
    if (
      await checkInWorkers(workers, roots, merged, {
        files,
        defaults: defaultsOf(options),
        withCases,
        failures: options.failures !== undefined,
      }).then(
        () => true,
        () => false,
      )
    )
      return merged;
  }
  const merged = started(checked, length, options);
  checkHere(service, roots, merged, { withCases, view: failing(options) });
  return merged;
}

function print(merged: Merged, { format, failOn }: CheckOptions, textOf: TextOf): string {
  const report = merged.report();
  switch (format) {
    case "text":
      return textReport(report, { colour: useColour(), lineOf: lineReader(textOf) });
    case "json":
      return `${jsonText(report)}\n`;
    case "sarif":
      return sarifReport(report, catalog, VERSION);
    case "github":
      return githubReport(report);
    case "junit":
      return junitReport(report, merged.cases(), failOn);
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
    if (!found || line >= found.index.lineCount()) return undefined;
    const start = found.index.offsetAt({ line, character: 0 });
    const own = found.text.slice(start, found.index.offsetAt({ line, character: Number.POSITIVE_INFINITY }));
    return file.endsWith(".knet") ? own : shownLine(own);
  };
}
