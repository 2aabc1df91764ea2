/** Semantic tokens, classified by the schema instead of by spelling. */

import { all } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import { type ArgSpec, isFlag, type SymbolKind } from "../../declared/schema/index.ts";
import type { Read, Value } from "../../declared/values.ts";
import type { KnetDocument } from "../../frontends/knet/document.ts";
import { argOf, statementOf } from "../../frontends/knet/handle.ts";
import { tokenize } from "../../frontends/knet/tokens.ts";
import type { Arg } from "../../frontends/knet/tree.ts";
import type { Span } from "../../text/span.ts";
import { mayComment, piecesOf } from "./pieces.ts";
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

const known = new WeakMap<Decl, readonly SemanticToken[]>();

/** The tokens of the file, or those that touch `within`: in order, without overlaps, each on one line. */
export function semanticTokens({ tree, decls }: KnetDocument, within: Span | undefined): readonly SemanticToken[] {
  const { text } = tree;
  const tokens: SemanticToken[] = [];
  const touches = (start: number, end: number): boolean => !within || (start <= within.end && end >= within.start);
  const add = (own: readonly SemanticToken[], offset: number): void => {
    for (const { start: at, length, type, modifier } of own) {
      const start = at + offset;
      if (touches(start, start + length)) tokens.push({ start, length, type, modifier });
    }
  };
  for (const piece of piecesOf(tree, decls)) {
    const { kind, start, end } = piece;
    if (!touches(start, end)) continue;
    if (kind === "gap") {
      add(commentTokens(text.slice(start, end)), start);
      continue;
    }
    const { decl } = piece;
    if (!decl) continue;
    if (kind === "head") {
      add(inOrder([...statementTokens(decl, 0), ...commentTokens(text.slice(start, end))]), start);
      continue;
    }
    let own = known.get(decl);
    if (!own) {
      own = inOrder([...deepTokens(decl, 0), ...commentTokens(text.slice(start, end))]);
      known.set(decl, own);
    }
    add(own, start);
  }
  return tokens;
}

function inOrder(tokens: SemanticToken[]): readonly SemanticToken[] {
  return tokens.sort((a, b) => a.start - b.start);
}

function deepTokens(decl: Decl, start: number): readonly SemanticToken[] {
  const { block } = statementOf(decl);
  if (!block) return statementTokens(decl, start);
  // A block has exactly one declaration per statement.
  const inner = decl.children.flatMap((child, index) =>
    deepTokens(child, start + block.start + (block.offsets[index] ?? 0)),
  );
  return [...statementTokens(decl, start), ...inner];
}

type Add = (start: number, length: number, type: TokenType, modifier?: TokenModifier) => void;

/** The tokens of the statement without its block. */
function statementTokens(decl: Decl, start: number): readonly SemanticToken[] {
  const tokens: SemanticToken[] = [];
  const add: Add = (at, length, type, modifier) => {
    if (length > 0) tokens.push({ start: at, length, type, modifier });
  };
  const { spec } = decl;
  const statement = statementOf(decl);
  if (spec) add(start, statement.keyword.length, "keyword");
  const reads = new Map<Arg, { readonly read: Read; readonly arg: ArgSpec }>();
  for (const arg of spec?.args ?? []) {
    if (isFlag(arg)) continue;
    for (const read of all(decl, arg.name)) reads.set(argOf(decl, read), { read, arg });
  }
  const literals = spec ? literalsOf(spec) : new Set<string>();
  const visit = (arg: Arg): void => {
    const found = reads.get(arg);
    const at = start + arg.start;
    if (found) valueTokens({ value: found.read.value, at: arg }, found.arg, spec?.defines, at, add);
    else if (arg.kind === "list") for (const item of arg.items ?? []) visit(item);
    else if (arg.kind === "arrow") add(at, arg.length, "operator");
    else if (arg.kind === "string") add(at, arg.length, "string");
    else if (literals.has(arg.text)) add(at, arg.length, /^[a-z]/.test(arg.text) ? "keyword" : "operator");
  };
  for (const arg of statement.args) visit(arg);
  return tokens;
}

function valueTokens(
  { value, at }: { readonly value: Value; readonly at: Arg },
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

function symbolType(kind: SymbolKind): TokenType {
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
    case "security-group":
      return "function";
  }
}

/** One token per comment line: few clients support multi-line tokens. */
function commentTokens(text: string): readonly SemanticToken[] {
  if (!mayComment(text)) return [];
  const tokens: SemanticToken[] = [];
  for (const token of tokenize(text)) {
    if (token.kind !== "comment") continue;
    let { start } = token;
    for (const line of token.text.split(/(?<=\n|\r(?!\n))/)) {
      const { length } = line.replace(/[\r\n]+$/, "");
      if (length > 0) tokens.push({ start, length, type: "comment", modifier: undefined });
      start += line.length;
    }
  }
  return tokens;
}
