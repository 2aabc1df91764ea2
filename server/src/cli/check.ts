/** `knet check`: the diagnostics of files and folders. */
import { catalog } from "../checks/catalog.ts";
import { VERSION } from "../version.ts";
import { expandPaths, openFiles } from "./files.ts";
import { githubReport } from "./formats/github.ts";
import { sarifReport } from "./formats/sarif.ts";
import { textReport } from "./formats/text.ts";
import { useColour } from "./output.ts";
import { makeReport, type Report } from "./report.ts";

export interface CheckOptions {
  readonly format: "text" | "json" | "sarif" | "github";
  readonly failOn: "error" | "warning";
}

/** Exit code: 0 clean, 1 problems at or above the threshold. */
export function check(paths: readonly string[], options: CheckOptions): number {
  const files = expandPaths(paths.length === 0 ? ["."] : paths);
  const service = openFiles(files);
  const analyses = service
    .roots()
    .map((root) => service.analysisOf(root))
    .filter((one) => one !== undefined);
  const report = makeReport(files, analyses);
  process.stdout.write(
    print(report, options.format, (file, line) => service.textOf(file)?.split("\n")[line]?.replace(/\r$/, "")),
  );
  const { errors, warnings } = report.summary;
  return errors > 0 || (options.failOn === "warning" && warnings > 0) ? 1 : 0;
}

function print(
  report: Report,
  format: CheckOptions["format"],
  lineOf: (file: string, line: number) => string | undefined,
): string {
  switch (format) {
    case "text":
      return textReport(report, { colour: useColour(), lineOf });
    case "json":
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case "sarif":
      return sarifReport(report, catalog, VERSION);
    case "github":
      return githubReport(report);
  }
}
