/** dist/knet.cjs: starts the command line, which is in dist/cli.cjs. Contains little, because every command waits for it. */
import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { VERSION } from "../version.ts";
import { requireCached } from "./code-cache.ts";
import { WORKER_COMMAND } from "./worker-command.ts";

/** Options that the command line also accepts, with the same output. */
const VERSION_OPTIONS = ["-V", "--version"];

function printVersion(): void {
  try {
    writeSync(1, `${VERSION}\n`);
  } catch (error) {
    // A reader that closes the pipe early is not an error.
    if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) throw error;
  }
}

/** A worker thread runs the code of `check`. */
function partOf(command: string): string {
  if (command === WORKER_COMMAND) return "check";
  return /^[a-z]+$/.test(command) ? command : "knet";
}

const [command = "", ...rest] = process.argv.slice(2);
if (rest.length === 0 && VERSION_OPTIONS.includes(command)) printVersion();
else requireCached(fileURLToPath(new URL("cli.cjs", import.meta.url)), partOf(command));
