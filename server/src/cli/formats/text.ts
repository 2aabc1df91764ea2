/** The text report: the source line, a marker under the range, the message, related locations, and fixes. */

import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { visible, visibleIn } from "../../text/visible.ts";
import type { Report } from "../report-schema.ts";

type Diagnostic = Report["files"][number]["diagnostics"][number];
const COLOUR = { error: "31", warning: "33", info: "36", hint: "2" } as const;

export interface TextReportOptions {
  readonly colour: boolean;
  readonly lineOf: (file: string, line: number) => string | undefined;
}

/** Ends with a newline. Control characters in texts of files are shown as escapes. */
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
  const { code, severity, message, range, related, fixes } = visibleIn(diagnostic);
  const place = `${visible(path)}:${range.start.line + 1}:${range.start.character + 1}`;
  const lines = [`${place} ${paint(COLOUR[severity], severity)} ${code}  ${message}`];
  const text = options.lineOf(path, range.start.line);
  if (text !== undefined && text.length < 400) {
    // An escape is longer than its character, so the marker is measured on the shown text.
    const shown = (from: number, to: number): string => visible(text.slice(from, to).replace(/\t/g, " "));
    const end = range.end.line === range.start.line ? range.end.character : text.length;
    const indent = " ".repeat(shown(0, range.start.character).length);
    const mark = "^".repeat(Math.max(1, shown(range.start.character, end).length));
    lines.push(`    ${paint("2", shown(0, text.length))}`, `    ${indent}${paint(COLOUR[severity], mark)}`);
  }
  for (const { file, range: at, message: fact } of related)
    lines.push(`    ${file}:${at.start.line + 1}:${at.start.character + 1}: ${fact}`);
  for (const { title } of fixes) lines.push(`    ${t`fix: ${title}`}`);
  return lines;
}

function summary(report: Report): string {
  const { errors, warnings, infos, hints } = report.summary;
  const parts = [plural(errors, "error"), plural(warnings, "warning")];
  if (infos > 0) parts.push(plural(infos, "info"));
  if (hints > 0) parts.push(plural(hints, "hint"));
  return `${plural(report.files.length, "file")}: ${parts.join(", ")}`;
}
