/**
 * What may be written at a place: keywords of the context, literals and values of the arguments, names in scope, free
 * addresses. All of it from the schema and the topology; works in half-typed files, since every text has a tree.
 */
import { all, contextInside, type Decl } from "../../language/decode.ts";
import { partArg } from "../../language/positions.ts";
import { type ArgSpec, type FlagSpec, isFlag, type KeywordSpec, keywordsIn } from "../../language/schema/index.ts";
import type { Arg, Span } from "../../language/tree.ts";
import type { Analysis } from "../analysis.ts";
import { type Place, placeAt } from "./place.ts";
import { type Suggestion, suggestionsFor, type Workspace } from "./suggestions.ts";

export type CompletionKind =
  | "keyword"
  | "literal"
  | "enum"
  | "name"
  | "address"
  | "prefix"
  | "number"
  | "label"
  | "file"
  | "text";

export interface CompletionItem {
  readonly label: string;
  readonly kind: CompletionKind;
  /** Beside the label: what it is. */
  readonly detail: string;
  readonly documentation: string | undefined;
  readonly insert: string;
  /** `insert` has tab stops as in TextMate snippets. */
  readonly snippet: boolean;
  /** What the item takes the place of. */
  readonly replace: Span;
  /** After this item the editor should ask again. */
  readonly more: boolean;
  /** Typing one of these takes the item and goes on behind it. */
  readonly commit: readonly string[];
}

export interface Completion {
  readonly items: readonly CompletionItem[];
  /** There are more; ask again when more has been typed. */
  readonly incomplete: boolean;
}

const MOST = 500;

export function completionsAt(analysis: Analysis, file: string, offset: number, workspace: Workspace): Completion {
  const place = placeAt(analysis, file, offset);
  if (!place || place.path.inComment) return { items: [], incomplete: false };
  const all = atKeyword(place) ? keywords(place) : values(analysis, place, workspace);
  const typed = all[0] ? place.file.tree.text.slice(all[0].replace.start, offset) : "";
  // A few hundred are enough to choose from; those that begin with what is typed come first.
  if (all.length <= MOST) return { items: all, incomplete: false };
  const begin = all.filter(({ label }) => label.startsWith(typed));
  const rest = all.filter(({ label }) => !label.startsWith(typed) && label.includes(typed));
  return { items: [...begin, ...rest].slice(0, MOST), incomplete: true };
}

function atKeyword({ path }: Place): boolean {
  const last = path.statements.at(-1);
  return !last || path.part === "keyword" || last.block === path.block;
}

/* ----------------------------------------------------------------- keywords */

function keywords({ path, decls, offset }: Place): readonly CompletionItem[] {
  const typing = path.part === "keyword" ? path.statements.at(-1) : undefined;
  const start = path.starts.at(-1);
  const replace: Span =
    typing && start !== undefined ? { start, end: start + typing.keyword.length } : { start: offset, end: offset };
  const depth = path.statements.length - (typing ? 1 : 0);
  const parent = decls[depth - 1];
  if (depth > 0 && !parent) return [];
  const context = parent ? contextInside(parent) : "file";
  if (context === undefined) return [];
  // With arguments already there only the word is exchanged.
  const bare = typing !== undefined && (typing.args.length > 0 || typing.block !== undefined);
  const present = new Set(
    (parent?.children ?? []).filter(({ statement }) => statement !== typing).map(({ spec }) => spec),
  );
  return [...keywordsIn(context).values()]
    .filter((spec) => spec.repeat === "many" || !present.has(spec))
    .sort((a, b) => Number(b.required === true && !present.has(b)) - Number(a.required === true && !present.has(a)))
    .map((spec) => keywordItem(spec, replace, bare));
}

function keywordItem(spec: KeywordSpec, replace: Span, bare: boolean): CompletionItem {
  const { text, more } = bare ? { text: spec.keyword, more: false } : snippetOf(spec);
  return {
    label: spec.keyword,
    kind: "keyword",
    detail: spec.summary,
    documentation: keywordDocumentation(spec),
    insert: text,
    snippet: text.includes("$"),
    replace,
    more,
    commit: text.includes("$") ? [] : [" "],
  };
}

export function keywordDocumentation(spec: KeywordSpec): string {
  const otherwise = spec.default === undefined ? "" : `\n\nDefault: ${spec.default}`;
  return `${spec.documentation.replace(/([^\n])\n(?!\n)/g, "$1 ")}${otherwise}`;
}

