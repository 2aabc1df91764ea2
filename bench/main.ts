/**
 * `npm run bench [-- --json]`: how fast and how large, on this machine, now. Every measurement runs in a process of its own, from a bundle as
 * it ships. A table of figures, no test: slowness does not fail it.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { Value } from "typebox/value";
import { inputs, largeData, POLICIES, SERVICES } from "./generate.ts";
import { names } from "./names.ts";
import { Bench, type Result } from "./schema.ts";
import { compared, result } from "./statistics.ts";
import { table } from "./table.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bundle = join(root, ".cache/bench/measure.cjs");
const run = promisify(execFile);

async function measured(...args: readonly string[]): Promise<readonly Result[]> {
  const { stdout } = await run(process.execPath, [bundle, ...args], { cwd: root, maxBuffer: 1 << 24 });
  const { results } = JSON.parse(stdout) as { readonly results: unknown };
  return Value.Parse(Bench, { schema: "knet-bench/1", results }).results;
}

/** The same single measurement in several processes, as one result. */
async function again(times: number, ...args: readonly string[]): Promise<readonly Result[]> {
  const samples = new Map<string, { readonly unit: Result["unit"]; readonly values: number[] }>();
  for (let turn = 0; turn < times; turn += 1) {
    for (const { name, unit, median: value } of await measured(...args)) {
      const known = samples.get(name);
      if (known) known.values.push(value);
      else samples.set(name, { unit, values: [value] });
    }
  }
  return [...samples].map(([name, { unit, values }]) => result(name, unit, values));
}

async function bench(): Promise<Bench> {
  await mkdir(dirname(bundle), { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["bench/measure.ts"],
    outfile: bundle,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    mainFields: ["module", "main"],
    logLevel: "warning",
  });
  const results: Result[] = [];
  const steps: readonly (() => Promise<readonly Result[]>)[] = [
    () => measured("against"),
    () => again(3, "cold", "written"),
    () => measured("check", "pools"),
    () => again(3, "cold", "pools"),
    () => measured("check", "small"),
    () => measured("type", "written"),
    () => measured("type", "small"),
    () => measured("questions"),
    () => measured("answers", "written"),
    () => measured("steady", "small"),
    () => measured("steady", "written"),
    () => again(3, "cold", "services"),
    () => measured("check", "services"),
    () => measured("type", "services"),
    () => measured("service-traces"),
    () => again(3, "cold", "policies"),
    () => measured("check", "policies"),
    () => measured("type", "policies"),
    () => measured("matrix"),
    () => again(3, "memory", "pools"),
    () => again(3, "memory", "written"),
    () => again(3, "memory", "services"),
  ];
  // One after the other: they would take the processor from each other.
  for (const step of steps) results.push(...(await step()));
  const json = results.find(({ name }) => name === names.json);
  const relative = new Set([names.parse("written"), names.check("written")]);
  return {
    schema: "knet-bench/1",
    results: results.map((one) => (json && relative.has(one.name) ? compared(one, json) : one)),
  };
}

function report({ results }: Bench): string {
  const size = (text: string): string => `${(text.length / 1e6).toFixed(2)} MB`;
  const data = largeData();
  return `${table(results)}
pools    ${data.nodes.length} nodes as one pool, 150,000 pods, ${size(inputs.pools())}
written  the same nodes written out, ${size(inputs.written())} (as JSON ${size(JSON.stringify(data))})
small    50 nodes written out, 20 workloads, ${size(inputs.small())}
services ${SERVICES} services and as many deployments for the same nodes and pods, ${size(inputs.services())}
policies ${POLICIES} policies, one for each deployment, enforced by kube-router, ${size(inputs.policies())}

check: from text to findings, with nothing known before; cold: first in its process. keystroke: from the edit of one character to all findings.
typed: from the edit to the answer, before anything else has looked at the new text; hover, completion: of a text that was looked at before.
heap: what is kept after so many keystrokes.
Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() || process.arch}, load ${loadavg()[0]?.toFixed(1)} (above 1 something else ran as well; long measurements suffer more than short ones)
`;
}

const all = await bench();
process.stdout.write(process.argv.includes("--json") ? `${JSON.stringify(all)}\n` : report(all));
