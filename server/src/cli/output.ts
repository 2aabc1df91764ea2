/** Output of all commands: writing it, and color. Imports nothing of the analysis, because `knet --help` also needs it. */
import { t } from "../text/l10n.ts";
import { visible, visibleLines } from "../text/visible.ts";
import { errno } from "./errors.ts";

/** The streams with a handler. Node creates a stream on first use, which takes milliseconds. */
const handled = new Set<NodeJS.WriteStream>();

/** The reader is gone: a closed pipe (`| head`), or a closed terminal. */
const CLOSED: ReadonlySet<string | undefined> = new Set(["EPIPE", "EIO"]);

/**
 * A reader that closes the pipe early is not an error: the command completes, so its exit code is the same. If output is lost for any
 * other reason, such as a full disk, the command completes with exit code 2. Errors on standard error cannot be reported.
 */
function patient(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (handled.has(stream)) return stream;
  handled.add(stream);
  let reported = false;
  return stream.on("error", (error: NodeJS.ErrnoException) => {
    if (reported || CLOSED.has(error.code) || stream === process.stderr) return;
    reported = true;
    complain(t`standard output: cannot be written (${errno(error)})`);
    process.once("exit", () => {
      process.exitCode = 2;
    });
  });
}

/** Writes text that already has no control characters from files, or the content of a file that the user requests as data. */
export function writeOut(text: string): void {
  patient(process.stdout).write(text);
}

/** Writes lines for a person to standard output; only `colored` text can contain escape sequences, which knet generates. */
export function say(text: string, colored = false): void {
  writeOut(withoutCommands(colored ? text : visibleLines(text)));
}

/** Writes one line to standard error: "knet: FILE: cannot be read (ENOENT: no such file or directory)". */
export function complain(message: string): void {
  sayError(`knet: ${visible(message)}\n`);
}

/** Writes lines for a person to standard error, such as the output of another program. */
export function sayError(text: string): void {
  patient(process.stderr).write(withoutCommands(visibleLines(text)));
}

/**
 * In a job of GitHub Actions, the runner executes output lines that start with `::`, and lines that contain `##[`, as workflow
 * commands (actions/runner, src/Runner.Common/ActionCommand.cs): a file name or a source line must not be one.
 */
function withoutCommands(text: string): string {
  if (process.env.GITHUB_ACTIONS !== "true") return text;
  return text.replace(/^(\s*):(?=:)/gm, "$1\\u003a").replace(/#(?=#\[)/g, "\\u0023");
}

/** Replaces the line of progress on standard error if that is a terminal; undefined removes it. */
export function progress(text: string | undefined): void {
  if (process.stderr.isTTY !== true) return;
  patient(process.stderr).write(`\r\u001b[K${text === undefined ? "" : visible(text)}`);
}

/** Whether standard output is colored: a terminal, unless NO_COLOR is set (no-color.org). */
export function useColour(): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR) return true;
  return process.stdout.isTTY === true;
}
