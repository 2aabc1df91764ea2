/**
 * Pull diagnostics: for one document with its imports, or for the workspace, reported project by project. If an edit makes
 * a response obsolete, the request is canceled and the client must retrigger it.
 */
import {
  type Diagnostic,
  type DiagnosticServerCancellationData,
  type DocumentDiagnosticReport,
  DocumentDiagnosticReportKind,
  LSPErrorCodes,
  ResponseError,
  type WorkspaceDocumentDiagnosticReport,
} from "vscode-languageserver/node";
import type { Server } from "./access.ts";
import { describe } from "./guard.ts";
import { listOf, type Reports } from "./reports.ts";
import { keyOf } from "./uri.ts";

type Full = Extract<DocumentDiagnosticReport, { kind: "full" }>;
type Unchanged = Extract<DocumentDiagnosticReport, { kind: "unchanged" }>;

export function registerPull(server: Server, reports: Reports): void {
  const lists = listsOf(server, reports);
  registerDocumentPull(server, lists);
  registerWorkspacePull(server, lists);
}

interface Lists {
  /** The diagnostics of all files of the projects with these roots. Undefined if a newer edit canceled the run. */
  merged(roots: readonly string[]): Map<string, Diagnostic[]> | undefined;
  report(key: string, found: readonly Diagnostic[], previous: string | undefined): Full | Unchanged;
}

function listsOf({ documents }: Server, reports: Reports): Lists {
  const ids = resultIds();
  return {
    merged: (roots) => {
      const found = new Map<string, Diagnostic[]>();
      for (const root of roots) {
        const report = reports.of(root);
        if (!report) return undefined;
        for (const [file, own] of report.diagnostics) found.set(file, [...(found.get(file) ?? []), ...own]);
      }
      return found;
    },
    report: (key, found, previous) => {
      const items = [...listOf(found, documents.get(key))];
      const resultId = ids(key, items);
      return resultId === previous
        ? { kind: DocumentDiagnosticReportKind.Unchanged, resultId }
        : { kind: DocumentDiagnosticReportKind.Full, resultId, items };
    },
  };
}

function again(): ResponseError<DiagnosticServerCancellationData> {
  return new ResponseError(LSPErrorCodes.ServerCancelled, "the text has changed", { retriggerRequest: true });
}

/** Roots of the open projects that contain a file; the file itself if there is no open project. */
function rootsOf({ documents: { service } }: Server, key: string): readonly string[] {
  const open = service.roots().filter((root) => service.analysisOf(root)?.fileOf(key));
  return open.length > 0 ? open : [key];
}

function registerDocumentPull(server: Server, { merged, report }: Lists): void {
  const { connection, documents } = server;
  /** By document: the related files that had diagnostics in its last report. */
  const lastRelated = new Map<string, ReadonlySet<string>>();

  connection.languages.diagnostics.on(({ textDocument: { uri }, previousResultId }, token) => {
    if (token.isCancellationRequested) return again();
    const key = keyOf(uri);
    const found = merged(rootsOf(server, key));
    if (!found) return again();
    const own = report(key, found.get(key) ?? [], previousResultId);
    // Files of the last report that have left the project receive an empty list.
    for (const file of lastRelated.get(key) ?? []) if (!found.has(file)) found.set(file, []);
    const others = [...found].filter(([file]) => file !== key && !documents.get(documents.uriOf(file)));
    lastRelated.set(key, new Set(others.filter(([, list]) => list.length > 0).map(([file]) => file)));
    if (others.length === 0) return own;
    const relatedDocuments = Object.fromEntries(
      others.map(([file, diagnostics]) => [documents.uriOf(file), report(file, diagnostics, undefined)]),
    );
    return { ...own, relatedDocuments };
  });
}

function registerWorkspacePull(server: Server, { merged, report }: Lists): void {
  const { connection, documents, disk } = server;

  connection.languages.diagnostics.onWorkspace(async ({ previousResultIds }, token, _progress, partial) => {
    const previous = new Map(previousResultIds.map(({ uri, value }) => [keyOf(uri), value]));
    const items: WorkspaceDocumentDiagnosticReport[] = [];
    const done = new Set<string>();
    const add = (key: string, diagnostics: readonly Diagnostic[]): void => {
      done.add(key);
      const uri = documents.uriOf(key);
      items.push({ uri, version: documents.get(uri)?.version ?? null, ...report(key, diagnostics, previous.get(key)) });
    };
    try {
      const open = merged(documents.service.roots());
      if (!open) return again();
      for (const [key, diagnostics] of open) add(key, diagnostics);
      for (const root of disk.allKnetFiles(documents.service.roots())) {
        if (done.has(root)) continue;
        if (partial && items.length > 0) partial.report({ items: items.splice(0) });
        // Edits and cancellations are handled between two projects.
        await new Promise((resolve) => setImmediate(resolve));
        if (token.isCancellationRequested || server.stale()) return again();
        const found = merged([root]);
        if (!found) return again();
        for (const [key, diagnostics] of found) if (!done.has(key)) add(key, diagnostics);
      }
      // Files that were removed after the last request receive an empty list.
      for (const key of previous.keys()) if (!done.has(key)) add(key, []);
    } catch (error) {
      connection.console.error(`workspace/diagnostic: ${describe(error)}`);
    }
    return { items };
  });
}

/** Result ids: identical lists of a file have the same id. */
function resultIds(): (key: string, items: readonly Diagnostic[]) => string {
  const known = new Map<string, { readonly json: string; readonly id: string }>();
  let count = 0;
  return (key, items) => {
    const json = JSON.stringify(items);
    const before = known.get(key);
    if (before?.json === json) return before.id;
    count += 1;
    const id = String(count);
    known.set(key, { json, id });
    return id;
  };
}