/** The keyword with what must follow; the tab stop of a first value that can be chosen from a list stands alone. */
function snippetOf(spec: KeywordSpec): { text: string; more: boolean } {
  if (spec.snippet !== undefined) return { text: spec.snippet, more: /^\S+ "?\$1"?$/.test(spec.snippet) };
  const choice = spec.args.find((arg) => spec.atLeastOneOf?.includes(arg.name));
  const needed = spec.args.filter((arg) => (isFlag(arg) ? arg === choice : arg.optional !== true || arg === choice));
  const block = spec.blockRequired === true || (typeof spec.block === "string" && blockIsUsual(spec));
  if (needed.length === 0 && !block && spec.args.length > 0) return { text: `${spec.keyword} `, more: true };
  const words = [spec.keyword];
  const [only] = needed;
  if (only && needed.length === 1 && !block && !isFlag(only) && isChoice(only)) {
    const literal = only.after === undefined ? "" : `${only.after} `;
    return { text: `${spec.keyword} ${literal}${only.type.kind === "string" ? '"$1"' : "$1"}`, more: true };
  }
  needed.forEach((arg, index) => {
    if (isFlag(arg)) {
      const flags = spec.args.filter((one) => isFlag(one) && spec.atLeastOneOf?.includes(one.name));
      words.push(`\${${index + 1}|${flags.map(({ name }) => name).join(",")}|}`);
    } else {
      if (arg.after !== undefined) words.push(arg.after);
      words.push(tabStop(arg, index + 1));
    }
  });
  return { text: `${words.join(" ")}${block ? " {\n\t$0\n}" : ""}`, more: false };
}

function tabStop(arg: ArgSpec, stop: number): string {
  const { type } = arg;
  switch (type.kind) {
    case "enum":
      return `\${${stop}|${type.values.map(({ value }) => value).join(",")}|}`;
    case "boolean":
      return `\${${stop}|true,false|}`;
    case "string":
      return `"\${${stop}:${arg.name}}"`;
    default:
      return `\${${stop}:${placeholder(arg)}}`;
  }
}

/** A node is seldom written without a block, a pod may be. */
function blockIsUsual(spec: KeywordSpec): boolean {
  return spec.defines !== undefined && spec.defines !== "pod" && spec.defines !== "workload";
}

function isChoice({ type }: ArgSpec): boolean {
  switch (type.kind) {
    case "ref":
    case "enum":
    case "boolean":
    case "prefix":
    case "prefix-length":
    case "address":
    case "interface-address":
    case "sysctl":
    case "label":
    case "selector":
    case "port-name":
    case "number":
    case "ports":
    case "device":
    case "endpoint":
    case "string":
      return true;
    case "name":
    case "index-range":
      return false;
  }
}

function placeholder({ name, type }: ArgSpec): string {
  switch (type.kind) {
    case "index-range":
      return "1..3";
    case "ports":
      return type.protocol ? "80/tcp" : "80";
    case "number":
      return name === "replicas" ? "2" : String(type.min);
    case "address":
    case "boolean":
    case "device":
    case "endpoint":
    case "enum":
    case "interface-address":
    case "label":
    case "selector":
    case "port-name":
    case "name":
    case "prefix":
    case "prefix-length":
    case "ref":
    case "string":
    case "sysctl":
      return name;
  }
}

/* ------------------------------------------------------------------- values */

function values(analysis: Analysis, place: Place, workspace: Workspace): readonly CompletionItem[] {
  const { path, decls, offset } = place;
  const decl = decls[path.statements.length - 1];
  const start = path.starts.at(-1);
  if (!decl?.spec || start === undefined) return [];
  const { statement } = decl;
  const index = typeof path.part === "number" ? path.part : typeof path.part === "object" ? path.part[0] : path.next;
  const typed = path.part === undefined || path.part === "whole" ? undefined : partArg(statement, path.part);
  // A list as a whole: the cursor is between its items, unless it touches the list from outside.
  const inList = typed?.kind === "list";
  if (
    inList &&
    (offset <= start + typed.start || offset >= start + typed.start + typed.length) &&
    typed.text.endsWith("]")
  )
    return [];
  const replace = typed && !inList ? argSpan(typed, start, place.file.tree.text) : { start: offset, end: offset };
  const expected = expectedAt(decl, decl.spec, statement.args.slice(0, index));
  const items: CompletionItem[] = [];
  for (const arg of expected.values) {
    for (const suggestion of suggestionsFor(
      analysis,
      place,
      decl,
      arg,
      typed?.kind === "list" ? undefined : typed,
      workspace,
    )) {
      items.push(valueItem(suggestion, replace, commitAfter(arg, suggestion)));
    }
  }
  if (typed === undefined || typed.kind === "word" || typed.kind === "arrow") {
    for (const literal of expected.literals) items.push(literalItem(literal, replace));
  }
  return items;
}

/** For a string what stands between its quotes. */
function argSpan(arg: Arg, start: number, text: string): Span {
  const from = start + arg.start;
  const to = from + arg.length;
  if (arg.kind !== "string") return { start: from, end: to };
  return { start: from + 1, end: arg.length > 1 && text[to - 1] === '"' ? to - 1 : to };
}

