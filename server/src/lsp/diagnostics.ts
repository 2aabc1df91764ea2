/**
 * Diagnostics are pushed: after a pause in typing every project with an open file is analysed, and every file of it gets
 * its list, with the version that was looked at. A newer edit ends a run; what it would have said is said by the next one.
 */
import type { Connection, Diagnostic } from "vscode-languageserver/node";
import { DiagnosticSeverity } from "vscode-languageserver/node";
import type { SyntaxTree } from "../language/tree.ts";
import type { AnalysisOptions } from "../service/analysis.ts";
import { MAX_TEXT } from "../service/service.ts";
import { type DiagnosticSupport, type DocumentationLink, diagnosticOf } from "./convert.ts";
import type { Documents, OpenDocument } from "./documents.ts";
import { describe } from "./guard.ts";
import type { AnalysisDoneParams, KnetNotification } from "./protocol.ts";

export const DEFAULT_DELAY = 150;
/** Up to the default delay: a quick analysis need not wait for a pause, a slower one waits twice its time. */
const SHORTEST_DELAY = 10;
/** Of one file; an editor with more is of no use to anybody. */
const MOST = 1000;

export interface DiagnosticsOptions {
  readonly connection: Connection;
  readonly documents: Documents;
  readonly support: () => DiagnosticSupport;
  readonly link: DocumentationLink;
  /** Has the client sent a change that was not handled yet? */
  readonly stale: () => boolean;
  readonly now: () => number;
}

export interface Diagnostics {
  /** Something changed: analyse after the pause. */
  schedule(): void;
  setDelay(milliseconds: number): void;
  closed(document: OpenDocument): void;
  stop(): void;
}

interface Run {
  readonly trees: readonly SyntaxTree[];
  readonly options: AnalysisOptions | undefined;
  readonly diagnostics: ReadonlyMap<string, readonly Diagnostic[]>;
  readonly durationMs: number;
}

export function createDiagnostics(options: DiagnosticsOptions): Diagnostics {
  const { connection, documents, now } = options;
  let delay = DEFAULT_DELAY;
  let timer: NodeJS.Timeout | undefined;
  let lastMs = 0;
  const runs = new Map<string, Run>();
  /** What the client was told, by URI. */
  const published = new Map<string, { readonly json: string; readonly version: number | undefined }>();

  const publish = (uri: string, version: number | undefined, diagnostics: readonly Diagnostic[]): void => {
    const json = JSON.stringify(diagnostics);
    const before = published.get(uri);
    if (before?.json === json && before.version === version) return;
    if (!before && version === undefined && diagnostics.length === 0) return;
    if (diagnostics.length === 0 && version === undefined) published.delete(uri);
    else published.set(uri, { json, version });
    void connection.sendDiagnostics({
      uri,
      ...(version === undefined ? {} : { version }),
      diagnostics: [...diagnostics],
    });
  };

  /** Undefined: ended by a newer edit. */
  const analyse = (root: string): Run | undefined => {
    const start = now();
    const analysis = documents.service.analysisOf(root);
    const trees = analysis?.files.map(({ tree }) => tree) ?? [];
    const before = runs.get(root);
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

  /** A defect of knet in one project leaves the others their diagnostics, and is said where it is. */
  const survive = (root: string): Run | undefined => {
    try {
      return analyse(root);
    } catch (error) {
      connection.console.error(`analysis of ${root}: ${describe(error)}`);
      return { trees: [], options: undefined, diagnostics: new Map([[root, [failed]]]), durationMs: 0 };
    }
  };

  const run = (): void => {
    timer = undefined;
    const start = now();
    const merged = new Map<string, Diagnostic[]>();
    const roots = documents.service.roots();
    const durations = new Map<string, number>();
    for (const root of roots) {
      const done = survive(root);
      if (!done) {
        schedule();
        return;
      }
      runs.set(root, done);
      for (const [file, diagnostics] of done.diagnostics) {
        merged.set(file, [...(merged.get(file) ?? []), ...diagnostics]);
        durations.set(file, done.durationMs);
      }
    }
    for (const root of runs.keys()) if (!roots.includes(root)) runs.delete(root);
    lastMs = now() - start;
    const told = new Set<string>();
    for (const document of documents.all()) {
      const { key, uri, version } = document;
      const diagnostics =
        document.oversized === undefined ? shorten(unique(merged.get(key) ?? [])) : [tooLarge(document)];
      told.add(uri);
      publish(uri, version, diagnostics);
      const params: AnalysisDoneParams = {
        uri,
        version,
        errors: count(diagnostics, DiagnosticSeverity.Error),
        warnings: count(diagnostics, DiagnosticSeverity.Warning),
        durationMs: Math.round(durations.get(key) ?? 0),
      };
      void connection.sendNotification("knet/analysisDone" satisfies KnetNotification, params);
      merged.delete(key);
    }
    for (const [key, diagnostics] of merged) {
      const uri = documents.uriOf(key);
      told.add(uri);
      publish(uri, undefined, shorten(unique(diagnostics)));
    }
    for (const uri of [...published.keys()]) if (!told.has(uri)) publish(uri, undefined, []);
  };

  const schedule = (): void => {
    if (timer) clearTimeout(timer);
    const wait = delay <= DEFAULT_DELAY ? Math.min(delay, Math.max(SHORTEST_DELAY, 2 * lastMs)) : delay;
    timer = setTimeout(() => {
      try {
        run();
      } catch (error) {
        // A defect of knet; what was published stays, and the next edit tries again.
        connection.console.error(
          `analysis: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      }
    }, wait);
  };

  return {
    schedule,
    setDelay(milliseconds) {
      delay = milliseconds;
    },
    closed({ uri }) {
      publish(uri, undefined, []);
      schedule();
    },
    stop() {
      if (timer) clearTimeout(timer);
      timer = undefined;
    },
  };
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

function count(diagnostics: readonly Diagnostic[], severity: DiagnosticSeverity): number {
  return diagnostics.filter((one) => one.severity === severity).length;
}
