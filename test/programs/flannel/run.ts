// Compares what flanneld leaves on nodes (devices, addresses, routes, neighbor and FDB entries, IPsec, netfilter rules) with knet's
// prediction. flanneld runs in network namespaces, with the nodes from a small kube-apiserver, or with etcd.
//
//   node test/programs/flannel/run.ts               every configuration
//   node test/programs/flannel/run.ts --only vxlan  those whose name contains the word; with --exact, only this one
//   node test/programs/flannel/run.ts --kernel host only those that need no other kernel than this machine's
//   ... --verbose                                   also prints flanneld's log
//
// Requires root, and Go for the first run; for some configurations User-Mode Linux, QEMU, etcd, strongSwan, or wireguard-tools.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { KERNELS, type Kernel, openBox } from "../../../server/src/cli/box/box.ts";
import { removeStale } from "../../../server/src/cli/lab-run.ts";
import { plural } from "../../../server/src/text/format.ts";
import { whyNot } from "../../kernel/install.ts";
import { built } from "../build.ts";
import type { ProgramResult } from "../result.ts";
import { installed } from "../spaces.ts";
import { CASES, type FlannelCase } from "./cases.ts";
import { compareCase, type Outcome } from "./compare.ts";

const VERSION = "v0.28.10";
/** Programs and Debian packages that some configurations need. */
const NEEDED: readonly (readonly [word: string, program: string, debian: string])[] = [
  ["etcd", "etcd", "etcd-server"],
  ["ipsec", "/usr/lib/ipsec/charon", "strongswan-charon"],
  ["wireguard", "wg", "wireguard-tools"],
];

interface Options {
  readonly only?: string | undefined;
  readonly kernel?: string | undefined;
  readonly verbose?: boolean | undefined;
}

export async function run({ only = "", kernel, verbose = false }: Options = {}): Promise<ProgramResult> {
  const none = { program: "flanneld", version: VERSION, compared: 0, differences: [], exceptions: [] };
  const why = await whyNot();
  if (why !== undefined) return { ...none, skipped: why };
  const program = await built({
    name: "flanneld",
    version: VERSION,
    folder: import.meta.dirname,
    command: "github.com/flannel-io/flannel",
  });
  if ("missing" in program) return { ...none, skipped: program.missing };
  removeStale();
  const outcomes: Outcome[] = [];
  for (const one of KERNELS) {
    const cases = CASES.filter(({ name, kernel: needed }) => needed === one && name.includes(only));
    if (cases.length === 0 || (kernel !== undefined && kernel !== one)) continue;
    outcomes.push(...(await onKernel(one, cases, { program: program.path, verbose })));
  }
  return {
    ...none,
    compared: outcomes.reduce((sum, { compared }) => sum + compared, 0),
    differences: outcomes.flatMap(({ name, differences }) => differences.map((line) => `${name}: ${line}`)),
    exceptions: outcomes.flatMap(({ name, exceptions }) => exceptions.map((line) => `${name}: ${line}`)),
  };
}

interface Running {
  readonly program: string;
  readonly verbose: boolean;
}

async function onKernel(kernel: Kernel, cases: readonly FlannelCase[], running: Running): Promise<readonly Outcome[]> {
  const possible = cases.filter(({ name }) => {
    const lacking = NEEDED.find(([word, program, debian]) => name.includes(word) && !installed(program, debian));
    if (lacking) console.log(`- ${name}: skipped: ${lacking[1]} is not installed (Debian: apt install ${lacking[2]})`);
    return !lacking;
  });
  if (kernel === "host") {
    const outcomes: Outcome[] = [];
    for (const one of possible) {
      const outcome = await compareCase(one, running.program, running.verbose);
      outcomes.push(outcome);
      report(outcome);
    }
    return outcomes;
  }
  // The same comparison, in a process of the box.
  const box = await openBox(kernel, (text) => console.log(`  ${text}`), "2G").catch((error: Error) => error.message);
  if (typeof box === "string") {
    for (const { name } of possible) console.log(`- ${name}: skipped: ${box}`);
    return [];
  }
  try {
    const outcomes: Outcome[] = [];
    for (const { name } of possible) {
      const flags = running.verbose ? ["--verbose"] : [];
      const argv = [process.execPath, join(import.meta.dirname, "inside.ts"), name, running.program, ...flags];
      const { out, err } = await box.exec(argv).catch((error: Error) => ({ out: "", err: error.message }));
      const last = out.trim().split("\n").at(-1) ?? "";
      if (running.verbose) console.log(out);
      const outcome = last.startsWith("{")
        ? (JSON.parse(last) as Outcome)
        : { name, compared: 0, differences: [err.trim() || last], exceptions: [] };
      outcomes.push(outcome);
      report(outcome);
    }
    return outcomes;
  } finally {
    await box.close();
  }
}

function report({ name, compared, differences, exceptions }: Outcome): void {
  if (differences.length > 0) console.log([`✗ ${name}`, ...differences].join("\n  "));
  else console.log(`✓ ${[`${name}: ${compared}`, ...exceptions].join("\n  exception: ")}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { only: { type: "string" }, kernel: { type: "string" }, verbose: { type: "boolean" } },
  });
  const started = performance.now();
  const { program, version, compared, differences, exceptions, skipped } = await run(values);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    skipped ??
      `${program} ${version}: ${plural(compared, "entry", "entries")} compared, ${plural(differences.length, "difference")}, ${plural(exceptions.length, "exception")}, ${seconds} s`,
  );
  process.exit(differences.length > 0 ? 1 : 0);
}
