/** SARIF 2.1.0 (docs.oasis-open.org/sarif): what code-scanning services read. Rules come from the catalogue. */
import type { Location, Log } from "sarif";
import type { Check } from "../../checks/check.ts";
import type { Report } from "../report.ts";

type Range = Report["files"][number]["diagnostics"][number]["range"];

export function sarifReport(report: Report, catalogue: readonly Check[], version: string): string {
  const used = catalogue.filter((check) =>
    report.files.some(({ diagnostics }) => diagnostics.some(({ code }) => code === check.code)),
  );
  const sarif: Log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "knet",
            version,
            rules: used.map((check) => ({
              id: check.code,
              name: check.name,
              shortDescription: { text: check.summary },
              fullDescription: { text: check.documentation },
              defaultConfiguration: { level: level(check.severity) },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: report.files.flatMap(({ path, diagnostics }) =>
          diagnostics.map(({ code, severity, message, range, related }) => ({
            ruleId: code,
            ruleIndex: used.findIndex((check) => check.code === code),
            level: level(severity),
            message: { text: message },
            locations: [location(path, range)],
            relatedLocations: related.map((one, id) => ({
              id,
              ...location(one.file, one.range),
              message: { text: one.message },
            })),
          })),
        ),
      },
    ],
  };
  return `${JSON.stringify(sarif, undefined, 2)}\n`;
}

function level(severity: "error" | "warning" | "info" | "hint"): "error" | "warning" | "note" {
  return severity === "error" || severity === "warning" ? severity : "note";
}

function location(path: string, range: Range): Location {
  return {
    physicalLocation: {
      artifactLocation: { uri: path.split("\\").join("/").split("/").map(encodeURIComponent).join("/") },
      region: {
        startLine: range.start.line + 1,
        startColumn: range.start.character + 1,
        endLine: range.end.line + 1,
        endColumn: range.end.character + 1,
      },
    },
  };
}
