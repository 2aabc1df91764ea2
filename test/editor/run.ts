// Runs the editor suite (test/editor/suite) inside a real VS Code.
//
//   npm run test:editor                         everything
//   npm run test:editor -- --grep "trace panel" some tests
//
// Environment:
//   KNET_TEST_VSCODE=desktop|server  the desktop build (downloaded by @vscode/test-electron) or the VS Code server with a
//                                    headless browser. Default: desktop if a window can be shown and the download works,
//                                    else the server.
//   KNET_TEST_BROWSER=path           the browser for the server
//   KNET_TEST_EXTENSION=path         the extension under test (default: this repository)
//   KNET_TEST_REPORT=path            output file for the result, as JSON { passed, failed, skipped }
//   KNET_TEST_TIMEOUT=seconds        limit for the whole suite in the server (300)
//   KNET_TEST_VERBOSE=1              shows the output of the VS Code server; otherwise it is in .cache/reports/editor.log

import { existsSync } from "node:fs";
import { cp, glob, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { downloadAndUnzipVSCode, runTests } from "@vscode/test-electron";
import * as esbuild from "esbuild";
import { chromium, type Page } from "playwright-core";
import { startBridge } from "./host/bridge.ts";

const here = import.meta.dirname;
const root = join(here, "../..");
const output = join(root, "dist/test/editor");
const extension = process.env["KNET_TEST_EXTENSION"] ?? root;
const report = process.env["KNET_TEST_REPORT"] ?? join(root, ".cache/reports/editor.json");
const grepAt = process.argv.indexOf("--grep");
const grep = grepAt < 0 ? "" : (process.argv[grepAt + 1] ?? "");

/** A copy of all files that the tests edit, so the repository is not modified. */
const workspace = await mkdtemp(join(tmpdir(), "knet-workspace-"));

async function bundle(): Promise<void> {
  await rm(output, { recursive: true, force: true });
  const entryPoints: string[] = [];
  for await (const file of glob("suite/**/{index,*.test}.ts", { cwd: here })) entryPoints.push(join(here, file));
  await esbuild.build({
    entryPoints,
    outdir: output,
    outbase: join(here, "suite"),
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    sourcemap: "inline",
    external: ["vscode", "mocha"],
    logLevel: "warning",
  });
}

/** The desktop VS Code; undefined if it is not available. */
async function desktop(): Promise<string | undefined> {
  const wish = process.env["KNET_TEST_VSCODE"];
  if (wish === "server") return undefined;
  const display = process.platform !== "linux" || process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"];
  if (wish !== "desktop" && !display) return undefined;
  try {
    return await downloadAndUnzipVSCode({ timeout: 10_000 });
  } catch (error) {
    if (wish === "desktop" || process.platform !== "linux") throw error;
    console.log("the desktop VS Code cannot be downloaded here; using the VS Code server");
    return undefined;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

const shared = {
  extensionDevelopmentPath: extension,
  extensionTestsPath: join(output, "index.cjs"),
};
const environment = {
  KNET_TEST_REPORT: report,
  KNET_TEST_GREP: grep,
  KNET_TEST_LOG: join(dirname(report), "editor.log"),
  // The launcher is a TypeScript file, so it requires the same Node as this script.
  PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
};

async function inDesktop(executable: string): Promise<void> {
  const port = await freePort();
  let page: Promise<Page> | undefined;
  const connect = async (): Promise<Page> => {
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    const pages = browser.contexts().flatMap((context) => context.pages());
    const window = pages.find((candidate) => candidate.url().includes("workbench"));
    if (!window) throw new Error("the window of VS Code is unreachable");
    return window;
  };
  const bridge = await startBridge(() => {
    page ??= connect();
    return page;
  });
  try {
    await runTests({
      ...shared,
      vscodeExecutablePath: executable,
      launchArgs: [workspace, "--disable-extensions", `--remote-debugging-port=${port}`],
      extensionTestsEnv: { ...environment, KNET_TEST_BRIDGE: bridge.url },
    });
  } finally {
    bridge.close();
  }
}

async function inServer(): Promise<void> {
  await runTests({
    ...shared,
    vscodeExecutablePath: join(here, "host/launcher.ts"),
    launchArgs: [workspace],
    extensionTestsEnv: environment,
  });
}

// If the parent process has exited, the result is no longer needed.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 500).unref();

let failure: unknown;
try {
  await rm(report, { force: true });
  await mkdir(dirname(report), { recursive: true });
  await cp(join(here, "fixtures"), workspace, { recursive: true });
  await bundle();
  const executable = await desktop();
  await (executable ? inDesktop(executable) : inServer());
} catch (error) {
  failure = error;
} finally {
  await rm(workspace, { recursive: true, force: true });
}
if (existsSync(report)) {
  const counts = JSON.parse(await readFile(report, "utf8")) as { passed: number; failed: number; skipped: number };
  console.log(`editor: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  if (counts.failed === 0 && failure) console.error(failure);
} else {
  console.error("editor: the suite exited without a report", failure ?? "");
}
process.exit(failure || !existsSync(report) ? 1 : 0);
