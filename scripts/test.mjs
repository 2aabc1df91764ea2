// The complete test run: types, lint, build, vitest (unit, property, protocol, and command-line tests), the core in a
// browser, kernel, real programs, editor, packages.
// The last line is the total. `npm test -- --only=editor,unit` runs selected suites.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const reports = join(root, ".cache/reports");
const only = process.argv
  .find((arg) => arg.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",");
const modules = join(root, "node_modules");

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** Runs a script with Node; resolves to its exit code. @param {string[]} args @param {Record<string, string>} env */
function node(args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, PATH: `${join(modules, ".bin")}${delimiter}${process.env.PATH}`, ...env },
    });
    child.on("error", () => resolve(1));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** A step that counts as one test. @param {string[]} args @returns {Promise<Counts>} */
async function step(args) {
  const ok = (await node(args)) === 0;
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/** Counts from the suite's report; a suite that fails without a failed test in its report is one failure.
 * @param {string} file @param {number} code @param {(report: any) => Counts} read @returns {Promise<Counts>} */
async function counted(file, code, read) {
  /** @type {Counts} */
  let counts = { passed: 0, failed: 0, skipped: 0 };
  if (existsSync(file)) counts = read(JSON.parse(await readFile(file, "utf8")));
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** @type {Record<string, () => Promise<Counts>>} */
const suites = {
  types: () => step(["scripts/typecheck.mjs"]),
  lint: () => step([join(modules, "@biomejs/biome/bin/biome"), "check", "--error-on-warnings"]),
  build: () => step(["scripts/build.mjs"]),
  unit: async () => {
    const file = join(reports, "vitest.json");
    const args = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const code = await node([join(modules, "vitest/vitest.mjs"), ...args]);
    return counted(file, code, (report) => ({
      passed: report.numPassedTests,
      // A test file that does not load contains no failed test.
      failed: Math.max(
        report.numFailedTests,
        report.testResults.filter((/** @type {any} */ result) => result.status === "failed").length,
      ),
      skipped: report.numPendingTests + report.numTodoTests,
    }));
  },
  browser: async () => {
    const file = join(reports, "browser.json");
    const code = await node(["test/browser/run.ts"], { KNET_TEST_REPORT: file });
    return counted(file, code, (report) => report);
  },
  kernel: async () => {
    const file = join(reports, "kernel.json");
    const code = await node(["test/kernel/run.ts"], { KNET_TEST_REPORT: file });
    return counted(file, code, (report) => report);
  },
  programs: async () => {
    const file = join(reports, "programs.json");
    const code = await node(["test/programs/run.ts", "--few"], { KNET_TEST_REPORT: file });
    return counted(file, code, (report) => report);
  },
  editor: async () => {
    const file = join(reports, "editor.json");
    const code = await node(["test/editor/run.ts"], { KNET_TEST_REPORT: file });
    return counted(file, code, (report) => report);
  },
  package: async () => {
    const file = join(reports, "package.json");
    const code = await node(["test/package/run.ts"], { KNET_TEST_REPORT: file });
    return counted(file, code, (report) => report);
  },
};

await rm(reports, { recursive: true, force: true });
await mkdir(reports, { recursive: true });

/** @type {Counts} */
const total = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const table = [];
for (const [name, run] of Object.entries(suites)) {
  if (only && !only.includes(name)) continue;
  console.log(`\n── ${name}`);
  const start = performance.now();
  const counts = await run();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const outcome = counts.failed > 0 ? "FAILED" : "ok";
  table.push(
    `${name.padEnd(9)}${outcome.padEnd(8)}${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped  (${seconds} s)`,
  );
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}

console.log(`\n── all\n${table.join("\n")}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
