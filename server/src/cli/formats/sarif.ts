/** SARIF 2.1.0 (docs.oasis-open.org/sarif), the input format of code-scanning services. Its rules are the catalog of checks. */
import type { ArtifactLocation, Fix, Location, Log, Region } from "sarif";
import type { CheckInfo } from "../../findings/check.ts";
import { translated } from "../../text/l10n.ts";
import { jsonText } from "../../text/visible.ts";
import type { Diagnostic, Report } from "../report-schema.ts";

type Range = Diagnostic["range"];

export function sarifReport(report: Report, catalog: readonly CheckInfo[], version: string): string {
  const used = catalog.filter((check) =>
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
              shortDescription: { text: translated(check.summary) },
              fullDescription: { text: translated(check.documentation) },
              defaultConfiguration: { level: level(check.severity) },
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: report.files.flatMap(({ path, diagnostics }) =>
          diagnostics.map(({ code, severity, message, range, related, fixes }) => ({
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
            ...(fixes.length === 0 ? {} : { fixes: fixes.map(fix) }),
          })),
        ),
      },
    ],
  };
  return `${jsonText(sarif)}\n`;
}

function level(severity: "error" | "warning" | "info" | "hint"): "error" | "warning" | "note" {
  return severity === "error" || severity === "warning" ? severity : "note";
}

function fix({ title, edits }: Diagnostic["fixes"][number]): Fix {
  const files = [...new Set(edits.map(({ file }) => file))];
  return {
    description: { text: title },
    artifactChanges: files.map((file) => ({
      artifactLocation: artifact(file),
      replacements: edits
        .filter((edit) => edit.file === file)
        .map(({ range, text }) => ({ deletedRegion: region(range), insertedContent: { text } })),
    })),
  };
}

function location(path: string, range: Range): Location {
  return { physicalLocation: { artifactLocation: artifact(path), region: region(range) } };
}

function artifact(path: string): ArtifactLocation {
  return { uri: path.split("\\").join("/").split("/").map(encodeURIComponent).join("/") };
}

function region({ start, end }: Range): Region {
  return {
    startLine: start.line + 1,
    startColumn: start.character + 1,
    endLine: end.line + 1,
    endColumn: end.character + 1,
  };
}
