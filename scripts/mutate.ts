/**
 * `node scripts/mutate.ts [--sample N] [--seed N] [--jobs N] [PATH…]`: changes one place of the incremental core at a time, in a
 * copy of the sources, and runs the tests that compare incremental results with new ones. A change that no test notices (a
 * survivor) is a dependency that could be forgotten. Slow, so not part of `npm test`; the result is a list, not a pass or
 * failure. `--sample`: only so many of the mutants, selected at random; the last line of the output has both numbers.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parse } from "@babel/parser";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const copies = join(root, ".cache/mutate");

/** Everything that decides what a build uses again. */
const CORE = [
  ...readdirSync(join(root, "server/src/memo")).map((name) => `server/src/memo/${name}`),
  ...[
    "bind",
    "cluster",
    "namespace",
    "slots",
    "addressings",
    "allocation",
    "segments",
    "first-names",
    "node-ranges",
    "machines",
  ].map((name) => `server/src/topology/${name}.ts`),
  ...["workloads", "services", "service-endpoints", "policies", "node-queries"].map(
    (name) => `server/src/topology/${name}.ts`,
  ),
  ...["per-service", "classes", "domains", "plan"].map((name) => `server/src/questions/${name}.ts`),
];

/** The tests that reach a file, those that take seconds first: they kill most mutants. */
function testsOf(path: string): readonly (readonly string[])[] {
  const single = ["test/unit/service/dependencies.test.ts"];
  const random = ["test/unit/service/settings.property.test.ts"];
  // Builds of topologies need nothing above `topology/`.
  if (path.startsWith("server/src/questions/")) return [single, random];
  const isEngine = path.startsWith("server/src/memo/");
  return [[...(isEngine ? ["test/unit/memo"] : []), ...single], ["test/unit/topology/cache.test.ts"], random];
}

interface Mutant {
  readonly path: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly loc: { readonly start: { readonly line: number } };
  readonly [key: string]: unknown;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && "loc" in value;
}

/** Readings and comparisons of results of a file, each without one of its parts. */
function mutantsOf(path: string): readonly Mutant[] {
  const source = readFileSync(join(root, path), "utf8");
  const found: Mutant[] = [];
  const walk = (value: unknown, compares: boolean): void => {
    if (Array.isArray(value)) for (const one of value) walk(one, compares);
    if (!isNode(value)) return;
    for (const text of [...readings(value, source), ...(compares ? comparisons(value, source) : [])]) {
      found.push({ path, line: value.loc.start.line, start: value.start, end: value.end, text });
    }
    const inside = compares || isComparison(value);
    for (const child of Object.values(value)) walk(child, inside);
  };
  // Other conditions of the phases affect new builds in the same way; the engine consists of such conditions.
  walk(parse(source, { sourceType: "module", plugins: ["typescript"] }).program, path.startsWith("server/src/memo/"));
  return found;
}

/** A function that decides whether an old result is still valid: by its name, or by its parameters `(a, b)`. */
function isComparison({ type, ...node }: SyntaxNode): boolean {
  const { id, params } = node as { readonly id?: unknown; readonly params?: unknown };
  if (type === "FunctionDeclaration") return isNode(id) && /same/i.test(String(id["name"]));
  if (type !== "ArrowFunctionExpression" || !Array.isArray(params)) return false;
  return params.map((one: unknown) => (isNode(one) ? one["name"] : "")).join() === "a,b";
}

/** The reading is not compared. */
function readings(node: SyntaxNode, source: string): readonly string[] {
  if (node.type !== "CallExpression" || textOf(node["callee"], source) !== "read") return [];
  const [select] = node["arguments"] as readonly unknown[];
  return [`read(${textOf(select, source)}, () => true)`];
}

/** A part of the comparison is missing. */
function comparisons(node: SyntaxNode, source: string): readonly string[] {
  switch (node.type) {
    case "LogicalExpression":
      return node["operator"] === "&&" ? [textOf(node["left"], source), textOf(node["right"], source)] : [];
    case "BinaryExpression":
      return node["operator"] === "===" ? ["true"] : node["operator"] === "!==" ? ["false"] : [];
    default:
      return [];
  }
}

function textOf(node: unknown, source: string): string {
  return isNode(node) ? source.slice(node.start, node.end) : "";
}

/** A permutation that depends only on the seed (mulberry32). */
function shuffled<T>(list: readonly T[], seed: number): readonly T[] {
  let state = seed;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
  return list
    .map((one) => ({ one, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ one }) => one);
}

/** A copy of the sources for one job. */
function copyOf(job: number): string {
  const copy = join(copies, String(job));
  mkdirSync(copy, { recursive: true });
  for (const name of ["server", "test/unit", "samples", "package.json", "tsconfig.json", "vitest.config.ts", "docs"])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Whether the tests pass with the mutant. */
async function survives(copy: string, { path, start, end, text }: Mutant): Promise<boolean> {
  const file = join(copy, path);
  const source = readFileSync(file, "utf8");
  writeFileSync(file, `${source.slice(0, start)}${text}${source.slice(end)}`);
  let survives = true;
  for (const tests of testsOf(path)) survives &&= await pass(copy, tests);
  writeFileSync(file, source);
  return survives;
}

async function pass(copy: string, tests: readonly string[]): Promise<boolean> {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--bail=1", "--maxWorkers=1", ...tests];
  // A mutant can cause an endless loop.
  const child = spawn(process.execPath, args, { cwd: copy, stdio: "ignore", timeout: 300_000 });
  return (await new Promise((resolve) => child.on("exit", resolve))) === 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: String(availableParallelism()) },
  },
});
const all = (positionals.length > 0 ? positionals : CORE).flatMap(mutantsOf);
const chosen = shuffled(all, Number(values.seed)).slice(0, Number(values.sample ?? all.length));
rmSync(copies, { recursive: true, force: true });
const survivors: Mutant[] = [];
const waiting = [...chosen.entries()];
const work = async (copy: string): Promise<void> => {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [index, mutant] = next;
    if (await survives(copy, mutant)) {
      survivors.push(mutant);
      process.stdout.write(`survives: ${mutant.path}:${mutant.line} → ${mutant.text.replaceAll(/\s+/g, " ")}\n`);
    }
    process.stderr.write(`${index + 1} of ${chosen.length}\n`);
  }
};
await Promise.all(Array.from({ length: Number(values.jobs) }, (_, job) => work(copyOf(job))));
const killed = chosen.length - survivors.length;
process.stdout.write(`${all.length} mutants, ${chosen.length} tested, ${killed} killed, ${survivors.length} survive\n`);
