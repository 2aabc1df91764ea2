/**
 * Diagnostics for clients that ask: of one document with its imports, or of the whole workspace, project by project as
 * they are done. An answer that an edit has made obsolete is given up, and the client is told to ask again.
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
  const { connection, documents, disk } = server;
  const ids = resultIds();
  /** The files beside it for which a document's last report had diagnostics. */
  const broughtAlong = new Map<string, ReadonlySet<string>>();

  const again = (): ResponseError<DiagnosticServerCancellationData> =>
    new ResponseError(LSPErrorCodes.ServerCancelled, "the text has changed", { retriggerRequest: true });

  /** The projects in which a file takes part, as far as they are open; its own where none is. */
  const rootsOf = (key: string): readonly string[] => {
    const { service } = documents;
    const open = service.roots().filter((root) => service.analysisOf(root)?.fileOf(key));
    return open.length > 0 ? open : [key];
  };
  /** Of all files of these projects. Undefined: ended by a newer edit. */
  const merged = (roots: readonly string[]): Map<string, Diagnostic[]> | undefined => {
    const found = new Map<string, Diagnostic[]>();
    for (const root of roots) {
      const report = reports.of(root);
      if (!report) return undefined;
      for (const [file, own] of report.diagnostics) found.set(file, [...(found.get(file) ?? []), ...own]);
    }
    return found;
  };
  const report = (key: string, found: readonly Diagnostic[], previous: string | undefined): Full | Unchanged => {
    const items = [...listOf(found, documents.get(key))];
    const resultId = ids(key, items);
    return resultId === previous
      ? { kind: DocumentDiagnosticReportKind.Unchanged, resultId }
      : { kind: DocumentDiagnosticReportKind.Full, resultId, items };
  };

  connection.languages.diagnostics.on(({ textDocument: { uri }, previousResultId }, token) => {
    if (token.isCancellationRequested) return again();
    const key = keyOf(uri);
    const found = merged(rootsOf(key));
    if (!found) return again();
    const own = report(key, found.get(key) ?? [], previousResultId);
    // What it brought along the last time, and what is no part of the project any more, has none.
    for (const file of broughtAlong.get(key) ?? []) if (!found.has(file)) found.set(file, []);
    const others = [...found].filter(([file]) => file !== key && !documents.get(documents.uriOf(file)));
    broughtAlong.set(key, new Set(others.filter(([, list]) => list.length > 0).map(([file]) => file)));
    if (others.length === 0) return own;
    const relatedDocuments = Object.fromEntries(
      others.map(([file, diagnostics]) => [documents.uriOf(file), report(file, diagnostics, undefined)]),
    );
    return { ...own, relatedDocuments };
  });

  connection.languages.diagnostics.onWorkspace(async ({ previousResultIds }, token, _progress, partial) => {
    const previous = new Map(previousResultIds.map(({ uri, value }) => [keyOf(uri), value]));
    const items: WorkspaceDocumentDiagnosticReport[] = [];
    const done = new Set<string>();
    const tell = (key: string, diagnostics: readonly Diagnostic[]): void => {
      done.add(key);
      const uri = documents.uriOf(key);
      items.push({ uri, version: documents.get(uri)?.version ?? null, ...report(key, diagnostics, previous.get(key)) });
    };
    try {
      const open = merged(documents.service.roots());
      if (!open) return again();
      for (const [key, diagnostics] of open) tell(key, diagnostics);
      for (const root of disk.allKnetFiles(documents.service.roots())) {
        if (done.has(root)) continue;
        if (partial && items.length > 0) partial.report({ items: items.splice(0) });
        // Edits and cancellations come in between two projects.
        await new Promise((resolve) => setImmediate(resolve));
        if (token.isCancellationRequested || server.stale()) return again();
        const found = merged([root]);
        if (!found) return again();
        for (const [key, diagnostics] of found) if (!done.has(key)) tell(key, diagnostics);
      }
      // What is gone since the client asked last has no diagnostics any more.
      for (const key of previous.keys()) if (!done.has(key)) tell(key, []);
    } catch (error) {
      connection.console.error(`workspace/diagnostic: ${describe(error)}`);
    }
    return { items };
  });
}

/** The same list of a file has the same name. */
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
