/** The report of `knet check` as data (`knet-check/1`), which the output formats print. */
import type { Finding, Severity } from "../checks/check.ts";
import type { Analysis } from "../service/analysis.ts";
import { type ProvenFix, provenFixes } from "../service/features/fixes.ts";
import { type Locator, locator } from "./locate.ts";
import type { Diagnostic, Report } from "./report-schema.ts";

/** Each proof analyzes the edited files: limits for the number of proofs and for their total text. Findings beyond the limits have no fixes. */
const MOST_PROOFS = 100;
const PROVEN_TEXT = 4_000_000;

/** Lists every file once, even if several roots import it. */
export function makeReport(files: readonly string[], analyses: readonly Analysis[]): Report {
  const size = analyses.flatMap((one) => one.files).reduce((sum, { tree }) => sum + tree.text.length, 0);
  let proofs = Math.min(MOST_PROOFS, Math.ceil(PROVEN_TEXT / (size + 1)));
  const byFile = new Map<string, Diagnostic[]>(files.map((file) => [file, []]));
  const seen = new Set<string>();
  for (const analysis of analyses) {
    const locate = locator(analysis);
    for (const finding of analysis.findings(() => false) ?? []) {
      const range = locate.finding(finding)?.range;
      if (!range) continue;
      const file = finding.source.file;
      const key = JSON.stringify([file, finding.code, range, finding.message]);
      if (seen.has(key)) continue;
      seen.add(key);
      proofs -= finding.fixes.length;
      const proven = proofs < 0 ? [] : (provenFixes(analysis, finding, () => false) ?? []);
      const diagnostic = toDiagnostic(finding, range, proven, locate);
      const before = byFile.get(file);
      if (before) before.push(diagnostic);
      else byFile.set(file, [diagnostic]);
    }
  }
  const all = [...byFile.values()].flat();
  const count = (severity: Severity): number => all.filter((one) => one.severity === severity).length;
  return {
    schema: "knet-check/1",
    files: [...byFile].map(([path, diagnostics]) => ({ path, diagnostics })),
    summary: { errors: count("error"), warnings: count("warning"), infos: count("info"), hints: count("hint") },
  };
}

function toDiagnostic(
  finding: Finding,
  range: Diagnostic["range"],
  fixes: readonly ProvenFix[],
  locate: Locator,
): Diagnostic {
  const related = finding.related.flatMap(({ source, message }) => {
    const where = locate.source(source);
    return where ? [{ file: where.file, range: where.range, message }] : [];
  });
  return {
    code: finding.code,
    severity: finding.severity,
    message: finding.message,
    range,
    related,
    fixes: fixes.map(({ title, edits }) => ({
      title,
      edits: [...edits].flatMap(([name, list]) =>
        list.flatMap(({ start, end, text }) => {
          const where = locate.span(name, { start, end });
          return where ? [{ file: name, range: where.range, text }] : [];
        }),
      ),
    })),
  };
}
