// Compares knet with the real programs: runs them in network namespaces with Kubernetes objects from a small API server, and compares
// the state that they leave with knet's. kube-proxy, flanneld, and the CNI plugins are built from their Go modules; dockerd and BIRD are
// Debian's.
// Needs root, and Go or Debian; without them, programs are skipped by name.
//
//   node test/programs/run.ts                           everything
//   node test/programs/run.ts --few                     the configurations of npm test
//   node test/programs/run.ts --program bird,flannel    some programs: kube-proxy, flannel, cni, docker, bird
//   node test/programs/run.ts --only vxlan              configurations whose names contain a word
//   node test/programs/run.ts --seeds 1..200            random topologies only
//   node test/programs/run.ts --file some.knet          one file
//   node test/programs/run.ts --kernel host             configurations that need one kernel: host, uml, or qemu
//   node test/programs/run.ts --version v1.37.2         one release
//   ... --verbose                                       also prints what the programs print
//
// Environment:
//   KNET_TEST_REPORT=path              output file for the totals, as JSON { passed, failed, skipped }
//   KNET_TEST_BUILD_SECONDS=900        limit for the builds of all programs
//   KNET_TEST_LABS=4                   number of configurations in parallel

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { removeStale } from "../../server/src/cli/lab-run.ts";
import { whyNot } from "../kernel/install.ts";
import { bird } from "./bird/run.ts";
import { cni } from "./cni/run.ts";
import { docker } from "./docker/run.ts";
import { flannel } from "./flannel/run.ts";
import { kubeProxy } from "./kube-proxy/run.ts";
import { EVERYTHING, type Options, type Outcome, reportSkipped, type Seeds, type Suite } from "./suite.ts";

const SUITES: readonly Suite[] = [kubeProxy, flannel, cni, docker, bird];

const { values } = parseArgs({
  options: {
    program: { type: "string" },
    few: { type: "boolean", default: false },
    only: { type: "string" },
    seeds: { type: "string" },
    file: { type: "string" },
    kernel: { type: "string" },
    version: { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});

function seedsIn(text: string): Seeds {
  const [first = 1, last = first] = text.split("..").map(Number);
  return { first, last };
}

function suites(): readonly Suite[] {
  const names = values.program?.split(",");
  const unknown = names?.find((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown !== undefined) throw new Error(`unknown program ${unknown}`);
  return SUITES.filter(({ name }) => names?.includes(name) ?? true);
}

async function outcomes(): Promise<readonly Outcome[]> {
  const why = await whyNot();
  if (why !== undefined) {
    return suites().map(({ name }) => ({
      program: name,
      version: "",
      comparisons: [],
      skipped: [{ name: EVERYTHING, why }],
    }));
  }
  removeStale();
  const { few, only, kernel, version, file, verbose } = values;
  const seeds = values.seeds === undefined ? undefined : seedsIn(values.seeds);
  const options: Options = { few, only, kernel, version, file, seeds, verbose };
  const all: Outcome[] = [];
  for (const suite of suites()) all.push(...(await suite.run(options)));
  return all;
}

/* -------------------------------------------------------------------- table */

function tableOf(all: readonly Outcome[]): string {
  const rows = [
    ["program", "version", "configurations", "entries", "differences", "exceptions", "skipped"],
    ...all.map(({ program, version, comparisons, skipped }) => [
      program,
      version,
      String(comparisons.length),
      String(comparisons.reduce((sum, { entries }) => sum + entries, 0)),
      String(comparisons.reduce((sum, { differences }) => sum + differences.length, 0)),
      [...exceptionsOf(comparisons)].map(([name, lines]) => `${name} (${lines})`).join(", ") || "none",
      skipped.map(({ name, why }) => `${name}: ${why}`).join("; ") || "none",
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const lineOf = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
  return rows.map((row) => lineOf(row).trimEnd()).join("\n");
}

/** Name → number of lines. */
function exceptionsOf(comparisons: Outcome["comparisons"]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { exceptions } of comparisons)
    for (const [name, lines] of exceptions) sums.set(name, (sums.get(name) ?? 0) + lines);
  return sums;
}

/** A program that was not run, or a configuration, counts as one. */
function countsOf(all: readonly Outcome[]): { passed: number; failed: number; skipped: number } {
  const comparisons = all.flatMap((one) => one.comparisons);
  const failed = comparisons.filter(({ differences }) => differences.length > 0).length;
  const skipped = all.reduce((sum, one) => sum + one.skipped.length, 0);
  return { passed: comparisons.length - failed, failed, skipped };
}

const started = performance.now();
const all = await outcomes();
for (const { program, comparisons, skipped } of all)
  if (comparisons.length === 0) for (const one of skipped) reportSkipped(program, one);
console.log(`\n${tableOf(all)}`);
const used = new Set(all.flatMap(({ comparisons }) => [...exceptionsOf(comparisons).keys()]));
const exceptions = SUITES.flatMap((suite) => suite.exceptions).filter(({ name }) => used.has(name));
if (exceptions.length > 0) console.log("\nExceptions:");
for (const { name, why } of exceptions) console.log(`  ${name}: ${why}`);
const counts = countsOf(all);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `\nprograms: ${counts.passed + counts.failed} configurations compared, ${counts.failed} with differences, ${counts.skipped} skipped, ${seconds} s`,
);

const reportFile = process.env["KNET_TEST_REPORT"];
if (reportFile !== undefined) {
  mkdirSync(dirname(reportFile), { recursive: true });
  writeFileSync(reportFile, JSON.stringify(counts));
}
process.exit(counts.failed > 0 ? 1 : 0);
