// The entry point called by VS Code: runs every *.test.ts of this folder with mocha, and writes the counts for run.ts.

import { writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { format } from "node:util";
import Mocha from "mocha";

/** If the editor's output is mixed in, each line of the suite is marked, and the launcher shows only marked lines. */
const mark = process.env["KNET_TEST_MARK"] ?? "";
function print(...args: unknown[]): void {
  for (const line of format(...args).split("\n")) console.log(`${mark}${line}`);
}

export async function run(): Promise<void> {
  Mocha.reporters.Base.consoleLog = print;
  const mocha = new Mocha({ ui: "bdd", color: false, timeout: 60_000, slow: 3000, reporter: "spec" });
  const grep = process.env["KNET_TEST_GREP"];
  if (grep) mocha.grep(grep);
  const files = await readdir(__dirname, { recursive: true });
  for (const file of files.sort()) {
    if (file.endsWith(".test.cjs")) mocha.addFile(join(__dirname, file));
  }
  await mocha.loadFilesAsync();

  const counts = { passed: 0, failed: 0, skipped: 0 };
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on("pass", () => counts.passed++)
      .on("fail", () => counts.failed++)
      .on("pending", () => counts.skipped++);
  });
  const report = process.env["KNET_TEST_REPORT"];
  if (report) writeFileSync(report, JSON.stringify(counts));
  if (counts.failed > 0) throw new Error(`${counts.failed} tests failed`);
}
