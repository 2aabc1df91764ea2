/**
 * Push diagnostics: after a pause in typing, every project with an open file is analyzed, and the list of each of its files
 * is sent with the analyzed version. A newer edit cancels a run, and the next run reports the result instead. A client that
 * pulls (`pull.ts`) only receives the notification that an analysis is done.
 */
import { type Connection, type Diagnostic, DiagnosticSeverity } from "vscode-languageserver/node";
import type { Documents, OpenDocument } from "./documents.ts";
import type { AnalysisDoneParams, KnetNotification } from "./protocol.ts";
import { listOf, type Reports } from "./reports.ts";
import { DEFAULT_DELAY } from "./settings.ts";

/** Minimum delay. Up to the default delay, the wait is twice the duration of the last analysis, so a fast analysis runs earlier. */
const SHORTEST_DELAY = 10;

export interface DiagnosticsOptions {
  readonly connection: Connection;
  readonly documents: Documents;
  readonly reports: Reports;
  /** Decides which open manifests are analyzed. */
  readonly settle: () => void;
  /** False if the client pulls diagnostics. */
  readonly push: () => boolean;
  /** A project of several files has changed: hints and lenses of one file can depend on an edit of a different file. */
  readonly changedAcross: () => void;
  readonly now: () => number;
}

export interface Diagnostics {
  /** Something has changed: analyze after the pause. */
  schedule(): void;
  setDelay(milliseconds: number): void;
  closed(document: OpenDocument): void;
  stop(): void;
}

export function createDiagnostics(options: DiagnosticsOptions): Diagnostics {
  const { connection, documents, reports, now } = options;
  const publisher = publisherOf(options);
  let delay = DEFAULT_DELAY;
  let timer: NodeJS.Timeout | undefined;
  let lastMs = 0;

  const run = (): void => {
    timer = undefined;
    const start = now();
    options.settle();
    const roots = documents.service.roots();
    const merged = mergedReports(reports, roots);
    if (!merged) {
      schedule();
      return;
    }
    reports.keep(roots);
    lastMs = now() - start;
    publishAll(options, publisher, merged);
    if (merged.isAcross) options.changedAcross();
  };

  const schedule = (): void => {
    if (timer) clearTimeout(timer);
    const wait = delay <= DEFAULT_DELAY ? Math.min(delay, Math.max(SHORTEST_DELAY, 2 * lastMs)) : delay;
    timer = setTimeout(() => {
      try {
        run();
      } catch (error) {
        // A bug in knet: published lists remain, and the next edit tries again.
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
      publisher.publish(uri, undefined, []);
      schedule();
    },
    stop() {
      if (timer) clearTimeout(timer);
      timer = undefined;
    },
  };
}

interface Publisher {
  /** Sends the list of a file, unless the client already has it. */
  publish(uri: string, version: number | undefined, diagnostics: readonly Diagnostic[]): void;
  /** Sends empty lists for the files that are not in `kept`. */
  clear(kept: ReadonlySet<string>): void;
}

function publisherOf({ connection, push }: DiagnosticsOptions): Publisher {
  /** The lists sent to the client, by URI. */
  const published = new Map<string, { readonly json: string; readonly version: number | undefined }>();

  const publish: Publisher["publish"] = (uri, version, diagnostics) => {
    if (!push()) return;
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
  return {
    publish,
    clear(kept) {
      for (const uri of [...published.keys()]) if (!kept.has(uri)) publish(uri, undefined, []);
    },
  };
}

/** The diagnostics of all projects. */
interface Merged {
  readonly byFile: ReadonlyMap<string, readonly Diagnostic[]>;
  /** Milliseconds that the analysis of a file's project took. */
  readonly durations: ReadonlyMap<string, number>;
  /** Whether a project of several files has changed. */
  readonly isAcross: boolean;
}

/** Undefined if a newer edit canceled the run. */
function mergedReports(reports: Reports, roots: readonly string[]): Merged | undefined {
  const byFile = new Map<string, Diagnostic[]>();
  const durations = new Map<string, number>();
  let isAcross = false;
  for (const root of roots) {
    const before = reports.known(root);
    const done = reports.of(root);
    if (!done) return undefined;
    isAcross ||= done !== before && done.files.length > 1;
    for (const [file, diagnostics] of done.diagnostics) {
      byFile.set(file, [...(byFile.get(file) ?? []), ...diagnostics]);
      durations.set(file, done.durationMs);
    }
  }
  return { byFile, durations, isAcross };
}

/** Open documents have a version, and the client is notified that their analysis is done. */
function publishAll(
  { connection, documents }: DiagnosticsOptions,
  { publish, clear }: Publisher,
  { byFile, durations }: Merged,
): void {
  const rest = new Map(byFile);
  const sent = new Set<string>();
  for (const document of documents.all()) {
    if (document.idle !== undefined) continue;
    const { key, uri, version } = document;
    const diagnostics = listOf(rest.get(key) ?? [], document);
    sent.add(uri);
    publish(uri, version, diagnostics);
    const params: AnalysisDoneParams = {
      uri,
      version,
      errors: count(diagnostics, DiagnosticSeverity.Error),
      warnings: count(diagnostics, DiagnosticSeverity.Warning),
      durationMs: Math.round(durations.get(key) ?? 0),
    };
    void connection.sendNotification("knet/analysisDone" satisfies KnetNotification, params);
    rest.delete(key);
  }
  for (const [key, diagnostics] of rest) {
    const uri = documents.uriOf(key);
    sent.add(uri);
    publish(uri, undefined, listOf(diagnostics, undefined));
  }
  clear(sent);
}

function count(diagnostics: readonly Diagnostic[], severity: DiagnosticSeverity): number {
  return diagnostics.filter((one) => one.severity === severity).length;
}
