/**
 * `npm run bench [-- --json]`: time and memory on this machine. Every measurement runs in its own process, from a bundle like the
 * published one. The result is a table, not a test: slow results do not fail.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { Value } from "typebox/value";
import { number } from "../server/src/text/format.ts";
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

/** Repeats a single measurement in several processes and combines the values in one result. */
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
    define: { "import.meta.url": "__moduleUrl" },
    banner: { js: 'const __moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
    logLevel: "warning",
  });
  await run(process.execPath, ["scripts/build.mjs", "--production"], { cwd: root });
  const results: Result[] = [];
  const steps: readonly (() => Promise<readonly Result[]>)[] = [
    () => measured("against"),
    () => again(3, "cold", "written"),
    () => measured("check", "pools"),
    () => again(3, "cold", "pools"),
    () => measured("check", "small"),
    () => measured("type", "written"),
    () => measured("type", "small"),
    () => measured("queries"),
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
    () => measured("diff"),
    () => measured("starts"),
    () => measured("files"),
    () => measured("dumps"),
    () => measured("formatting"),
    () => measured("largest"),
    () => measured("proofs"),
    () => again(3, "memory", "pools"),
    () => again(3, "memory", "written"),
    () => again(3, "memory", "services"),
  ];
  // Sequential: parallel measurements would compete for the CPU.
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
pools    ${number(data.nodes.length)} nodes as one pool, 150,000 pods, ${size(inputs.pools())}
written  the same nodes as separate blocks, ${size(inputs.written())} (${size(JSON.stringify(data))} as JSON)
small    50 nodes as separate blocks, 20 workloads, ${size(inputs.small())}
services ${number(SERVICES)} services and deployments for the same nodes and pods, ${size(inputs.services())}
policies ${number(POLICIES)} policies, one per deployment, enforced by kube-router, ${size(inputs.policies())}

check: from text to findings without caches; check-cold: the first check of a process; keystroke: from the edit of one character to all findings.
typed: from the edit to the response, before any other analysis of the new text; hover, completion: in a text that is already analyzed.
diff: from two texts to all changes; a node less, a firewall that drops the tunnel, the same text.
start: whole processes, such as \`knet --version\`; check-files: \`knet check\` of a folder of small clusters that import one file.
dump: \`kubectl get nodes,namespaces,services,pods -A\`, 50 MB, as JSON and as YAML; check-dump and memory-dump: \`knet check\` of the file.
format-edits: 8,000 lines, from the formatter's edits to all findings; largest: the longest document that is analyzed (4,000,000
characters), and a keystroke above the limit.
heap: retained memory after this number of keystrokes.
Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() || process.arch}, load ${loadavg()[0]?.toFixed(1)} (above 1: other processes were running, which affects long measurements more than short ones)
`;
}

const all = await bench();
process.stdout.write(process.argv.includes("--json") ? `${JSON.stringify(all)}\n` : report(all));
