// Verifies traces against the kernel of this machine: builds every sample, every topology with an earlier disagreement, and random
// topologies in network namespaces, sends packets, captures them on every device, and compares the sequences.
//
//   node test/kernel/run.ts                        everything
//   node test/kernel/run.ts --seed 4711            repeats one random topology and writes it to .cache/kernel
//   node test/kernel/run.ts --file some.knet       one file
//   node test/kernel/run.ts --random               only the random topologies
//
// Environment:
//   KNET_TEST_REPORT=path       output file for the totals, as JSON { passed, failed, skipped }
//   KNET_TEST_TOPOLOGIES=100    number of random topologies
//   KNET_TEST_SEED=1            seed of the first random topology; increases by 1 for each following topology
//   KNET_TEST_LABS=6            number of labs in parallel

import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { diskService } from "../../server/src/cli/files.ts";
import { namespacesOf, type Questions, questionsOf } from "../../server/src/cli/lab-ask.ts";
import { differenceLines } from "../../server/src/cli/lab-report.ts";
import { findLacks, type LabOutcome, removeStale, runLab } from "../../server/src/cli/lab-run.ts";
import { host } from "../../server/src/cli/machine.ts";
import { plural } from "../../server/src/text/format.ts";
import { topologyText } from "./generator.ts";
import { whyNot } from "./install.ts";

const root = join(import.meta.dirname, "../..");
process.chdir(root);
const reportFile = process.env["KNET_TEST_REPORT"];
const labs = Number(process.env["KNET_TEST_LABS"] ?? 6);
const firstSeed = Number(process.env["KNET_TEST_SEED"] ?? 1);
const topologies = Number(process.env["KNET_TEST_TOPOLOGIES"] ?? 100);
const kept = ".cache/kernel";

interface Case {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly random: number;
  readonly seed: number;
}

interface Outcome {
  readonly compared: number;
  readonly different: readonly LabOutcome[];
  readonly skipped: Questions["skipped"];
  readonly problem: string | undefined;
}

function fileCase(file: string, random: number): Case {
  return { name: file, file, text: readFileSync(file, "utf8"), random, seed: firstSeed };
}

function seedCase(seed: number): Case {
  return { name: `seed ${seed}`, file: join(kept, `${seed}.knet`), text: topologyText(seed), random: 16, seed };
}

function cases(): readonly Case[] {
  const { values } = parseArgs({
    options: { seed: { type: "string" }, file: { type: "string" }, random: { type: "boolean" } },
  });
  if (values.file !== undefined) return [fileCase(values.file, 60)];
  if (values.seed !== undefined) return [seedCase(Number(values.seed))];
  const seeds = Array.from({ length: topologies }, (_, i) => seedCase(firstSeed + i));
  if (values.random) return seeds;
  const files = ["samples/*.knet", "samples/broken/*.knet", "test/kernel/fixtures/*.knet"].flatMap((pattern) =>
    globSync(pattern).sort(),
  );
  return [...files.map((file) => fileCase(file, 24)), ...seeds];
}

/** Files whose packets are not predictable, with the reason. */
const EXCLUDED: Readonly<Record<string, string>> = {
  "samples/broken/duplicate-address.knet":
    "two hosts have the same address, and the first ARP reply determines which host receives the packet",
};

async function compareCase({ file, text, random, seed }: Case): Promise<Outcome> {
  const service = diskService();
  service.setText(file, text);
  const analysis = service.analysisOf(file);
  if (!analysis) throw new Error(`no analysis of ${file}`);
  const { network, topology } = analysis;
  const ids = namespacesOf(topology, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  try {
    const lacks = await findLacks(host, network, ids, file);
    const { probes, skipped } = questionsOf(analysis, ids, { random, seed, expectations: true }, lacks);
    const outcomes = await runLab({ machine: host, network, ids, probes, lacks, source: file });
    const different = outcomes.filter(({ difference }) => difference);
    return { compared: outcomes.length, different, skipped, problem: undefined };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { compared: 0, different: [], skipped: [], problem };
  }
}

/** Writes a random topology to a file to make the difference reproducible; returns the path. */
function keep({ file, text }: Case): string {
  if (!file.startsWith(kept)) return file;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return relative(root, file);
}

function show(one: Case, outcome: Outcome): void {
  console.log(`✗ ${one.name}: ${keep(one)}`);
  if (outcome.problem !== undefined) console.log(`  ${outcome.problem}`);
  for (const different of outcome.different) console.log(differenceLines(different).join("\n"));
}

async function main(): Promise<{ passed: number; failed: number; skipped: number }> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const todo = [...cases()];
  const why = await whyNot();
  if (why !== undefined) {
    for (const { name } of todo) console.log(`- ${name}: skipped`);
    console.log(`kernel: ${plural(todo.length, "topology", "topologies")} not verified: ${why}`);
    return { ...counts, skipped: todo.length };
  }
  removeStale();
  const started = performance.now();
  let compared = 0;
  const reasons = new Map<string, number>();
  const work = async (): Promise<void> => {
    for (let one = todo.shift(); one; one = todo.shift()) {
      const reason = EXCLUDED[one.file];
      if (reason !== undefined) {
        counts.skipped += 1;
        console.log(`- ${one.name}: skipped: ${reason}`);
        continue;
      }
      const outcome = await compareCase(one);
      compared += outcome.compared;
      for (const { why: cause } of outcome.skipped) reasons.set(cause, (reasons.get(cause) ?? 0) + 1);
      if (outcome.problem !== undefined || outcome.different.length > 0) {
        counts.failed += 1;
        show(one, outcome);
      } else if (outcome.compared === 0) {
        counts.skipped += 1;
        console.log(`- ${one.name}: skipped: ${outcome.skipped[0]?.why ?? "no packets to send"}`);
      } else {
        counts.passed += 1;
        if (!one.name.startsWith("seed")) console.log(`✓ ${one.name}: ${plural(outcome.compared, "packet")}`);
      }
    }
  };
  await Promise.all(Array.from({ length: labs }, work));
  for (const [reason, count] of [...reasons].sort()) console.log(`skipped ${plural(count, "packet")}: ${reason}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const verified = plural(counts.passed + counts.failed, "topology", "topologies");
  console.log(
    `kernel: ${plural(compared, "trace")} compared in ${verified} (seeds ${firstSeed} to ${firstSeed + topologies - 1}), ${plural(counts.failed, "topology", "topologies")} with disagreements, ${seconds} s`,
  );
  return counts;
}

const counts = await main();
if (reportFile !== undefined) {
  mkdirSync(dirname(reportFile), { recursive: true });
  writeFileSync(reportFile, JSON.stringify(counts));
}
process.exit(counts.failed > 0 ? 1 : 0);
