// Compares knet with the real programs: builds them from their Go modules, runs them in network namespaces with a small API
// server, and compares the state that they leave with knet's. Needs root and Go; without them, the suite is skipped by name.
//
//   node test/programs/run.ts                          everything
//   node test/programs/run.ts --mode nftables          one mode of kube-proxy
//   node test/programs/run.ts --only "seed 7"          one configuration
//   node test/programs/run.ts --version v1.37.2        one release
//
// Environment:
//   KNET_TEST_REPORT=path              output file for the totals, as JSON { passed, failed, skipped }
//   KNET_TEST_TOPOLOGIES=6             number of random topologies per mode and release
//   KNET_TEST_SEED=1                   seed of the first one; increases by 1 for each following topology
//   KNET_TEST_BUILD_SECONDS=1800       limit for the build of a program

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { whyNot } from "../kernel/install.ts";
import { EXCEPTIONS } from "./kube-proxy/exceptions.ts";
import { compareKubeProxy, kubeProxyPrograms } from "./kube-proxy/run.ts";
import type { ProxyMode } from "./kube-proxy/topologies.ts";
import type { Outcome } from "./suite.ts";

const { values } = parseArgs({
  options: { mode: { type: "string" }, only: { type: "string" }, version: { type: "string" } },
});

/** Every program; one row of the table is one release. */
async function outcomes(): Promise<readonly Outcome[]> {
  const why = await whyNot();
  if (why !== undefined) {
    return kubeProxyPrograms().map(({ name, version }) => ({
      program: name,
      version,
      compared: 0,
      differences: [],
      exceptions: new Map(),
      skipped: why,
    }));
  }
  return compareKubeProxy({
    random: Number(process.env["KNET_TEST_TOPOLOGIES"] ?? 6),
    seed: Number(process.env["KNET_TEST_SEED"] ?? 1),
    modes: values.mode === undefined ? ["iptables", "nftables", "ipvs"] : [values.mode as ProxyMode],
    only: values.only,
    version: values.version,
  });
}

function show({ program, version, differences }: Outcome): void {
  for (const one of differences) {
    console.log(`✗ ${program} ${version}: ${one.configuration}: ${one.where}`);
    for (const line of one.program) console.log(`    ${program}: ${line}`);
    for (const line of one.knet) console.log(`    knet: ${line}`);
  }
}

const all = await outcomes();
for (const one of all) show(one);

const rows = [
  ["program", "version", "compared", "differences", "exceptions"],
  ...all.map(({ program, version, compared, differences, exceptions, skipped }) => [
    program,
    version,
    String(compared),
    String(differences.length),
    [...exceptions].map(([name, lines]) => `${name} (${lines})`).join(", ") || "none",
    ...(skipped === undefined ? [] : [`skipped: ${skipped}`]),
  ]),
];
const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
console.log();
for (const row of rows)
  console.log(
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
const used = new Set(all.flatMap(({ exceptions }) => [...exceptions.keys()]));
if (used.size > 0) console.log("\nExceptions:");
for (const { name, why } of EXCEPTIONS) if (used.has(name)) console.log(`  ${name}: ${why}`);

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const { compared, differences, skipped } of all) {
  const failed = new Set(differences.map(({ configuration }) => configuration.replace(/ \(.*/, ""))).size;
  counts.failed += failed;
  counts.passed += compared - failed;
  if (skipped !== undefined) counts.skipped += 1;
}
const report = process.env["KNET_TEST_REPORT"];
if (report !== undefined) {
  mkdirSync(dirname(report), { recursive: true });
  writeFileSync(report, JSON.stringify(counts));
}
process.exit(counts.failed > 0 ? 1 : 0);
