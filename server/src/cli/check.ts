/** `knet check`: the diagnostics of files and folders. */
import { catalog } from "../checks/catalog.ts";
import { type LineIndex, lineIndex } from "../language/positions.ts";
import type { Service } from "../service/service.ts";
import { jsonText } from "../text/visible.ts";
import { VERSION } from "../version.ts";
import { openAll } from "./files.ts";
import { githubReport } from "./formats/github.ts";
import { sarifReport } from "./formats/sarif.ts";
import { textReport } from "./formats/text.ts";
import { complain, say, useColour, writeOut } from "./output.ts";
import { makeReport } from "./report.ts";
import type { Report } from "./report-schema.ts";

export interface CheckOptions {
  readonly format: "text" | "json" | "sarif" | "github";
  readonly failOn: "error" | "warning";
}

/** Exit code: 0 clean, 1 problems at or above the threshold, 2 if a file or folder cannot be read; the others are checked. */
export function check(paths: readonly string[], options: CheckOptions): number {
  const { service, files, problems } = openAll(paths.length === 0 ? ["."] : paths);
  for (const problem of problems) complain(problem);
  if (files.length === 0) return 2;
  const analyses = service
    .roots()
    .map((root) => service.analysisOf(root))
    .filter((one) => one !== undefined);
  const report = makeReport(files, analyses);
  const text = print(report, options.format, service);
  if (options.format === "text") say(text, true);
  else writeOut(text);
  if (problems.length > 0) return 2;
  const { errors, warnings } = report.summary;
  return errors > 0 || (options.failOn === "warning" && warnings > 0) ? 1 : 0;
}

function print(report: Report, format: CheckOptions["format"], service: Service): string {
  switch (format) {
    case "text":
      return textReport(report, { colour: useColour(), lineOf: lineReader(service) });
    case "json":
      return `${jsonText(report)}\n`;
    case "sarif":
      return sarifReport(report, catalog, VERSION);
    case "github":
      return githubReport(report);
  }
}

/** Reads lines by the rule that positions are counted by: LF, CRLF, and CR end a line. */
function lineReader(service: Service): (file: string, line: number) => string | undefined {
  const known = new Map<string, { readonly text: string; readonly index: LineIndex } | undefined>();
  return (file, line) => {
    if (!known.has(file)) {
      const text = service.textOf(file);
      known.set(file, text === undefined ? undefined : { text, index: lineIndex(text) });
    }
    const found = known.get(file);
    if (!found || line >= found.index.lineCount) return undefined;
    const start = found.index.offsetAt({ line, character: 0 });
    return found.text.slice(start, found.index.offsetAt({ line, character: Number.POSITIVE_INFINITY }));
  };
}
