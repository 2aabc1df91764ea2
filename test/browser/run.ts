// Runs the core in headless Chromium, in a worker as in an editor on the web: every module of the core is loaded, and tests that
// need no files run, among them the properties on random topologies.
//
//   node test/browser/run.ts
//
// Environment:
//   KNET_TEST_BROWSER=path  the browser (default: an installed one, else the Debian package, else an npm package)
//   KNET_TEST_REPORT=path   file for the counts, as JSON { passed, failed, skipped }

import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as esbuild from "esbuild";
import { chromium } from "playwright-core";
import { type Browser, findBrowser } from "../editor/host/install.ts";
import { textsIn } from "../unit/texts.ts";
import type { Message } from "./harness.ts";

const root = join(import.meta.dirname, "../..");
const harness = join(import.meta.dirname, "harness.ts");
const LIMIT_MS = 300_000;

/** The shells, and the translations on disk that they install. */
const NOT_CORE = /^server\/src\/(?:lsp|cli)\/|^server\/src\/bundles\.ts$/;
const TESTS = [
  "test/browser/*.test.ts",
  "test/unit/addressing/*.test.ts",
  "test/unit/checks/*.property.test.ts",
  "test/unit/kubernetes/policy/*.property.test.ts",
  "test/unit/language/{incremental,positions}.test.ts",
  "test/unit/schema/reading.test.ts",
  "test/unit/service/{edits,files}.test.ts",
  "test/unit/service/*.property.test.ts",
  "test/unit/topology/{allocation,claims,pods}.test.ts",
];
/** Of the samples, which the suite `unit` edits all. */
const EVERY = 8;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Each file as a path from the root. */
function sources(patterns: readonly string[]): readonly string[] {
  return patterns.flatMap((pattern) => globSync(pattern, { cwd: root }).sort()).map((one) => one.replaceAll("\\", "/"));
}

/** An entry that loads the whole core, then the tests. */
function entry(): string {
  const core = sources(["server/src/**/*.ts"]).filter((file) => !NOT_CORE.test(file));
  const load = (file: string): string => `import("./${file}")`;
  const files = sources(TESTS).map((file) => `${JSON.stringify(file)}: () => ${load(file)}`);
  return `import { runAll } from ${JSON.stringify(harness)};
    runAll({ core: () => Promise.all([${core.map(load).join()}]), ${files.join()} });`;
}

/** The tests import `vitest`; the module of texts reads files, so the bundle contains them. */
const replaced: esbuild.Plugin = {
  name: "replaced",
  setup(build) {
    build.onResolve({ filter: /^vitest$/ }, ({ importer }) => (importer === harness ? undefined : { path: harness }));
    build.onLoad({ filter: /[/\\]test[/\\]unit[/\\]texts\.ts$/ }, () => {
      const few = textsIn("samples", true).filter((_, index) => index % EVERY === 0);
      const texts = {
        samples: few,
        "samples/broken": textsIn("samples/broken"),
        "test/unit/checks/fixtures": textsIn("test/unit/checks/fixtures"),
        "test/unit/language/fixtures": textsIn("test/unit/language/fixtures"),
      };
      return { contents: `const texts = ${JSON.stringify(texts)};\nexport const textsIn = (folder) => texts[folder];` };
    });
  },
};

/** Fails if a module of Node is imported, also if its package replaces it with nothing in a browser. */
async function bundle(): Promise<string> {
  const { outputFiles, metafile } = await esbuild.build({
    stdin: { contents: entry(), resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    platform: "browser",
    format: "iife",
    target: "es2022",
    write: false,
    metafile: true,
    logLevel: "error",
    // Of the tests: the number of random edits.
    define: { "process.env.KNET_RUNS": '"300"' },
    plugins: [replaced],
  });
  const replacedModules = Object.keys(metafile.inputs).filter((path) => path.startsWith("(disabled)"));
  if (replacedModules.length > 0) throw new Error(`imported from Node: ${replacedModules.join(", ")}`);
  return outputFiles[0]?.text ?? "";
}

/** Starts a worker in a page and passes on its messages; `receive` is a function of this script. */
const START = `(source) => {
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  worker.onmessage = ({ data }) => receive(data);
  worker.onerror = ({ message }) => receive(message);
}`;

/** Runs the bundle in a worker and passes on its messages, up to the last one. */
async function runInWorker(found: Browser, text: string, on: (message: Message) => void): Promise<void> {
  const args = ["--no-sandbox", ...found.args];
  const browser = await chromium.launch({ executablePath: found.path, args, headless: true });
  try {
    const page = await browser.newPage();
    await new Promise<void>((resolve, reject) => {
      setTimeout(() => reject(new Error(`no result after ${LIMIT_MS / 1000} seconds`)), LIMIT_MS).unref();
      page.on("crash", () => reject(new Error("the page crashed")));
      const receive = (message: Message | string): void => {
        if (typeof message === "string") reject(new Error(message));
        else if (message.kind === "end") resolve();
        else on(message);
      };
      const start = (): Promise<unknown> => page.evaluate(`(${START})(${JSON.stringify(text)})`);
      page.exposeFunction("receive", receive).then(start).catch(reject);
    });
  } finally {
    await browser.close();
  }
}

async function main(): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const text = await bundle();
  const found = await findBrowser().catch((error: unknown) => String(error));
  if (typeof found === "string") {
    console.log(`skipped: no browser (${found})`);
    return { ...counts, skipped: 1 };
  }
  await runInWorker(found, text, (message) => {
    if (message.kind !== "test") return;
    if (message.error === undefined) counts.passed += 1;
    else {
      counts.failed += 1;
      console.log(`FAILED ${message.file} › ${message.name}\n${message.error}\n`);
    }
  });
  return counts;
}

let counts: Counts = { passed: 0, failed: 1, skipped: 0 };
try {
  counts = await main();
} catch (error) {
  console.error(`browser: ${error instanceof Error ? error.message : String(error)}`);
}
const report = process.env["KNET_TEST_REPORT"];
if (report) {
  mkdirSync(dirname(report), { recursive: true });
  writeFileSync(report, JSON.stringify(counts));
}
console.log(`browser: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 ? 1 : 0);
