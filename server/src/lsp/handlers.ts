/** The language features: each handler turns positions into a query, asks the service and turns the answer back. */
import {
  type CancellationToken,
  type CodeAction,
  CodeActionKind,
  type CompletionItem,
  type CompletionList,
  type Connection,
  DocumentHighlightKind,
  type DocumentSymbol,
  ErrorCodes,
  type FoldingRange,
  InsertTextFormat,
  type Location,
  type LocationLink,
  MarkupKind,
  ResponseError,
  type SelectionRange,
  type SemanticTokens,
  SemanticTokensBuilder,
  type WorkspaceEdit,
} from "vscode-languageserver/node";
import type { Finding } from "../checks/check.ts";
import { formatEdits, formatRangeEdits } from "../language/format.ts";
import type { LineIndex } from "../language/positions.ts";
import type { Span } from "../language/tree.ts";
import type { Analysis } from "../service/analysis.ts";
import { completionsAt } from "../service/features/completion.ts";
import { type ProvenFix, provenFixes } from "../service/features/fixes.ts";
import { foldsOf, selectionsAt } from "../service/features/folding.ts";
import { hoverAt } from "../service/features/hover.ts";
import {
  definitionAt,
  highlightsAt,
  importAt,
  referencesAt,
  renamableAt,
  renameAt,
} from "../service/features/navigation.ts";
import { findSymbols, type OutlineItem, outlineOf } from "../service/features/outline.ts";
import { quickFixes } from "../service/features/quickfix.ts";
import { type SemanticToken, semanticTokens, TOKEN_MODIFIERS, TOKEN_TYPES } from "../service/features/tokens.ts";
import type { TextEdit } from "../service/service.ts";
import type { ClientSupport } from "./capabilities.ts";
import { completionKind, editsOf, foldingKind, rangeOf, symbolKindOf } from "./convert.ts";
import type { Disk } from "./disk.ts";
import type { Documents } from "./documents.ts";
import { type Guard, run } from "./guard.ts";
import type { Position } from "./protocol.ts";
import { beside, relativePath } from "./uri.ts";

export interface Server {
  readonly connection: Connection;
  readonly documents: Documents;
  readonly disk: Disk;
  readonly support: () => ClientSupport;
  readonly now: () => number;
}

/** A document at a position, ready for a query. */
interface At {
  readonly key: string;
  readonly offset: number;
  readonly analysis: Analysis;
  readonly index: LineIndex;
}

const MOST_SYMBOLS = 1000;
/** Proving fixes analyses the project once for each; whatever is not proven by then is not offered. */
const PROOF_MS = 2000;