/** A path goes on with its port, a choice with the next word; an address or a number may itself go on. */
function commitAfter({ type }: ArgSpec, { kind }: Suggestion): readonly string[] {
  if (type.kind === "endpoint" && kind === "name") return type.port ? [" ", ":"] : [" "];
  return kind === "enum" || kind === "name" ? [" "] : [];
}

function valueItem(suggestion: Suggestion, replace: Span, commit: readonly string[]): CompletionItem {
  const { label, kind, detail, documentation } = suggestion;
  return {
    label,
    kind,
    detail,
    documentation,
    insert: suggestion.insert ?? label,
    snippet: false,
    replace: suggestion.skip === undefined ? replace : { start: replace.start + suggestion.skip, end: replace.end },
    more: false,
    commit,
  };
}

interface Literal {
  readonly text: string;
  readonly summary: string;
  readonly followed: boolean;
}

function literalItem({ text, summary, followed }: Literal, replace: Span): CompletionItem {
  return {
    label: text,
    kind: "literal",
    detail: summary,
    documentation: undefined,
    insert: followed ? `${text} ` : text,
    snippet: false,
    replace,
    more: followed,
    commit: followed ? [] : [" "],
  };
}

interface Expected {
  readonly values: readonly ArgSpec[];
  readonly literals: readonly Literal[];
}

/** What may follow the words `before`, as `decode` reads them. */
export function expectedAt(decl: Decl, spec: KeywordSpec, before: readonly Arg[]): Expected {
  const readBy = new Map<Arg, ArgSpec>();
  for (const arg of spec.args) {
    if (isFlag(arg)) continue;
    for (const read of all(decl, arg.name)) {
      const outer = decl.statement.args[read.index];
      if (outer) readBy.set(outer, arg);
    }
  }
  const positional = spec.args.filter((arg): arg is ArgSpec => !isFlag(arg) && arg.after === undefined);
  const used = new Set<ArgSpec | FlagSpec>();
  let open: ArgSpec | undefined;
  let waiting = false;
  let rest: { readonly arg: ArgSpec; readonly words: readonly string[] } | undefined;
  for (let index = 0; index < before.length; index++) {
    const word = before[index];
    if (!word) break;
    const literal = spec.args.find((arg) => (isFlag(arg) ? arg.name : arg.after?.split(" ")[0]) === word.text);
    rest = undefined;
    if (literal && isFlag(literal)) {
      used.add(literal);
      open = undefined;
      waiting = false;
    } else if (literal) {
      let missing = literal.after?.split(" ").slice(1) ?? [];
      while (missing.length > 0 && before[index + 1]?.text === missing[0]) {
        missing = missing.slice(1);
        index += 1;
      }
      if (missing.length > 0) rest = { arg: literal, words: missing };
      open = literal;
      waiting = true;
    } else {
      const target = waiting ? open : (readBy.get(word) ?? open ?? positional.find((arg) => !used.has(arg)));
      if (target) used.add(target);
      // Positions before it are passed over.
      const at = target ? positional.indexOf(target) : -1;
      for (const earlier of positional.slice(0, Math.max(at, 0))) used.add(earlier);
      open = target?.many === true ? target : undefined;
      waiting = false;
    }
  }
  if (rest)
    return { values: [], literals: [{ text: rest.words.join(" "), summary: rest.arg.summary, followed: true }] };
  if (waiting && open) return { values: [open], literals: [] };

  const expected: ArgSpec[] = open ? [open] : [];
  let mayEnd = true;
  for (const arg of positional) {
    if (used.has(arg)) continue;
    expected.push(arg);
    if (arg.optional !== true) {
      mayEnd = false;
      break;
    }
  }
  if (!mayEnd) return { values: expected, literals: [] };
  const names = new Set([...used].map(({ name }) => name));
  const excluded = (spec.atMostOneOf ?? []).some((name) => names.has(name))
    ? new Set(spec.atMostOneOf)
    : new Set<string>();
  const literals = spec.args.flatMap((arg): readonly Literal[] => {
    const text = isFlag(arg) ? arg.name : arg.after;
    if (text === undefined || used.has(arg) || excluded.has(arg.name)) return [];
    return [{ text, summary: arg.summary, followed: !isFlag(arg) }];
  });
  // `expect a`: nothing but the arrow can follow.
  const needed = new Set(
    spec.args.flatMap((arg) => (isFlag(arg) || arg.optional === true || used.has(arg) ? [] : [arg.after])),
  );
  const must = literals.filter(({ text }) => needed.has(text));
  return { values: expected, literals: must.length > 0 ? must : literals };
}
