/** What several commands need for their output: writing it, color, and locations. */

import type { Finding } from "../checks/check.ts";
import { lineIndex } from "../language/positions.ts";
import type { Source, Span } from "../language/tree.ts";
import type { Analysis } from "../service/analysis.ts";
import { visible, visibleLines } from "../text/visible.ts";
import type { Location } from "../trace/schema.ts";

/** Writes text that already has no control characters from files, or the content of a file that the user requests as data. */
export function writeOut(text: string): void {
  process.stdout.write(text);
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
  process.stderr.write(withoutCommands(visibleLines(text)));
}

/**
 * In a job of GitHub Actions, the runner executes output lines that start with `::`, and lines that contain `##[`, as workflow
 * commands (actions/runner, src/Runner.Common/ActionCommand.cs): a file name or a source line must not be one.
 */
function withoutCommands(text: string): string {
  if (process.env.GITHUB_ACTIONS !== "true") return text;
  return text.replace(/^(\s*):(?=:)/gm, "$1\\u003a").replace(/#(?=#\[)/g, "\\u0023");
}

/** Whether standard output is colored: a terminal, unless NO_COLOR is set (no-color.org). */
export function useColour(): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR) return true;
  return process.stdout.isTTY === true;
}

/** Converts sources and spans of an analysis to lines and characters. */
export interface Locator {
  source(source: Source): Location | undefined;
  finding(finding: Finding): Location | undefined;
  span(file: string, span: Span): Location | undefined;
}

export function locator(analysis: Analysis): Locator {
  const lines = new Map<string, ReturnType<typeof lineIndex>>();
  const locate = (name: string, span: Span | undefined): Location | undefined => {
    const file = analysis.fileOf(name);
    if (!span || !file) return undefined;
    let index = lines.get(name);
    if (!index) {
      index = lineIndex(file.tree.text);
      lines.set(name, index);
    }
    return { file: name, range: { start: index.positionAt(span.start), end: index.positionAt(span.end) } };
  };
  return {
    source: (source) => locate(source.file, analysis.spanOf(source)),
    span: locate,
    finding: (finding) => locate(finding.source.file, analysis.placeOf(finding)),
  };
}
