/** Conversion between offsets and plain results, and the ranges and kinds of the protocol. */

import {
  CompletionItemKind,
  type Diagnostic,
  DiagnosticSeverity,
  FoldingRangeKind,
  SymbolKind as LspSymbolKind,
  type TextEdit as LspTextEdit,
  type Range,
} from "vscode-languageserver/node";
import type { Origin } from "../declared/origin.ts";
import type { SymbolKind } from "../declared/schema/index.ts";
import type { Finding, Severity } from "../findings/finding.ts";
import type { Analysis } from "../service/analysis.ts";
import type { CompletionKind } from "../service/features/completion/item.ts";
import type { Fold } from "../service/features/folding.ts";
import type { OutlineKind } from "../service/features/outline.ts";
import type { TextEdit } from "../text/edit.ts";
import type { LineIndex } from "../text/line-index.ts";
import type { Span } from "../text/span.ts";
import { visible } from "../text/visible.ts";
import type { Location } from "../trace/schema.ts";
import type { Documents } from "./documents.ts";

export function rangeOf(index: LineIndex, { start, end }: Span): Range {
  return { start: index.positionAt(start), end: index.positionAt(end) };
}

export function editsOf(index: LineIndex, edits: readonly TextEdit[]): LspTextEdit[] {
  return edits.map((edit) => ({ range: rangeOf(index, edit), newText: edit.text }));
}

/** The location of a source, for traces and route lists, with the client's URI. */
export function locator(documents: Documents, analysis: Analysis): (source: Origin) => Location | undefined {
  return (source) => {
    const span = analysis.spanOf(source);
    const index = span && documents.linesOf(source.file);
    return span && index && { file: documents.uriOf(source.file), range: rangeOf(index, span) };
  };
}

export function severityOf(severity: Severity): DiagnosticSeverity {
  switch (severity) {
    case "error":
      return DiagnosticSeverity.Error;
    case "warning":
      return DiagnosticSeverity.Warning;
    case "info":
      return DiagnosticSeverity.Information;
    case "hint":
      return DiagnosticSeverity.Hint;
  }
}

/** The diagnostic features that a client supports. */
export interface DiagnosticSupport {
  readonly related: boolean;
  readonly codeDescription: boolean;
  readonly data: boolean;
}

/** URL of the documentation of a code; undefined if there is no documentation. */
export type DocumentationLink = (code: string) => string | undefined;

const MOST_RELATED = 50;

export function diagnosticOf(
  documents: Documents,
  analysis: Analysis,
  finding: Finding,
  support: DiagnosticSupport,
  link: DocumentationLink,
): Diagnostic | undefined {
  const span = analysis.placeOf(finding);
  const index = documents.linesOf(finding.source.file);
  if (!span || !index) return undefined;
  const locate = locator(documents, analysis);
  const related = finding.related.slice(0, MOST_RELATED).flatMap(({ source, message }) => {
    const at = locate(source);
    return at ? [{ location: { uri: at.file, range: at.range }, message: visible(message) }] : [];
  });
  const href = support.codeDescription ? link(finding.code) : undefined;
  return {
    range: rangeOf(index, span),
    severity: severityOf(finding.severity),
    code: finding.code,
    ...(href === undefined ? {} : { codeDescription: { href } }),
    source: "knet",
    message: visible(finding.message),
    ...(support.related && related.length > 0 ? { relatedInformation: related } : {}),
    ...(support.data && finding.fixes.length > 0 ? { data: { fixes: finding.fixes.map(({ title }) => title) } } : {}),
  };
}

export function completionKind(kind: CompletionKind): CompletionItemKind {
  switch (kind) {
    case "keyword":
      return CompletionItemKind.Keyword;
    case "literal":
      return CompletionItemKind.Operator;
    case "enum":
      return CompletionItemKind.EnumMember;
    case "name":
      return CompletionItemKind.Reference;
    case "address":
    case "prefix":
    case "number":
      return CompletionItemKind.Value;
    case "label":
      return CompletionItemKind.Property;
    case "file":
      return CompletionItemKind.File;
    case "text":
      return CompletionItemKind.Text;
  }
}

export function symbolKindOf(kind: SymbolKind | OutlineKind): LspSymbolKind {
  switch (kind) {
    case "segment":
      return LspSymbolKind.Interface;
    case "router":
    case "host":
      return LspSymbolKind.Class;
    case "cluster":
      return LspSymbolKind.Module;
    case "node":
      return LspSymbolKind.Struct;
    case "namespace":
      return LspSymbolKind.Namespace;
    case "pod":
      return LspSymbolKind.Object;
    case "workload":
      return LspSymbolKind.Array;
    case "service":
      return LspSymbolKind.Key;
    case "container":
    case "daemon":
      return LspSymbolKind.Function;
    case "policy":
    case "ingress":
    case "gateway":
    case "security-group":
      return LspSymbolKind.Key;
    case "settings":
      return LspSymbolKind.Property;
    case "import":
      return LspSymbolKind.File;
    case "expectation":
      return LspSymbolKind.Event;
  }
}

export function foldingKind(kind: Fold["kind"]): FoldingRangeKind | undefined {
  switch (kind) {
    case "comment":
      return FoldingRangeKind.Comment;
    case "region":
      return FoldingRangeKind.Region;
    case "block":
      return undefined;
  }
}
