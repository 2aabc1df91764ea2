/** `knet lab`: the topology in network namespaces, as a script or held against this machine's kernel. */
import { writeFileSync } from "node:fs";
import { basename, extname } from "node:path";
import type { NetnsId } from "../dataplane/model.ts";
import { planLab } from "../lab/plan.ts";
import { labScript } from "../lab/script.ts";
import type { Analysis } from "../service/analysis.ts";
import { VERSION } from "../version.ts";
import { LabError, UsageError } from "./errors.ts";
import { analysisOf, STDIN } from "./files.ts";
import { namespaceCount, namespacesOf, questionsOf } from "./lab-ask.ts";
import { report } from "./lab-report.ts";
import { findLacks, removeStale, runLab } from "./lab-run.ts";

export interface LabOptions {
  readonly run: boolean;
  readonly output?: string;
  readonly probes: number;
  readonly seed: number;
  readonly nodes?: number;
  readonly pods?: number;
  readonly name?: string;
  readonly pcap?: string;
}

/** Beyond that a machine takes minutes, and nobody looks at so many. */
const MOST_NAMESPACES = 500;

/** Exit code: 0 all as predicted (or the script written), 1 otherwise. */
export async function lab(file: string, options: LabOptions): Promise<number> {
  const analysis = analysisOf(file);
  const ids = namespacesFor(file, analysis, options);
  if (options.run) return compareWithKernel(file, analysis, ids, options);
  const name = options.name ?? defaultName(file);
  if (!/^[\w.-]{1,100}$/.test(name) || name.startsWith("."))
    throw new UsageError(`--name ${name}: letters, digits, - and _ are possible`);
  const script = labScript(planLab(analysis.network, ids, name, new Set()), { source: file, version: VERSION });
  if (options.output === undefined) process.stdout.write(script);
  else write(options.output, script);
  return 0;
}

function defaultName(file: string): string {
  const word = file === STDIN ? "stdin" : basename(file, extname(file));
  return `knet-${word.replaceAll(/[^\w-]/g, "-").slice(0, 60)}`;
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o755 });
  } catch (error) {
    throw new UsageError(`${file}: cannot be written (${error instanceof Error ? error.message : String(error)})`);
  }
}

function namespacesFor(file: string, { topology }: Analysis, { nodes, pods }: LabOptions): readonly NetnsId[] {
  const limited = nodes !== undefined || pods !== undefined;
  const all = namespaceCount(topology);
  if (all === 0) throw new UsageError(`${file}: there is nothing to build: no node, router or host`);
  if (all > MOST_NAMESPACES && !limited) {
    throw new UsageError(
      `${file}: its lab would be ${all.toLocaleString("en")} namespaces; --nodes 10 --pods 3 builds ten nodes of each cluster and three pods of each node`,
    );
  }
  const ids = namespacesOf(topology, nodes ?? Number.POSITIVE_INFINITY, pods ?? Number.POSITIVE_INFINITY);
  if (ids.length > MOST_NAMESPACES)
    throw new UsageError(
      `${file}: that is ${ids.length.toLocaleString("en")} namespaces, ${MOST_NAMESPACES} at most; choose fewer --nodes or --pods`,
    );
  return ids;
}

async function compareWithKernel(
  file: string,
  analysis: Analysis,
  ids: readonly NetnsId[],
  options: LabOptions,
): Promise<number> {
  if (process.platform !== "linux") throw new UsageError("lab --run: network namespaces are Linux's");
  if (process.getuid?.() !== 0)
    throw new UsageError(
      "lab --run makes network namespaces and has to be run as root; without --run it prints a script",
    );
  const stop = new AbortController();
  const progress = (text: string): void => void process.stderr.write(`${text} …\n`);
  const interrupted = (): void => {
    progress("interrupted, removing the lab");
    stop.abort();
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  try {
    removeStale();
    const lacks = await findLacks(analysis.network, ids, file);
    const { probes, skipped } = questionsOf(
      analysis,
      ids,
      { random: options.probes, seed: options.seed, expectations: true },
      lacks,
    );
    const { network } = analysis;
    const { pcap } = options;
    const outcomes = await runLab({ network, ids, probes, lacks, source: file, pcap, signal: stop.signal, progress });
    process.stdout.write(report(file, ids.length, outcomes, skipped, options.seed));
    if (outcomes.length === 0) throw new LabError(`${file}: nothing could be compared on this kernel`);
    return outcomes.some(({ difference }) => difference) ? 1 : 0;
  } catch (error) {
    if (stop.signal.aborted) return 1;
    throw error;
  } finally {
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
  }
}
