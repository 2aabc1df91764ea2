/** Semantic tokens: what each word is, from the schema and not from its looks. */

import type { CheckedFile } from "../../checks/check.ts";
import { all, type Decl } from "../../language/decode.ts";
import { positionsOf } from "../../language/positions.ts";
import { type ArgSpec, isFlag, type SymbolKind } from "../../language/schema/index.ts";
import { tokenize } from "../../language/tokens.ts";
import type { Arg, Span, SyntaxTree } from "../../language/tree.ts";
import type { Read } from "../../language/values.ts";
import { literalsOf } from "./place.ts";

export const TOKEN_TYPES = [
  "comment",
  "keyword",
  "enumMember",
  "string",
  "number",
  "operator",
  "variable",
  "property",
  "namespace",
  "type",
  "class",
  "struct",
  "function",
] as const;
export type TokenType = (typeof TOKEN_TYPES)[number];

export const TOKEN_MODIFIERS = ["declaration", "defaultLibrary"] as const;
export type TokenModifier = (typeof TOKEN_MODIFIERS)[number];

export interface SemanticToken {
  readonly start: number;
  readonly length: number;
  readonly type: TokenType;
  readonly modifier: TokenModifier | undefined;
}

/** Of the whole file, or of what touches `within`; in order, without overlaps, none longer than its line. */
export function semanticTokens(file: CheckedFile, within: Span | undefined): readonly SemanticToken[] {
  const { tree, decls } = file;
  const tokens: SemanticToken[] = [];
  const positions = positionsOf(tree);
  const touches = (start: number, end: number): boolean => !within || (start <= within.end && end >= within.start);
  const add = (start: number, length: number, type: TokenType, modifier?: TokenModifier): void => {
    if (length > 0 && touches(start, start + length)) tokens.push({ start, length, type, modifier });
  };
  const visit = (decl: Decl): void => {
    const start = positions.startOf(decl.statement);
    if (start === undefined || !touches(start, start + decl.statement.length)) return;
    statementTokens(decl, start, add);
    for (const child of decl.children) visit(child);
  };
  for (const decl of decls) visit(decl);
  for (const span of commentsOf(tree, within)) add(span.start, span.end - span.start, "comment");
  return tokens.sort((a, b) => a.start - b.start);
}

type Add = (start: number, length: number, type: TokenType, modifier?: TokenModifier) => void;

function statementTokens(decl: Decl, start: number, add: Add): void {
  const { statement, spec } = decl;
  if (spec) add(start, statement.keyword.length, "keyword");
  const reads = new Map<Arg, { readonly read: Read; readonly arg: ArgSpec }>();
  for (const arg of spec?.args ?? []) {
    if (isFlag(arg)) continue;
    for (const read of all(decl, arg.name)) reads.set(read.arg, { read, arg });
  }
  const literals = spec ? literalsOf(spec) : new Set<string>();
  const visit = (arg: Arg): void => {
    const found = reads.get(arg);
    const at = start + arg.start;
    if (found) valueTokens(found.read, found.arg, spec?.defines, at, add);
    else if (arg.kind === "list") for (const item of arg.items ?? []) visit(item);
    else if (arg.kind === "arrow") add(at, arg.length, "operator");
    else if (arg.kind === "string") add(at, arg.length, "string");
    else if (literals.has(arg.text)) add(at, arg.length, /^[a-z]/.test(arg.text) ? "keyword" : "operator");
  };
  for (const arg of statement.args) visit(arg);
}

function valueTokens(
  { value, arg: at }: Read,
  spec: ArgSpec,
  defines: SymbolKind | undefined,
  start: number,
  add: Add,
): void {
  switch (value.kind) {
    case "name":
      if (spec.name === "name" && defines) add(start, at.length, symbolType(defines), "declaration");
      else add(start, at.length, "variable");
      return;
    case "ref": {
      const kind = spec.type.kind === "ref" ? spec.type.to[0] : undefined;
      if (value.address !== undefined) add(start, at.length, "number");
      else add(start, at.length, kind ? symbolType(kind) : "variable");
      return;
    }
    case "endpoint": {
      if (at.kind === "string") {
        add(start, at.length, "string");
        return;
      }
      const port = value.port === undefined ? -1 : at.text.lastIndexOf(":");
      const name = port < 0 ? at.length : port;
      add(start, name, value.address === undefined ? "variable" : "number");
      if (port >= 0) add(start + port + 1, at.length - port - 1, "number");
      return;
    }
    case "word":
      add(start, at.length, spec.type.kind === "sysctl" ? "property" : "enumMember");
      return;
    case "boolean":
      add(start, at.length, "enumMember");
      return;
    case "default-route":
      add(start, at.length, "keyword");
      return;
    case "label": {
      const equals = at.text.indexOf("=");
      if (at.kind !== "word" || equals < 0) add(start, at.length, "property");
      else {
        add(start, equals, "property");
        add(start + equals + 1, at.length - equals - 1, "string");
      }
      return;
    }
    case "requirement": {
      const equals = at.text.search(/!?=/);
      if (at.kind !== "word" || equals <= 0) add(start, at.length, "property");
      else {
        add(start, equals, "property");
        const sign = /^(?:!=|==?)/.exec(at.text.slice(equals))?.[0].length ?? 1;
        add(start + equals + sign, at.length - equals - sign, "string");
      }
      return;
    }
    case "port-name":
      add(start, at.length, "variable");
      return;
    case "string":
      add(start, at.length, "string");
      return;
    case "address":
    case "prefix":
    case "interface-address":
    case "length":
    case "number":
    case "ports":
    case "index-range":
      add(start, at.length, "number");
  }
}

export function symbolType(kind: SymbolKind): TokenType {
  switch (kind) {
    case "cluster":
    case "namespace":
      return "namespace";
    case "segment":
      return "type";
    case "router":
    case "host":
    case "node":
      return "class";
    case "pod":
    case "workload":
    case "service":
      return "struct";
    case "container":
    case "daemon":
    case "policy":
    case "ingress":
    case "gateway":
      return "function";
  }
}

/** Comments line by line, as clients want them. */
function* commentsOf(tree: SyntaxTree, within: Span | undefined): Generator<Span> {
  const { text } = tree;
  const from = within ? cleanStart(tree, within.start) : 0;
  // A comment that begins in sight and ends below is read to its end.
  const close = within ? text.indexOf("*/", within.end) : -1;
  const to = within ? (close < 0 ? lineEndOf(text, within.end) : close + 2) : text.length;
  for (const token of tokenize(text.slice(from, to))) {
    if (within && from + token.start > within.end) return;
    if (token.kind !== "comment" || (within && from + token.end < within.start)) continue;
    let start = from + token.start;
    for (const line of token.text.split(/(?<=\n|\r(?!\n))/)) {
      const length = line.replace(/[\r\n]+$/, "").length;
      if (length > 0) yield { start, end: start + length };
      start += line.length;
    }
  }
}

/** A place at or before the offset that is in no comment and in no string: where a statement or a block begins. */
function cleanStart(tree: SyntaxTree, offset: number): number {
  const { block, blockStart, index, starts } = positionsOf(tree).path(offset);
  const before = block.offsets[index - 1];
  const start = before === undefined ? blockStart : blockStart + before;
  return Math.min(start, starts.at(-1) ?? start, offset);
}

function lineEndOf(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}
