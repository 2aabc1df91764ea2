/** The text report: the source line, a marker under the range, the message, related locations, and fixes. */

import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Report } from "../report.ts";

type Diagnostic = Report["files"][number]["diagnostics"][number];
const COLOUR = { error: "31", warning: "33", info: "36", hint: "2" } as const;

export interface TextReportOptions {
  readonly colour: boolean;
  readonly lineOf: (file: string, line: number) => string | undefined;
}

/** Ends with a newline. */
export function textReport(report: Report, options: TextReportOptions): string {
  const paint = (code: string, text: string): string => (options.colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines: string[] = [];
  for (const { path, diagnostics } of report.files) {
    for (const diagnostic of diagnostics) lines.push(...one(path, diagnostic, options, paint), "");
  }
  lines.push(summary(report));
  return `${lines.join("\n")}\n`;
}

function one(
  path: string,
  diagnostic: Diagnostic,
  options: TextReportOptions,
  paint: (code: string, text: string) => string,
): string[] {
  const { range, severity } = diagnostic;
  const lines = [
    `${path}:${range.start.line + 1}:${range.start.character + 1} ${paint(COLOUR[severity], severity)} ${diagnostic.code}  ${diagnostic.message}`,
  ];
  const text = options.lineOf(path, range.start.line);
  if (text !== undefined && text.length < 400) {
    const shown = text.replace(/\t/g, " ");
    const end =
      range.end.line === range.start.line ? Math.max(range.end.character, range.start.character + 1) : shown.length;
    lines.push(`    ${paint("2", shown)}`);
    lines.push(
      `    ${" ".repeat(range.start.character)}${paint(COLOUR[severity], "^".repeat(Math.max(1, end - range.start.character)))}`,
    );
  }
  for (const related of diagnostic.related) {
    lines.push(
      `    ${related.file}:${related.range.start.line + 1}:${related.range.start.character + 1}: ${related.message}`,
    );
  }
  for (const fix of diagnostic.fixes) lines.push(`    ${t`fix: ${fix.title}`}`);
  return lines;
}

function summary(report: Report): string {
  const { errors, warnings, infos, hints } = report.summary;
  const parts = [plural(errors, "error"), plural(warnings, "warning")];
  if (infos > 0) parts.push(plural(infos, "info"));
  if (hints > 0) parts.push(plural(hints, "hint"));
  return `${plural(report.files.length, "file")}: ${parts.join(", ")}`;
}
