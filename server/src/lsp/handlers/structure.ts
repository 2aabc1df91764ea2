/** Handlers for the structure of a file: symbols, folds, selections, semantic tokens. */

import {
  type DocumentSymbol,
  type FoldingRange,
  type SelectionRange,
  type SemanticTokens,
  SemanticTokensBuilder,
  type SemanticTokensDelta,
} from "vscode-languageserver/node";
import { foldsOf, selectionsAt } from "../../service/features/folding.ts";
import { findSymbols, type OutlineItem, outlineOf } from "../../service/features/outline.ts";
import { type SemanticToken, semanticTokens, TOKEN_MODIFIERS, TOKEN_TYPES } from "../../service/features/tokens.ts";
import type { LineIndex } from "../../text/line-index.ts";
import type { Span } from "../../text/span.ts";
import type { Access, Server } from "../access.ts";
import { foldingKind, rangeOf, symbolKindOf } from "../convert.ts";
import { run } from "../guard.ts";

const MOST_SYMBOLS = 1000;

export function registerStructure(server: Server, access: Access): void {
  registerSymbols(server, access);
  registerRanges(server, access);
  registerTokens(server, access);
}

function registerSymbols(server: Server, { whole }: Pick<Access, "whole">): void {
  const { connection, documents, disk } = server;

  connection.onDocumentSymbol((params, token) =>
    run(server, "documentSymbol", null, token, () => {
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
    run(server, "workspaceSymbol", null, token, () => {
      const { service } = documents;
      const roots = service.roots();
      const found = new Map<string, ReturnType<typeof symbolOf>>();
      const all = [...roots, ...disk.allKnetFiles(roots)];
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
}

function registerRanges(server: Server, { wholeKnet }: Pick<Access, "wholeKnet">): void {
  const { connection } = server;

  connection.onFoldingRanges((params, token) =>
    run(server, "foldingRange", null, token, () => {
      const here = wholeKnet(params.textDocument.uri);
      if (!here) return null;
      return foldsOf(here.document.tree).map((fold): FoldingRange => {
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
    run(server, "selectionRange", null, token, () => {
      const here = wholeKnet(params.textDocument.uri);
      if (!here) return null;
      return params.positions.map((position): SelectionRange => {
        const spans = selectionsAt(here.document.tree, here.index.offsetAt(position));
        const outward = [...spans].reverse();
        const nested = outward.reduce<SelectionRange | undefined>(
          (parent, span) => ({ range: rangeOf(here.index, span), ...(parent ? { parent } : {}) }),
          undefined,
        );
        return nested ?? { range: { start: position, end: position } };
      });
    }),
  );
}

/* ---------------------------------------------------------- semantic tokens */

interface Sent {
  readonly resultId: string;
  readonly data: readonly number[];
}

function registerTokens(server: Server, { wholeKnet }: Pick<Access, "wholeKnet">): void {
  const { connection, documents } = server;
  /** The tokens last sent for each open file; the next response is the difference. */
  const sent = new Map<string, Sent>();
  let responses = 0;

  const dataOf = (uri: string, within: ((index: LineIndex) => Span) | undefined): number[] => {
    const here = wholeKnet(uri);
    const builder = new SemanticTokensBuilder();
    for (const token of here ? semanticTokens(here.document, within?.(here.index)) : []) {
      const start = here?.index.positionAt(token.start);
      if (start) builder.push(start.line, start.character, token.length, typeIndex(token), modifierBits(token));
    }
    return builder.build().data;
  };
  const remember = (uri: string, data: readonly number[]): string => {
    for (const known of sent.keys()) if (!documents.get(known)) sent.delete(known);
    responses += 1;
    const resultId = String(responses);
    sent.set(uri, { resultId, data });
    return resultId;
  };

  connection.languages.semanticTokens.on(({ textDocument: { uri } }, token) =>
    run(server, "semanticTokens", { data: [] }, token, (): SemanticTokens => {
      const data = dataOf(uri, undefined);
      return { resultId: remember(uri, data), data };
    }),
  );
  connection.languages.semanticTokens.onDelta(({ textDocument: { uri }, previousResultId }, token) =>
    run(server, "semanticTokens/delta", { data: [] }, token, (): SemanticTokens | SemanticTokensDelta => {
      const before = sent.get(uri);
      const data = dataOf(uri, undefined);
      const resultId = remember(uri, data);
      return before?.resultId === previousResultId
        ? { resultId, edits: difference(before.data, data) }
        : { resultId, data };
    }),
  );
  connection.languages.semanticTokens.onRange(({ textDocument: { uri }, range }, token) =>
    run(server, "semanticTokens/range", { data: [] }, token, () => ({
      data: dataOf(uri, (index) => ({ start: index.offsetAt(range.start), end: index.offsetAt(range.end) })),
    })),
  );
}

/** The tokens between the common beginning and the common end, as one edit of whole tokens (five numbers each). */
function difference(before: readonly number[], after: readonly number[]): SemanticTokensDelta["edits"] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  if (start === before.length && start === after.length) return [];
  start -= start % 5;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  end -= end % 5;
  return [{ start, deleteCount: before.length - start - end, data: after.slice(start, after.length - end) }];
}

function typeIndex({ type }: SemanticToken): number {
  return TOKEN_TYPES.indexOf(type);
}

function modifierBits({ modifier }: SemanticToken): number {
  return modifier === undefined ? 0 : 1 << TOKEN_MODIFIERS.indexOf(modifier);
}