export function registerHandlers(server: Server): void {
  const { connection, documents, disk, support } = server;
  const guard: Guard = { connection };
  const proofs = new WeakMap<Finding, readonly ProvenFix[]>();

  const at = (uri: string, position: Position): At | undefined => {
    const document = documents.get(uri);
    const analysis = document && documents.analysisOf(uri);
    const index = document && documents.linesOf(document.key);
    return document && analysis && index && { key: document.key, offset: index.offsetAt(position), analysis, index };
  };
  const whole = (uri: string): Omit<At, "offset"> | undefined => at(uri, { line: 0, character: 0 });

  connection.onHover((params, token) =>
    run(guard, "hover", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      const hover = here && hoverAt(here.analysis, here.key, here.offset);
      if (!here || !hover) return null;
      return { contents: { kind: MarkupKind.Markdown, value: hover.markdown }, range: rangeOf(here.index, hover.span) };
    }),
  );

  connection.onCompletion((params, token) =>
    run(guard, "completion", null, token, (): CompletionList | null => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const { items, incomplete } = completionsAt(here.analysis, here.key, here.offset, {
        importable: (file) =>
          disk.knetFiles(file).flatMap((other) => (other === file ? [] : (relativePath(file, other) ?? []))),
      });
      const { snippets, suggest } = support();
      return {
        isIncomplete: incomplete,
        items: items.map((item, order): CompletionItem => {
          const text = item.snippet && !snippets ? plain(item.insert) : item.insert;
          return {
            label: item.label,
            kind: completionKind(item.kind),
            detail: item.detail,
            ...(item.documentation === undefined
              ? {}
              : { documentation: { kind: MarkupKind.Markdown, value: item.documentation } }),
            sortText: String(order).padStart(5, "0"),
            filterText: item.label,
            textEdit: { range: rangeOf(here.index, item.replace), newText: text },
            insertTextFormat: item.snippet && snippets ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
            ...(item.more && suggest ? { command: { title: "Suggest", command: "editor.action.triggerSuggest" } } : {}),
          };
        }),
      };
    }),
  );

  connection.onDefinition((params, token) =>
    run(guard, "definition", null, token, (): LocationLink[] | Location[] | null => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const links = [...definitionsAt(here), ...importLinks(here)];
      if (support().definitionLinks) return links;
      return links.map(({ targetUri, targetSelectionRange }) => ({ uri: targetUri, range: targetSelectionRange }));
    }),
  );

  const definitionsAt = ({ analysis, key, offset, index }: At): LocationLink[] =>
    definitionAt(analysis, key, offset).flatMap((found): LocationLink[] => {
      const target = documents.linesOf(found.file);
      if (!target) return [];
      return [
        {
          originSelectionRange: rangeOf(index, found.origin),
          targetUri: documents.uriOf(found.file),
          targetRange: rangeOf(target, found.full),
          targetSelectionRange: rangeOf(target, found.name),
        },
      ];
    });

  const importLinks = ({ analysis, key, offset, index }: At): LocationLink[] => {
    const found = importAt(analysis, key, offset);
    const target = found && beside(key, found.path);
    if (!found || target === undefined || !analysis.fileOf(target)) return [];
    const start = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
    return [
      {
        originSelectionRange: rangeOf(index, found.span),
        targetUri: documents.uriOf(target),
        targetRange: start,
        targetSelectionRange: start,
      },
    ];
  };

  /** The analyses in which a file takes part: also those of files that import it and are not open. */
  const analysesWith = (key: string, token: CancellationToken): readonly Analysis[] => {
    const { service } = documents;
    const found = new Map<string, Analysis>();
    for (const root of [key, ...service.roots(), ...disk.knetFiles(key)]) {
      if (token.isCancellationRequested) break;
      const analysis = service.analysisOf(root);
      if (analysis?.fileOf(key)) found.set(analysis.root, analysis);
    }
    return [...found.values()];
  };

  connection.onReferences((params, token) =>
    run(guard, "references", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const found = new Map<string, Location>();
      for (const analysis of analysesWith(here.key, token)) {
        for (const { file, span } of referencesAt(analysis, here.key, here.offset, params.context.includeDeclaration)) {
          const index = documents.linesOf(file);
          if (index) found.set(`${file} ${span.start}`, { uri: documents.uriOf(file), range: rangeOf(index, span) });
        }
      }
      return [...found.values()];
    }),
  );

  connection.onDocumentHighlight((params, token) =>
    run(guard, "highlight", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      return highlightsAt(here.analysis, here.key, here.offset).map(({ span, declaration }) => ({
        range: rangeOf(here.index, span),
        kind: declaration ? DocumentHighlightKind.Write : DocumentHighlightKind.Read,
      }));
    }),
  );

  connection.onPrepareRename((params, token) =>
    run(guard, "prepareRename", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const found = renamableAt(here.analysis, here.key, here.offset);
      if (typeof found === "string") return null;
      return { range: rangeOf(here.index, found.span), placeholder: found.name };
    }),
  );

  connection.onRenameRequest((params, token) =>
    run(guard, "rename", null, token, (): WorkspaceEdit | ResponseError | null => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const edits = new Map<string, TextEdit[]>();
      for (const analysis of analysesWith(here.key, token)) {
        const renaming = renameAt(analysis, here.key, here.offset, params.newName);
        if ("error" in renaming) return new ResponseError(ErrorCodes.InvalidParams, renaming.error);
        for (const [file, own] of renaming.edits) {
          const before = edits.get(file) ?? [];
          edits.set(file, [...before, ...own.filter((edit) => !before.some(({ start }) => start === edit.start))]);
        }
      }
      return workspaceEdit(edits);
    }),
  );

  const workspaceEdit = (edits: ReadonlyMap<string, readonly TextEdit[]>): WorkspaceEdit => {
    const changed = [...edits].flatMap(([file, own]) => {
      const index = documents.linesOf(file);
      const uri = documents.uriOf(file);
      return index ? [{ uri, version: documents.get(uri)?.version ?? null, edits: editsOf(index, own) }] : [];
    });
    if (!support().versionedEdits)
      return { changes: Object.fromEntries(changed.map(({ uri, edits: own }) => [uri, own])) };
    return {
      documentChanges: changed.map(({ uri, version, edits: own }) => ({ textDocument: { uri, version }, edits: own })),
    };
  };

  connection.onDocumentSymbol((params, token) =>
    run(guard, "documentSymbol", null, token, () => {
      const here = whole(params.textDocument.uri);
      if (!here) return null;
      const convert = (item: OutlineItem): DocumentSymbol => ({
        name: item.name,
        detail: item.detail,
        kind: symbolKindOf(item.kind),
        range: rangeOf(here.index, item.full),
        selectionRange: rangeOf(here.index, item.selection),
        children: item.children.map(convert),
      });
      return outlineOf(here.analysis, here.key).map(convert);
    }),
  );

  connection.onWorkspaceSymbol((params, token) =>
    run(guard, "workspaceSymbol", null, token, () => {
      const { service } = documents;
      const roots = service.roots();
      const found = new Map<string, ReturnType<typeof symbolOf>>();
      const all = [...roots, ...disk.knetFiles(roots[0] ?? "")];
      const seen = new Set<string>();
      for (const root of all) {
        if (token.isCancellationRequested || found.size >= MOST_SYMBOLS) break;
        if (seen.has(root)) continue;
        const analysis = service.analysisOf(root);
        for (const { file } of analysis?.files ?? []) seen.add(file);
        for (const one of analysis ? findSymbols(analysis, params.query, MOST_SYMBOLS - found.size) : []) {
          found.set(`${one.file} ${one.span.start}`, symbolOf(one));
        }
      }
      return [...found.values()].flatMap((one) => (one ? [one] : []));
    }),
  );

  const symbolOf = (one: ReturnType<typeof findSymbols>[number]) => {
    const index = documents.linesOf(one.file);
    return (
      index && {
        name: one.name,
        kind: symbolKindOf(one.kind),
        containerName: one.container,
        location: { uri: documents.uriOf(one.file), range: rangeOf(index, one.span) },
      }
    );
  };

  connection.onFoldingRanges((params, token) =>
    run(guard, "foldingRange", null, token, () => {
      const here = whole(params.textDocument.uri);
      const tree = here?.analysis.fileOf(here.key)?.tree;
      if (!here || !tree) return null;
      return foldsOf(tree).map((fold): FoldingRange => {
        const kind = foldingKind(fold.kind);
        return {
          startLine: here.index.positionAt(fold.start).line,
          endLine: here.index.positionAt(fold.end).line,
          ...(kind === undefined ? {} : { kind }),
        };
      });
    }),
  );

  connection.onSelectionRanges((params, token) =>
    run(guard, "selectionRange", null, token, () => {
      const here = whole(params.textDocument.uri);
      const tree = here?.analysis.fileOf(here.key)?.tree;
      if (!here || !tree) return null;
      return params.positions.map((position): SelectionRange => {
        const spans = selectionsAt(tree, here.index.offsetAt(position));
        const outward = [...spans].reverse();
        const nested = outward.reduce<SelectionRange | undefined>(
          (parent, span) => ({ range: rangeOf(here.index, span), ...(parent ? { parent } : {}) }),
          undefined,
        );
        return nested ?? { range: { start: position, end: position } };
      });
    }),
  );

  const tokens = (uri: string, within: ((index: LineIndex) => Span) | undefined): SemanticTokens => {
    const here = whole(uri);
    const file = here?.analysis.fileOf(here.key);
    const builder = new SemanticTokensBuilder();
    for (const token of here && file ? semanticTokens(file, within?.(here.index)) : []) {
      const start = here?.index.positionAt(token.start);
      if (start) builder.push(start.line, start.character, token.length, typeIndex(token), modifierBits(token));
    }
    return builder.build();
  };
  connection.languages.semanticTokens.on((params, token) =>
    run(guard, "semanticTokens", { data: [] }, token, () => tokens(params.textDocument.uri, undefined)),
  );
  connection.languages.semanticTokens.onRange((params, token) =>
    run(guard, "semanticTokens/range", { data: [] }, token, () =>
      tokens(params.textDocument.uri, (index) => ({
        start: index.offsetAt(params.range.start),
        end: index.offsetAt(params.range.end),
      })),
    ),
  );

  connection.onDocumentFormatting((params, token) =>
    run(guard, "formatting", null, token, () => {
      const here = whole(params.textDocument.uri);
      const text = here?.analysis.fileOf(here.key)?.tree.text;
      return here && text !== undefined ? editsOf(here.index, formatEdits(text)) : null;
    }),
  );
  connection.onDocumentRangeFormatting((params, token) =>
    run(guard, "rangeFormatting", null, token, () => {
      const here = whole(params.textDocument.uri);
      const text = here?.analysis.fileOf(here.key)?.tree.text;
      if (!here || text === undefined) return null;
      const { range } = params;
      const span: Span = { start: here.index.offsetAt(range.start), end: here.index.offsetAt(range.end) };
      return editsOf(here.index, formatRangeEdits(text, span));
    }),
  );

  connection.onCodeAction((params, token) =>
    run(guard, "codeAction", null, token, (): CodeAction[] | null => {
      const here = at(params.textDocument.uri, params.range.start);
      const wanted = params.context.only;
      if (!here || (wanted && !wanted.some((kind) => kind === "" || kind === CodeActionKind.QuickFix))) return null;
      const end = here.index.offsetAt(params.range.end);
      const deadline = server.now() + PROOF_MS;
      const cancelled = (): boolean => token.isCancellationRequested || server.now() > deadline;
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
        return {
          title,
          kind: CodeActionKind.QuickFix,
          diagnostics,
          isPreferred: preferred,
          edit: workspaceEdit(edits),
        };
      });
    }),
  );
}

function typeIndex({ type }: SemanticToken): number {
  return TOKEN_TYPES.indexOf(type);
}

function modifierBits({ modifier }: SemanticToken): number {
  return modifier === undefined ? 0 : 1 << TOKEN_MODIFIERS.indexOf(modifier);
}

/** A snippet without its tab stops, for clients that have none. */
function plain(snippet: string): string {
  return snippet
    .replace(/\$\{\d+:([^}]*)\}/g, "$1")
    .replace(/\$\{\d+\|([^,|}]*)[^}]*\}/g, "$1")
    .replace(/\$\{\d+\}|\$\d+/g, "")
    .trimEnd();
}
