/** `knet lab`: the topology as network namespaces: a script, or a comparison of traces with this machine's kernel. */

import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { basename, dirname, extname, resolve } from "node:path";
import type { NetnsId } from "../dataplane/model.ts";
import { SOURCE_HOP } from "../lab/features.ts";
import { planLab } from "../lab/plan.ts";
import { labScript } from "../lab/script.ts";
import type { Analysis } from "../service/analysis.ts";
import { list, number } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { VERSION } from "../version.ts";
import { openBox } from "./box/box.ts";
import type { TopologyOptions } from "./defaults.ts";
import { errno, LabError, UsageError } from "./errors.ts";
import { STDIN, writeText } from "./files.ts";
import { analysisOf } from "./input.ts";
import type { Kernel } from "./kernels.ts";
import { namespaceCount, namespacesOf, questionsOf } from "./lab-ask.ts";
import { report } from "./lab-report.ts";
import { findLacks, removeStale, runLab } from "./lab-run.ts";
import { host } from "./machine.ts";
import { complain, say, sayError, writeOut } from "./output.ts";

export interface LabOptions extends TopologyOptions {
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

/** The value of `--output` that denotes standard output. */
const STDOUT = "-";

/** Ctrl-C, `kill`, and a closed terminal: the lab is removed before knet ends. */
const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A larger lab takes minutes to build. */
const MOST_NAMESPACES = 500;

/** Options that only `--run` uses, and options that it does not use. */
const ONLY_RUN = ["kernel", "probes", "seed", "pcap"] as const;
const ONLY_SCRIPT = ["output", "name"] as const;

/** `stated`: the options on the command line. Exit code 0: every packet was as predicted, or the script was written; otherwise 1. */
export async function lab(file: string, options: LabOptions, stated: ReadonlySet<string>): Promise<number> {
  for (const name of options.run ? ONLY_SCRIPT : ONLY_RUN) {
    if (!stated.has(name)) continue;
    complain(options.run ? t`--${name} has no effect with --run` : t`--${name} has no effect without --run`);
  }
  const analysis = analysisOf(file, options);
  const ids = namespacesFor(file, analysis, options);
  if (options.run) return compareWithKernel(file, analysis, ids, options);
  const name = options.name ?? defaultName(file);
  if (!/^[\w.-]{1,100}$/.test(name) || name.startsWith("."))
    throw new UsageError(
      t`invalid value \`${name}\` for \`--name <name>\`: expected 1 to 100 letters, digits, \`-\`, \`_\`, and \`.\`, without a leading \`.\``,
    );
  const script = labScript(planLab(analysis.network, ids, name), { source: file, version: VERSION });
  if (options.output === undefined || options.output === STDOUT) writeOut(script);
  else writeText(options.output, script, 0o755);
  return 0;
}

function defaultName(file: string): string {
  const word = file === STDIN ? "stdin" : basename(file, extname(file));
  return `knet-${word.replaceAll(/[^\w-]/g, "-").slice(0, 60)}`;
}

/** Creates the folder and those above it. Not with `recursive`: in /proc, Node 20 then repeats mkdir forever (nodejs/node, src/node_file.cc, MKDirpSync). */
function makeFolder(folder: string): void {
  try {
    const missing: string[] = [];
    for (let path = resolve(folder); !isFolder(path); path = dirname(path)) missing.unshift(path);
    for (const path of missing) mkdirSync(path);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(t`${folder}: captures cannot be written (${errno(error)})`);
  }
}

/** Throws UsageError if the path is a file. */
function isFolder(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && !found.isDirectory()) throw new UsageError(t`${path}: not a folder`);
  return found !== undefined;
}

function namespacesFor(file: string, { topology }: Analysis, { nodes, pods }: LabOptions): readonly NetnsId[] {
  const limited = nodes !== undefined || pods !== undefined;
  const all = namespaceCount(topology);
  if (all === 0) throw new LabError(t`${file}: nothing to build: the file declares no node, router, or host`);
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
  if (options.pcap !== undefined) makeFolder(options.pcap);
  if (kernel === "host" && process.getuid?.() !== 0)
    throw new UsageError(t`lab --run requires root to create network namespaces; without --run, knet prints a script`);
  const stop = new AbortController();
  const progress = (text: string): void => sayError(`${text} …\n`);
  const interrupted = (): void => {
    progress(t`interrupted; removing the lab`);
    stop.abort();
  };
  for (const signal of INTERRUPTIONS) process.on(signal, interrupted);
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
    for (const signal of INTERRUPTIONS) process.off(signal, interrupted);
    await machine.close();
  }
}

/** Features that only Debian's full kernel has; User-Mode Linux has all others that labs build (of nftables it lacks nat and fib). */
const ONLY_QEMU: ReadonlySet<string> = new Set(["wireguard", "nft"]);

/** Which `--kernel` can build the features that this one lacks. */
function otherKernels(kernel: Kernel, lacks: ReadonlySet<string>): readonly string[] {
  // No box has a kernel with this behavior: both have Linux 6.1.
  const buildable = [...lacks].filter((name) => name !== SOURCE_HOP).sort();
  const qemu = buildable.filter((name) => ONLY_QEMU.has(name));
  const uml = buildable.filter((name) => !ONLY_QEMU.has(name));
  return [
    ...(kernel === "host" && uml.length > 0 ? [t`--kernel uml can build: ${list(uml, 9)}`] : []),
    ...(kernel !== "qemu" && qemu.length > 0 ? [t`--kernel qemu can build: ${list(qemu, 9)}`] : []),
  ];
}
