/** `knet lab`: the topology as network namespaces: a script, or a comparison of traces with this machine's kernel. */
import { writeFileSync } from "node:fs";
import { basename, extname } from "node:path";
import type { NetnsId } from "../dataplane/model.ts";
import { planLab } from "../lab/plan.ts";
import { labScript } from "../lab/script.ts";
import type { Analysis } from "../service/analysis.ts";
import { list, number } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { VERSION } from "../version.ts";
import { openBox } from "./box/box.ts";
import { LabError, UsageError } from "./errors.ts";
import { analysisOf, STDIN } from "./files.ts";
import type { Kernel } from "./kernels.ts";
import { namespaceCount, namespacesOf, questionsOf } from "./lab-ask.ts";
import { report } from "./lab-report.ts";
import { findLacks, removeStale, runLab } from "./lab-run.ts";
import { host } from "./machine.ts";
import { say, sayError, writeOut } from "./output.ts";

export interface LabOptions {
  readonly kernel: Kernel;
  readonly run: boolean;
  readonly output?: string;
  readonly probes: number;
  readonly seed: number;
  readonly nodes?: number;
  readonly pods?: number;
  readonly name?: string;
  readonly pcap?: string;
}

/** A larger lab takes minutes to build. */
const MOST_NAMESPACES = 500;

/** Exit code 0: every packet was as predicted, or the script was written; otherwise 1. */
export async function lab(file: string, options: LabOptions): Promise<number> {
  const analysis = analysisOf(file);
  const ids = namespacesFor(file, analysis, options);
  if (options.run) return compareWithKernel(file, analysis, ids, options);
  const name = options.name ?? defaultName(file);
  if (!/^[\w.-]{1,100}$/.test(name) || name.startsWith("."))
    throw new UsageError(t`--name ${name}: use letters, digits, - and _`);
  const script = labScript(planLab(analysis.network, ids, name), { source: file, version: VERSION });
  if (options.output === undefined) writeOut(script);
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
    throw new UsageError(t`${file}: cannot be written (${error instanceof Error ? error.message : String(error)})`);
  }
}

function namespacesFor(file: string, { topology }: Analysis, { nodes, pods }: LabOptions): readonly NetnsId[] {
  const limited = nodes !== undefined || pods !== undefined;
  const all = namespaceCount(topology);
  if (all === 0) throw new UsageError(t`${file}: nothing to build: the file declares no node, router, or host`);
  if (all > MOST_NAMESPACES && !limited) {
    throw new UsageError(
      t`${file}: the lab would need ${number(all)} network namespaces; limit it, for example with --nodes 10 --pods 3`,
    );
  }
  const ids = namespacesOf(topology, nodes ?? Number.POSITIVE_INFINITY, pods ?? Number.POSITIVE_INFINITY);
  if (ids.length > MOST_NAMESPACES)
    throw new UsageError(
      t`${file}: ${number(ids.length)} network namespaces exceed the limit of ${number(MOST_NAMESPACES)}; lower --nodes or --pods`,
    );
  return ids;
}

async function compareWithKernel(
  file: string,
  analysis: Analysis,
  ids: readonly NetnsId[],
  options: LabOptions,
): Promise<number> {
  const { kernel } = options;
  if (process.platform !== "linux") throw new UsageError(t`lab --run requires Linux (network namespaces)`);
  if (kernel === "host" && process.getuid?.() !== 0)
    throw new UsageError(t`lab --run requires root to create network namespaces; without --run, knet prints a script`);
  const stop = new AbortController();
  const progress = (text: string): void => sayError(`${text} …\n`);
  const interrupted = (): void => {
    progress(t`interrupted; removing the lab`);
    stop.abort();
  };
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  let machine = host;
  try {
    if (kernel === "host") removeStale();
    else machine = await openBox(kernel, progress);
    const lacks = await findLacks(machine, analysis.network, ids, file);
    const { probes, skipped } = questionsOf(
      analysis,
      ids,
      { random: options.probes, seed: options.seed, expectations: true },
      lacks,
    );
    const { network } = analysis;
    const { pcap } = options;
    const outcomes = await runLab({
      ...{ machine, network, ids, probes, lacks, pcap, progress },
      source: file,
      signal: stop.signal,
    });
    say(report({ file, namespaces: ids.length, release: machine.release }, outcomes, skipped, options.seed));
    for (const advice of otherKernels(kernel, lacks)) say(`${advice}\n`);
    if (outcomes.length === 0) throw new LabError(t`${file}: nothing can be compared on this kernel`);
    return outcomes.some(({ difference }) => difference) ? 1 : 0;
  } catch (error) {
    if (stop.signal.aborted) return 1;
    throw error;
  } finally {
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
    await machine.close();
  }
}

/** Features that only Debian's full kernel has; User-Mode Linux has all others that labs build (of nftables it lacks nat and fib). */
const ONLY_QEMU: ReadonlySet<string> = new Set(["wireguard", "nft"]);

/** Which `--kernel` can build the features that this one lacks. */
function otherKernels(kernel: Kernel, lacks: ReadonlySet<string>): readonly string[] {
  const buildable = [...lacks].sort();
  const qemu = buildable.filter((name) => ONLY_QEMU.has(name));
  const uml = buildable.filter((name) => !ONLY_QEMU.has(name));
  return [
    ...(kernel === "host" && uml.length > 0 ? [t`--kernel uml can build: ${list(uml, 9)}`] : []),
    ...(kernel !== "qemu" && qemu.length > 0 ? [t`--kernel qemu can build: ${list(qemu, 9)}`] : []),
  ];
}
