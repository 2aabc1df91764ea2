/** The findings of a project as a client's diagnostics, by file: for those that are pushed and for those that are pulled. */
import { type Connection, type Diagnostic, DiagnosticSeverity } from "vscode-languageserver/node";
import type { SyntaxTree } from "../language/tree.ts";
import type { AnalysisOptions } from "../service/analysis.ts";
import { MAX_TEXT } from "../service/service.ts";
import { type DiagnosticSupport, type DocumentationLink, diagnosticOf } from "./convert.ts";
import type { Documents, OpenDocument } from "./documents.ts";
import { describe } from "./guard.ts";

/** Of one file; an editor with more is of no use to anybody. */
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
  readonly trees: readonly SyntaxTree[];
  readonly options: AnalysisOptions | undefined;
  readonly diagnostics: ReadonlyMap<string, readonly Diagnostic[]>;
  readonly durationMs: number;
}

export interface Reports {
  /** Of the project with this root, once for each state of its files. Undefined: ended by a newer edit. */
  of(root: string): Report | undefined;
  /** The last one, which may be out of date. */
  known(root: string): Report | undefined;
  /** Forgets all others. */
  keep(roots: readonly string[]): void;
}

export function createReports(options: ReportsOptions): Reports {
  const { connection, documents, now } = options;
  const known = new Map<string, Report>();

  const analyse = (root: string): Report | undefined => {
    const start = now();
    const analysis = documents.service.analysisOf(root);
    const trees = analysis?.files.map(({ tree }) => tree) ?? [];
    const before = known.get(root);
    if (before && sameItems(before.trees, trees) && sameDecisions(before.options, analysis?.options)) return before;
    const findings = analysis ? analysis.findings(options.stale) : [];
    if (!analysis || !findings) return undefined;
    const byFile = new Map<string, Diagnostic[]>(analysis.files.map(({ file }) => [file, []]));
    const { config } = analysis.options;
    if (config) byFile.set(config.file, []);
    for (const finding of findings) {
      const diagnostic = diagnosticOf(documents, analysis, finding, options.support(), options.link);
      if (diagnostic) byFile.get(finding.source.file)?.push(diagnostic);
    }
    return { trees, options: analysis.options, diagnostics: byFile, durationMs: now() - start };
  };

  return {
    of(root) {
      try {
        const report = analyse(root);
        if (report) known.set(root, report);
        return report;
      } catch (error) {
        // A defect of knet in one project leaves the others their diagnostics, and is said where it is.
        connection.console.error(`analysis of ${root}: ${describe(error)}`);
        return { trees: [], options: undefined, diagnostics: new Map([[root, [failed]]]), durationMs: 0 };
      }
    },
    known: (root) => known.get(root),
    keep(roots) {
      for (const root of known.keys()) if (!roots.includes(root)) known.delete(root);
    },
  };
}

/** What a client gets of one file, whose findings come from one or several projects. */
export function listOf(diagnostics: readonly Diagnostic[], document: OpenDocument | undefined): readonly Diagnostic[] {
  return document?.oversized === undefined ? shorten(unique(diagnostics)) : [tooLarge(document)];
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}

/** Did the same settings and the same knet.json hold? */
function sameDecisions(a: AnalysisOptions | undefined, b: AnalysisOptions | undefined): boolean {
  return a?.config === b?.config && sameItems([...(a?.levels ?? [])].flat(), [...(b?.levels ?? [])].flat());
}

/** A file of two projects has the findings of both, what both say once. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics.filter(({ code, range, message }) => {
    const key = JSON.stringify([code, range, message]);
    return seen.size < seen.add(key).size;
  });
}

/** The gravest ones, and how many there are beyond. */
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
      message: `${rest.toLocaleString("en")} more problems are not shown`,
    },
  ];
}

const failed: Diagnostic = {
  range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
  severity: DiagnosticSeverity.Information,
  source: "knet",
  message: "knet failed on this file, which is a defect of knet; its output channel says where.",
};

function tooLarge({ oversized }: OpenDocument): Diagnostic {
  const size = ((oversized?.length ?? 0) / 1024 / 1024).toFixed(0);
  return {
    range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
    severity: DiagnosticSeverity.Error,
    source: "knet",
    message: `This file has ${size} million characters and is not analysed; ${MAX_TEXT / 1024 / 1024} million are the most. Split it with import.`,
  };
}
