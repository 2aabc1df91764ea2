/** The findings of a project as diagnostics of the protocol, by file, for push and pull. */

import { type Connection, type Diagnostic, DiagnosticSeverity } from "vscode-languageserver/node";
import type { Document } from "../declared/document.ts";
import type { AnalysisOptions } from "../service/analysis.ts";
import { MAX_TEXT } from "../service/limits.ts";
import { number } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { type DiagnosticSupport, type DocumentationLink, diagnosticOf } from "./convert.ts";
import type { Documents, OpenDocument } from "./documents.ts";
import { describe } from "./guard.ts";

/** Maximum number of diagnostics per file; more are of no use in an editor. */
const MOST = 1000;

export interface ReportsOptions {
  readonly connection: Connection;
  readonly documents: Documents;
  readonly support: () => DiagnosticSupport;
  readonly link: DocumentationLink;
  readonly stale: () => boolean;
  readonly now: () => number;
}

export interface Report {
  readonly files: readonly Document[];
  readonly options: AnalysisOptions | undefined;
  readonly diagnostics: ReadonlyMap<string, readonly Diagnostic[]>;
  readonly durationMs: number;
}

export interface Reports {
  /** The report of the project with this root, computed once per state of its files. Undefined if a newer edit canceled the run. */
  of(root: string): Report | undefined;
  /** The last report, which can be out of date. */
  known(root: string): Report | undefined;
  /** Drops the reports of all other projects. */
  keep(roots: readonly string[]): void;
}

export function createReports(options: ReportsOptions): Reports {
  const { connection, documents, now } = options;
  const known = new Map<string, Report>();

  const analyse = (root: string): Report | undefined => {
    const start = now();
    const analysis = documents.service.analysisOf(root);
    const files = analysis?.files ?? [];
    const before = known.get(root);
    if (before && sameItems(before.files, files) && sameDecisions(before.options, analysis?.options)) return before;
    const findings = analysis ? analysis.findings(options.stale) : [];
    if (!analysis || !findings) return undefined;
    const byFile = new Map<string, Diagnostic[]>(analysis.files.map(({ file }) => [file, []]));
    const { config } = analysis.options;
    if (config) byFile.set(config.file, []);
    for (const finding of findings) {
      const diagnostic = diagnosticOf(documents, analysis, finding, options.support(), options.link);
      if (diagnostic) byFile.get(finding.source.file)?.push(diagnostic);
    }
    return { files, options: analysis.options, diagnostics: byFile, durationMs: now() - start };
  };

  return {
    of(root) {
      try {
        const report = analyse(root);
        if (report) known.set(root, report);
        return report;
      } catch (error) {
        // A bug in knet affects only the project that triggers it; the file shows that the analysis failed.
        connection.console.error(`analysis of ${root}: ${describe(error)}`);
        return { files: [], options: undefined, diagnostics: new Map([[root, [failed()]]]), durationMs: 0 };
      }
    },
    known: (root) => known.get(root),
    keep(roots) {
      for (const root of known.keys()) if (!roots.includes(root)) known.delete(root);
    },
  };
}

/** The diagnostics of a file for a client; a file can have findings from several projects. */
export function listOf(diagnostics: readonly Diagnostic[], document: OpenDocument | undefined): readonly Diagnostic[] {
  return document?.oversized === undefined ? shorten(unique(diagnostics)) : [tooLarge(document)];
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}

/** Whether both runs used the same settings and the same knet.json. */
function sameDecisions(a: AnalysisOptions | undefined, b: AnalysisOptions | undefined): boolean {
  return a?.config === b?.config && sameItems([...(a?.levels ?? [])].flat(), [...(b?.levels ?? [])].flat());
}

/** Removes the duplicates in a file of several projects. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics.filter(({ code, range, message }) => {
    const key = JSON.stringify([code, range, message]);
    return seen.size < seen.add(key).size;
  });
}

/** The most severe diagnostics, and a note with the number of omitted ones. */
function shorten(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  if (diagnostics.length <= MOST) return diagnostics;
  const kept = new Set([...diagnostics].sort((a, b) => (a.severity ?? 4) - (b.severity ?? 4)).slice(0, MOST));
  const rest = diagnostics.length - MOST;
  return [
    ...diagnostics.filter((one) => kept.has(one)),
    {
      range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
      severity: DiagnosticSeverity.Information,
      source: "knet",
      message: rest === 1 ? t`1 more problem is not shown` : t`${number(rest)} more problems are not shown`,
    },
  ];
}

function failed(): Diagnostic {
  return {
    range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
    severity: DiagnosticSeverity.Information,
    source: "knet",
    message: t`knet failed on this file because of a bug in knet; see the output channel`,
  };
}

function tooLarge({ oversized }: OpenDocument): Diagnostic {
  const size = number(oversized?.length ?? 0);
  const limit = number(MAX_TEXT);
  return {
    range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
    severity: DiagnosticSeverity.Error,
    source: "knet",
    message: t`the file has ${size} characters and is not analyzed (limit: ${limit}); declare equal machines as a pool (\`nodes n 1..500\`)`,
  };
}
