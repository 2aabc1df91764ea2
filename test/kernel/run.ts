// Compares traces with a kernel: every sample, every topology that was once predicted incorrectly, and random topologies are built in
// network namespaces, packets are sent and captured on every device, and the crossings must be the same.
//
//   node test/kernel/run.ts                              everything that npm test runs: this machine's kernel, and others for its gaps
//   node test/kernel/run.ts --kernel uml                 everything on one kernel: host, uml, or qemu
//   node test/kernel/run.ts --seeds 1..1000 --kernel uml random topologies only
//   node test/kernel/run.ts --seeds 4711                 one random topology again, written to .cache/kernel
//   node test/kernel/run.ts --file some.knet             one file
//
// Environment:
//   KNET_TEST_REPORT=path       file for the counts, as JSON { passed, failed, skipped }
//   KNET_TEST_TOPOLOGIES=100    number of random topologies on this machine's kernel
//   KNET_TEST_LABS=6            number of labs that run at the same time

import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { openBox } from "../../server/src/cli/box/box.ts";
import { namespacesOf, type Questions, questionsOf } from "../../server/src/cli/lab-ask.ts";
import { differenceLines } from "../../server/src/cli/lab-report.ts";
import { findLacks, type LabOutcome, removeStale, runLab } from "../../server/src/cli/lab-run.ts";
import { host, type Machine } from "../../server/src/cli/machine.ts";
import { diskService } from "../../server/src/cli/open.ts";
import { type ModeSet, topologyText } from "./generator.ts";
import { whyNot } from "./install.ts";
import { addTo, modeOfText, type Rows, tableOf } from "./table.ts";

type Kernel = "host" | "uml" | "qemu";

const root = join(import.meta.dirname, "../..");
process.chdir(root);
const reportFile = process.env["KNET_TEST_REPORT"];
const labs = Number(process.env["KNET_TEST_LABS"] ?? 6);
const topologies = Number(process.env["KNET_TEST_TOPOLOGIES"] ?? 100);
const kept = ".cache/kernel";

interface Case {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly random: number;
  readonly seed: number;
}

/** The cases of one kernel, which boots once for all of them. */
interface Batch {
  readonly kernel: Kernel;
  readonly cases: readonly Case[];
  /** Labs at the same time; a box has one or two processors. */
  readonly labs: number;
  /** Only cases with a feature that this machine's kernel lacks. */
  readonly gapsOnly: boolean;
}

