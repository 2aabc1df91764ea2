/** Handlers that change text: formatting, code actions, and imports of renamed files. */

import {
  type CodeAction,
  CodeActionKind,
  type CodeActionParams,
  CodeActionTriggerKind,
  ResponseError,
  type WorkspaceEdit,
} from "vscode-languageserver/node";
import type { Finding } from "../../findings/finding.ts";
import { formatEdits, formatRangeEdits } from "../../frontends/knet/format.ts";
import { stringText } from "../../frontends/knet/tokens.ts";
import { type ProvenFix, provenFixes } from "../../service/features/fixes.ts";
import { importsOf } from "../../service/features/links.ts";
import { quickFixes } from "../../service/features/quickfix.ts";
import { fixAll } from "../../service/features/refactor/fix-all.ts";
import { refactoringsAt } from "../../service/features/refactor/index.ts";
import { organiseImports } from "../../service/features/refactor/organise.ts";
import { typedRange } from "../../service/features/typing.ts";
import type { TextEdit } from "../../text/edit.ts";
import { t } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import type { Access, At, Server } from "../access.ts";
import { editsOf } from "../convert.ts";
import { run } from "../guard.ts";
import { beside, isInside, keyOf, relativePath } from "../uri.ts";

/** Time limit for proving fixes, which takes one analysis of the project each. Fixes that are not proven in time are not offered. */
const PROOF_MS = 2000;
/** In larger files, refactorings are proven only on request, not on every cursor move. */
const LARGE = 100_000;

const FIX_ALL = `${CodeActionKind.SourceFixAll}.knet`;

export function registerEditing(server: Server, access: Access): void {
  registerFormatting(server, access);
  registerActions(server, access);
  registerFiles(server, access);
}

function registerFormatting(server: Server, { wholeKnet }: Access): void {
  const { connection } = server;
  connection.onDocumentFormatting((params, token) =>
    run(server, "formatting", null, token, () => {
      const here = wholeKnet(params.textDocument.uri);
      return here ? editsOf(here.index, formatEdits(here.document.text)) : null;
    }),
  );
  connection.onDocumentRangeFormatting((params, token) =>
    run(server, "rangeFormatting", null, token, () => {
      const here = wholeKnet(params.textDocument.uri);
      if (!here) return null;
      const { range } = params;
      const span: Span = { start: here.index.offsetAt(range.start), end: here.index.offsetAt(range.end) };
      return editsOf(here.index, formatRangeEdits(here.document.text, span));
    }),
  );
  connection.onDocumentOnTypeFormatting((params, token) =>
    run(server, "onTypeFormatting", null, token, () => {
      const here = wholeKnet(params.textDocument.uri);
      const span = here && typedRange(here.document.tree, here.index.offsetAt(params.position), params.ch);
      return here && span ? editsOf(here.index, formatRangeEdits(here.document.text, span)) : null;
    }),
  );
}

/* ------------------------------------------------------------------ actions */

