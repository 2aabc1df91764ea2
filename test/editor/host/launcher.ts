#!/usr/bin/env node
// Replaces the executable of a desktop VS Code: accepts the arguments that @vscode/test-electron passes, runs
// the tests in a VS Code server with a headless browser, and exits with their code.

import { writeFileSync } from "node:fs";
import { startBridge } from "./bridge.ts";
import { startServer } from "./server.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

const args = process.argv.slice(2);
const value = (name: string): string | undefined => {
  const found = args.find((arg) => arg.startsWith(`--${name}=`));
  return found?.slice(name.length + 3);
};
const folder = args.find((arg) => !arg.startsWith("-"));
const extensionDevelopmentPath = value("extensionDevelopmentPath");
const extensionTestsPath = value("extensionTestsPath");
if (!folder || !extensionDevelopmentPath || !extensionTestsPath) {
  console.error("usage: launcher FOLDER --extensionDevelopmentPath=PATH --extensionTestsPath=PATH");
  process.exit(2);
}

const closers: (() => Promise<void> | void)[] = [];
let closing: Promise<void> | undefined;
function close(): Promise<void> {
  closing ??= (async () => {
    for (const closer of closers.reverse()) await Promise.resolve(closer()).catch(() => {});
  })();
  return closing;
}

/** Stops everything that was started, on every detectable exit: a signal, a lost parent, a time limit. */
async function abort(why: string): Promise<void> {
  console.error(`editor host: ${why}`);
  await close();
  if (rest) console.error(rest.slice(-5000));
  process.exit(1);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void abort(signal));
const parent = process.ppid;
setInterval(() => process.ppid !== parent && void abort("the process that started it is gone"), 500).unref();
const limit = Number(process.env["KNET_TEST_TIMEOUT"] ?? 300);
setTimeout(() => void abort(`no result after ${limit} s`), limit * 1000).unref();

/** The editor prints many messages. Lines of the suite are marked; all others are shown only on request or on failure. */
const mark = "knet-suite:";
const verbose = process.env["KNET_TEST_VERBOSE"] === "1";
let rest = "";
function print(text: string): void {
  if (text.startsWith(mark)) console.log(text.slice(mark.length));
  else if (verbose) console.log(text);
  else rest = `${rest}${text}\n`.slice(-100_000);
}

async function test(folder: string, development: string, tests: string): Promise<number> {
  let opened: (workbench: Workbench) => void = () => {};
  const workbench = new Promise<Workbench>((resolve) => {
    opened = resolve;
  });
  const bridge = await startBridge(async () => (await workbench).page);
  closers.push(() => bridge.close());
  const server = await startServer({
    env: { KNET_TEST_BRIDGE: bridge.url, KNET_TEST_MARK: mark },
    log: (text) => print(text.trimEnd()),
  });
  closers.push(() => server.stop());
  const started = await openWorkbench(server, {
    folder,
    extensionDevelopmentPath: development,
    extensionTestsPath: tests,
    log: (_type, text) => print(text),
  });
  closers.push(() => started.close());
  opened(started);
  return started.exited;
}

let code = 1;
try {
  code = await test(folder, extensionDevelopmentPath, extensionTestsPath);
} catch (error) {
  if (!closing) console.error(error);
}
await close();
const logFile = process.env["KNET_TEST_LOG"];
if (logFile) writeFileSync(logFile, rest);
if (code !== 0 && logFile) console.log(`output of the editor: ${logFile}`);
process.exit(code);
