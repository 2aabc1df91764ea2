// Compares pods and nodes after the reference CNI plugins (bridge, ptp, host-local, portmap, macvlan, ipvlan) have run with knet's
// prediction.
//
//   node test/programs/cni/run.ts                every configuration
//   node test/programs/cni/run.ts --only bridge  those whose name contains the word
//   node test/programs/cni/run.ts --kernel host  only those that need no other kernel than this machine's
//
// Requires root, and Go for the first run.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KERNELS, type Kernel, openBox } from "../../../server/src/cli/box/box.ts";
import { removeStale } from "../../../server/src/cli/lab-run.ts";
import { plural } from "../../../server/src/text/format.ts";
import { whyNot } from "../../kernel/install.ts";
import { built } from "../build.ts";
import type { ProgramResult } from "../result.ts";
import { CASES, type CniCase } from "./cases.ts";
import { compareCase, type Outcome, pluginFolder, versionOf } from "./compare.ts";

const MODULE = "github.com/containernetworking/plugins/plugins";
const PLUGINS = [
  "main/bridge",
  "main/ptp",
  "main/macvlan",
  "main/ipvlan",
  "ipam/host-local",
  "ipam/static",
  "meta/portmap",
];

interface Options {
  readonly only?: string | undefined;
  readonly kernel?: string | undefined;
}

export async function run({ only = "", kernel }: Options = {}): Promise<ProgramResult> {
  const version = versionOf(import.meta.dirname);
  const none = { program: "CNI plugins", version, compared: 0, differences: [], exceptions: [] };
  const why = await whyNot();
  if (why !== undefined) return { ...none, skipped: why };
  const paths = new Map<string, string>();
  for (const plugin of PLUGINS) {
    const name = plugin.split("/").at(-1) ?? plugin;
    const made = await built({
      name: `cni-${name}`,
      version,
      folder: import.meta.dirname,
      command: `${MODULE}/${plugin}`,
    });
    if ("missing" in made) return { ...none, skipped: made.missing };
    paths.set(name, made.path);
  }
  removeStale();
  const folder = mkdtempSync(join(tmpdir(), "knet-cni-"));
  try {
    const plugins = pluginFolder(join(folder, "bin"), paths);
    const outcomes: Outcome[] = [];
    for (const one of KERNELS) {
      const cases = CASES.filter(({ name, kernel: needed }) => needed === one && name.includes(only));
      if (cases.length === 0 || (kernel !== undefined && kernel !== one)) continue;
      outcomes.push(...(await onKernel(one, cases, plugins)));
    }
    return {
      ...none,
      compared: outcomes.reduce((sum, { compared }) => sum + compared, 0),
      differences: outcomes.flatMap(({ name, differences }) => differences.map((line) => `${name}: ${line}`)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function onKernel(kernel: Kernel, cases: readonly CniCase[], plugins: string): Promise<readonly Outcome[]> {
  if (kernel === "host") {
    const outcomes: Outcome[] = [];
    for (const one of cases) {
      const outcome = await compareCase(one, plugins);
      outcomes.push(outcome);
      report(outcome);
    }
    return outcomes;
  }
  // The same comparison, in a process of the box.
  const box = await openBox(kernel, (text) => console.log(`  ${text}`)).catch((error: Error) => error.message);
  if (typeof box === "string") {
    for (const { name } of cases) console.log(`- ${name}: skipped: ${box}`);
    return [];
  }
  try {
    const argv = [process.execPath, join(import.meta.dirname, "inside.ts"), plugins, ...cases.map(({ name }) => name)];
    const { out, err } = await box.exec(argv).catch((error: Error) => ({ out: "", err: error.message }));
    const found = out.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Outcome] : []));
    const outcomes = cases.map(
      ({ name }) => found.find((one) => one.name === name) ?? { name, compared: 0, differences: [err.trim()] },
    );
    for (const outcome of outcomes) report(outcome);
    return outcomes;
  } finally {
    await box.close();
  }
}

function report({ name, compared, differences }: Outcome): void {
  console.log(differences.length > 0 ? [`✗ ${name}`, ...differences].join("\n  ") : `✓ ${name}: ${compared}`);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { only: { type: "string" }, kernel: { type: "string" } } });
  const started = performance.now();
  const { program, version, compared, differences, skipped } = await run(values);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    skipped ??
      `${program} ${version}: ${plural(compared, "entry", "entries")} compared, ${plural(differences.length, "difference")}, ${seconds} s`,
  );
  process.exit(differences.length > 0 ? 1 : 0);
}