function registerActions(server: Server, { at, workspaceEdit }: Access): void {
  const { connection } = server;
  const proofs = new WeakMap<Finding, readonly ProvenFix[]>();

  connection.onCodeAction((params, token) =>
    run(server, "codeAction", null, token, (): CodeAction[] | null => {
      const here = at(params.textDocument.uri, params.range.start);
      if (!here) return null;
      const deadline = server.now() + PROOF_MS;
      const cancelled = (): boolean => token.isCancellationRequested || server.stale() || server.now() > deadline;
      const end = here.index.offsetAt(params.range.end);
      return [
        ...(wants(params, CodeActionKind.QuickFix) ? fixes(here, end, params, cancelled) : []),
        ...refactorings(here, end, params, cancelled),
        ...sources(here, params, cancelled),
      ];
    }),
  );

  const fixes = (here: At, end: number, params: CodeActionParams, cancelled: () => boolean): CodeAction[] => {
    const proof = (finding: Finding): readonly ProvenFix[] | undefined => {
      const proven = proofs.get(finding) ?? provenFixes(here.analysis, finding, cancelled);
      if (proven) proofs.set(finding, proven);
      return proven;
    };
    const span: Span = { start: here.offset, end };
    return quickFixes(here.analysis, here.key, span, cancelled, proof).map(({ title, finding, edits, preferred }) => {
      const place = here.analysis.placeOf(finding);
      const line = place && here.index.positionAt(place.start);
      const diagnostics = params.context.diagnostics.filter(
        ({ code, range }) =>
          code === finding.code && range.start.line === line?.line && range.start.character === line.character,
      );
      return { title, kind: CodeActionKind.QuickFix, diagnostics, isPreferred: preferred, edit: workspaceEdit(edits) };
    });
  };

  const refactorings = (here: At, end: number, params: CodeActionParams, cancelled: () => boolean): CodeAction[] => {
    const { only, triggerKind } = params.context;
    const moving = only === undefined && triggerKind === CodeActionTriggerKind.Automatic;
    if (!wants(params, CodeActionKind.Refactor) || (moving && here.document.text.length > LARGE)) return [];
    return refactoringsAt(here.analysis, here.key, { start: here.offset, end }, cancelled)
      .map(({ title, kind, edits }) => ({
        title,
        kind: `${CodeActionKind.Refactor}.${kind}`,
        edit: workspaceEdit(edits),
      }))
      .filter(({ kind }) => wants(params, kind));
  };

  /** Only on explicit request: on save, and in the menu of source actions. */
  const sources = (here: At, { context: { only } }: CodeActionParams, cancelled: () => boolean): CodeAction[] => {
    const requested = (kind: string): boolean => only?.some((one) => includes(one, kind)) === true;
    const action = (title: string, kind: string, edits: readonly TextEdit[]): CodeAction[] =>
      edits.length === 0 ? [] : [{ title, kind, edit: workspaceEdit(new Map([[here.key, edits]])) }];
    return [
      ...(requested(FIX_ALL)
        ? action(t`Fix all problems that have a single fix`, FIX_ALL, fixAll(here.analysis, here.key, cancelled))
        : []),
      ...(requested(CodeActionKind.SourceOrganizeImports)
        ? action(t`Organize imports`, CodeActionKind.SourceOrganizeImports, organiseImports(here.analysis, here.key))
        : []),
    ];
  };
}

/** Kinds are a hierarchy: `source` includes `source.fixAll.knet`. */
function includes(requested: string, kind: string): boolean {
  return requested === "" || kind === requested || kind.startsWith(`${requested}.`);
}

/** Whether the client requests actions of this kind or of a kind below it. */
function wants({ context: { only } }: CodeActionParams, kind: string): boolean {
  return only === undefined || only.some((one) => includes(one, kind) || includes(kind, one));
}

/* -------------------------------------------------------------------- files */

function registerFiles(server: Server, { workspaceEdit }: Access): void {
  const { connection, documents, disk } = server;
  connection.workspace.onWillRenameFiles(({ files }, token) => {
    const answer = run(server, "willRenameFiles", null, token, (): WorkspaceEdit | null => {
      const renames = files.map(({ oldUri, newUri }) => ({ from: keyOf(oldUri), to: keyOf(newUri) }));
      const moved = (key: string): string => {
        const one = renames.find(({ from }) => key === from || isInside(from, key));
        return one ? one.to + key.slice(one.from.length) : key;
      };
      const near = [...documents.all()].map(({ key }) => key);
      const everywhere = new Set([...near, ...renames.flatMap(({ from }) => disk.knetFiles(from))]);
      const edits = new Map<string, readonly TextEdit[]>();
      for (const file of everywhere) {
        if (token.isCancellationRequested) return null;
        const analysis = documents.service.analysisOf(file);
        const own = (analysis ? importsOf(analysis, file) : []).flatMap(({ path, span }): readonly TextEdit[] => {
          const target = beside(file, path);
          if (target === undefined || (moved(target) === target && moved(file) === file)) return [];
          const next = relativePath(moved(file), moved(target));
          return next === undefined || next === path ? [] : [{ ...span, text: stringText(next) }];
        });
        if (own.length > 0) edits.set(file, own);
      }
      return edits.size === 0 ? null : workspaceEdit(edits);
    });
    return answer instanceof ResponseError ? null : answer;
  });
}