interface Outcome {
  readonly compared: number;
  readonly different: readonly LabOutcome[];
  readonly skipped: Questions["skipped"];
  readonly problem: string | undefined;
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Sets of modes that each kernel can build. */
const MODES_OF: Readonly<Record<Kernel, ModeSet>> = { host: "common", uml: "complete", qemu: "wireguard" };

function fileCase(file: string, random: number): Case {
  return { name: file, file, text: readFileSync(file, "utf8"), random, seed: 1 };
}

function seedCase(kernel: Kernel): (seed: number) => Case {
  return (seed) => ({
    name: `seed ${seed}`,
    file: join(kept, `${kernel}-${seed}.knet`),
    text: topologyText(seed, MODES_OF[kernel]),
    random: 16,
    seed,
  });
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

function files(random: number): readonly Case[] {
  return ["samples/*.knet", "samples/broken/*.knet", "test/kernel/fixtures/*.knet"].flatMap((pattern) =>
    globSync(pattern)
      .sort()
      .map((file) => fileCase(file, random)),
  );
}

function batches(): readonly Batch[] {
  const { values } = parseArgs({
    options: { seeds: { type: "string" }, file: { type: "string" }, kernel: { type: "string" } },
  });
  const kernel = values.kernel ?? "host";
  if (kernel !== "host" && kernel !== "uml" && kernel !== "qemu") throw new Error(`unknown kernel ${kernel}`);
  const whole = { kernel, labs: kernel === "host" ? labs : 3, gapsOnly: false } as const;
  if (values.file !== undefined) return [{ ...whole, cases: [fileCase(values.file, 60)] }];
  if (values.seeds !== undefined) {
    const [first = 1, last = first] = values.seeds.split("..").map(Number);
    return [{ ...whole, cases: range(first, last).map(seedCase(kernel)) }];
  }
  if (values.kernel !== undefined)
    return [{ ...whole, cases: [...files(24), ...range(1, topologies).map(seedCase(kernel))] }];
  const sealed = fileCase("samples/flannel-wireguard.knet", 6);
  return [
    { ...whole, cases: [...files(24), ...range(1, topologies).map(seedCase("host"))] },
    // UML emulates one processor: some random topologies of all modes, and the files with features that are missing here.
    { kernel: "uml", labs: 3, gapsOnly: true, cases: [...files(10), ...range(1, 10).map(seedCase("uml"))] },
    { kernel: "qemu", labs: 1, gapsOnly: true, cases: [sealed] },
  ];
}

/** Per cluster, and per node. */
const MOST_NODES = 12;
const MOST_PODS = 8;

/** Cases that cannot be compared on any kernel, with the reason. */
const EXCLUDED: Readonly<Record<string, string>> = {
  "samples/broken/duplicate-address.knet":
    "two hosts have the same address, and the first ARP reply decides which one receives the packet",
};

async function compareCase(machine: Machine, { file, text, random, seed }: Case, gapsOnly: boolean): Promise<Outcome> {
  const service = diskService();
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new Error(`cannot analyze ${file}`);
  const { network, topology } = analysis;
  // A kernel that emulates its processor builds some machines of a large cluster, in the form that `knet lab --nodes` builds.
  const [nodes, pods] =
    machine === host ? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] : [MOST_NODES, MOST_PODS];
  const ids = namespacesOf(topology, nodes, pods);
  try {
    if (gapsOnly && !file.startsWith(kept) && (await findLacks(host, network, ids, file)).size === 0)
      return { compared: 0, different: [], skipped: [], problem: undefined };
    const lacks = await findLacks(machine, network, ids, file);
    const { probes, skipped } = questionsOf(analysis, ids, { random, seed, expectations: true }, lacks);
    const outcomes = await runLab({ machine, network, ids, probes, lacks, source: file });
    const different = outcomes.filter(({ difference }) => difference);
    return { compared: outcomes.length, different, skipped, problem: undefined };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { compared: 0, different: [], skipped: [], problem };
  }
}

/** Writes the topology to a file, so that it can be run again. */
function keep({ file, text }: Case): string {
  if (!file.startsWith(kept)) return file;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return relative(root, file);
}

function show(one: Case, outcome: Outcome, kernel: Kernel): void {
  console.log(`✗ ${one.name} (${kernel}): ${keep(one)}`);
  if (outcome.problem !== undefined) console.log(`  ${outcome.problem}`);
  for (const different of outcome.different) console.log(differenceLines(different).join("\n"));
}

function skip(counts: Counts, name: string, reason: string): void {
  counts.skipped += 1;
  console.log(`- ${name}: skipped, ${reason}`);
}

async function runBatch({ kernel, cases, labs: atOnce, gapsOnly }: Batch, rows: Rows, counts: Counts): Promise<void> {
  const todo = [...cases];
  let machine = host;
  if (kernel !== "host") {
    try {
      machine = await openBox(kernel, (text) => console.log(`${text} …`));
    } catch (error) {
      return skip(counts, `kernel ${kernel}`, error instanceof Error ? error.message : String(error));
    }
  }
  const work = async (): Promise<void> => {
    for (let one = todo.shift(); one; one = todo.shift()) {
      const reason = EXCLUDED[one.file];
      if (reason !== undefined) {
        if (!gapsOnly) skip(counts, one.name, reason);
        continue;
      }
      const outcome = await compareCase(machine, one, gapsOnly);
      addTo(
        rows,
        { mode: modeOfText(one.text), kernel: `${kernel} ${machine.release}` },
        {
          traces: outcome.compared,
          disagreements: outcome.different.length + (outcome.problem === undefined ? 0 : 1),
          skipped: outcome.skipped.map(({ why }) => why),
        },
      );
      if (outcome.problem !== undefined || outcome.different.length > 0) {
        counts.failed += 1;
        show(one, outcome, kernel);
      } else if (outcome.compared > 0) {
        counts.passed += 1;
        if (!one.name.startsWith("seed")) console.log(`✓ ${one.name} (${kernel}): ${outcome.compared} packets`);
      } else if (!gapsOnly) skip(counts, one.name, outcome.skipped[0]?.why ?? "no packet to send");
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    await machine.close();
  }
}

async function main(): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const all = batches();
  const why = await whyNot();
  if (why !== undefined) {
    const names = all.flatMap(({ cases }) => cases.map(({ name }) => name));
    for (const name of names) console.log(`- ${name}: skipped`);
    console.log(`kernel: ${names.length} topologies are not compared with a kernel: ${why}`);
    return { ...counts, skipped: names.length };
  }
  removeStale();
  const started = performance.now();
  const rows: Rows = new Map();
  for (const batch of all) await runBatch(batch, rows, counts);
  console.log(`\n${tableOf(rows)}\n`);
  const traces = [...rows.values()].reduce((sum, row) => sum + row.traces, 0);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `kernel: ${traces} traces compared in ${counts.passed + counts.failed} topologies, ${counts.failed} with disagreements, ${seconds} s`,
  );
  return counts;
}

const counts = await main();
if (reportFile !== undefined) {
  mkdirSync(dirname(reportFile), { recursive: true });
  writeFileSync(reportFile, JSON.stringify(counts));
}
process.exit(counts.failed > 0 ? 1 : 0);
