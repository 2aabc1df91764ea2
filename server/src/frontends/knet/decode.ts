/**
 * Tree + schema → declarations: each statement with its row of the schema and its typed arguments. Decoding never fails:
 * an invalid argument is missing from `values` and reported in `problems`. Results are cached by statement identity and
 * context, so an edit decodes only the statements that it changes and a few lines around them.
 */

import { parseIp } from "../../addressing/ip.ts";
import { contextInside, oneOf } from "../../declared/access.ts";
import { inContexts, withBlock } from "../../declared/block.ts";
import type { Decl, DeclProblem } from "../../declared/decl.ts";
import { type Part, partOf } from "../../declared/handle.ts";
import {
  describeType,
  readSetRequirement,
  readValue,
  splitPort,
  type Unread,
  unreadProblem,
} from "../../declared/reading.ts";
import { contextsOf, isFlag, keywordsIn, schema } from "../../declared/schema/index.ts";
import type { ArgSpec, Context, FlagSpec, KeywordSpec } from "../../declared/schema/types.ts";
import type { Read, Value } from "../../declared/values.ts";
import { perItem } from "../../memo/list.ts";
import { valueAt } from "../../memo/memo.ts";
import { type SideTable, sideTable } from "../../memo/side-table.ts";
import { either } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { nearest } from "../../text/nearest.ts";
import { handleOf } from "./handle.ts";
import type { Arg, Block, Statement, SyntaxTree } from "./tree.ts";

/** Decoded statements (where caching is worthwhile), lists, and files. No other state is kept between calls. */
export interface DecodeCache {
  readonly decls: Map<Context, SideTable<Statement, Decl>>;
  readonly lists: Map<Context, (statements: readonly Statement[]) => readonly Decl[]>;
  readonly files: SideTable<Block, readonly Decl[]>;
}

export function decodeCache(): DecodeCache {
  return { decls: new Map(), lists: new Map(), files: sideTable() };
}

/** Decodes the top-level statements of a file. */
export function decodeFile(tree: SyntaxTree, cache: DecodeCache = decodeCache()): readonly Decl[] {
  const known = cache.files.get(tree.root);
  if (known !== undefined) return known;
  const decls = decodeAll(tree.root.statements, "file", cache);
  cache.files.set(tree.root, decls);
  return decls;
}

export function decode(statement: Statement, context: Context, cache: DecodeCache = decodeCache()): Decl {
  return decodeAll([statement], context, cache)[0]!;
}

/** Not frozen: V8 compiles loops over both frozen and unfrozen arrays poorly. The type prevents changes. */
const nothing: readonly never[] = [];

function decodeAll(statements: readonly Statement[], context: Context, cache: DecodeCache): readonly Decl[] {
  if (statements.length > FEW || ALWAYS_CACHED.has(context)) {
    return valueAt(cache.lists, context, () => perItem((one: Statement) => kept(one, context, cache)))(statements);
  }
  // `map` allocates an array of the exact size.
  return statements.map((one) => (isLarge(one) ? kept(one, context, cache) : fresh(one, context, cache)));
}

/** A statement keeps its declaration if its index changes. */
function kept(statement: Statement, context: Context, cache: DecodeCache): Decl {
  const known = valueAt(cache.decls, context, () => sideTable<Statement, Decl>());
  return valueAt(known, statement, () => fresh(statement, context, cache));
}

function fresh(statement: Statement, context: Context, cache: DecodeCache): Decl {
  const { kind, text } = statement.keyword;
  const spec = kind === "word" ? keywordsIn(context).get(text) : undefined;
  return spec === undefined ? unknown(statement, context) : decodeKnown(statement, spec, cache);
}

/**
 * Decoding the few statements of a node or container is faster than a cache lookup, and large files consist mostly of
 * these.
 */
const FEW = 16;

/** Contexts that are always cached, because later stages cache their results by declaration. */
const ALWAYS_CACHED: ReadonlySet<Context> = new Set(["file", "cluster"]);

function isLarge({ block }: Statement): boolean {
  return block !== undefined && block.statements.length > 1;
}

function unknown(statement: Statement, context: Context): Decl {
  const { kind, text } = statement.keyword;
  // The parser has already reported a block without a keyword.
  const problems = kind === "word" && text === "" ? nothing : [unknownKeyword(text, context, kind === "word")];
  return {
    handle: handleOf(statement),
    spec: undefined,
    values: nothing,
    children: nothing,
    block: statement.block !== undefined,
    problems,
    problemCount: problems.length,
  };
}

function unknownKeyword(text: string, context: Context, isWord: boolean): DeclProblem {
  const keyword = short(text);
  const here = inContexts([context]);
  const elsewhere = contextsOf(text);
  // A quoted keyword is not a keyword; the suggestion is the keyword without quotes.
  if (isWord && elsewhere.length > 0) {
    return { code: "KN003", part: "keyword", data: { keyword, context: here, contexts: inContexts(elsewhere) } };
  }
  const suggestion = nearest(text, keywordsIn(context).keys());
  const data = suggestion === undefined ? { keyword, context: here } : { keyword, context: here, suggestion };
  return { code: "KN002", part: "keyword", data };
}

function decodeKnown(statement: Statement, spec: KeywordSpec, cache: DecodeCache): Decl {
  const plan = plans.get(spec)!;
  const reading = readArgs(statement, plan);
  const { values } = reading;
  let { problems } = reading;
  let children: readonly Decl[] = nothing;
  const { block } = statement;
  if (block === undefined) {
    if (spec.blockRequired === true)
      problems = add(problems, { code: "KN009", part: "keyword", data: { keyword: spec.keyword } });
  } else {
    const context = contextInside({ spec, values });
    if (context !== undefined) {
      children = decodeAll(block.statements, context, cache);
    } else if (spec.block === undefined || typeof spec.block === "string") {
      problems = add(problems, { code: "KN010", part: "keyword", data: { keyword: spec.keyword } });
    } else {
      const choice = oneOf({ values }, spec.block.by, "word")?.text;
      if (choice !== undefined)
        problems = add(problems, { code: "KN010", part: "keyword", data: { keyword: spec.keyword, choice } });
    }
  }
  return withBlock({ handle: handleOf(statement), spec, values, children, block: block !== undefined, problems });
}

function add(problems: readonly DeclProblem[], added: DeclProblem): readonly DeclProblem[] {
  return [...problems, added];
}

/* ---------------------------------------------------------------- arguments */

/** A row of the schema, prepared for decoding. */
interface Plan {
  readonly spec: KeywordSpec;
  readonly positional: readonly ArgSpec[];
  readonly needed: readonly ArgSpec[];
  /** Arguments by the literal (or its first part) that precedes them, and flags by name. */
  readonly literals: ReadonlyMap<string, Literal>;
}
type Literal = FlagSpec | { readonly arg: ArgSpec; readonly further: readonly string[] };

function planOf(spec: KeywordSpec): Plan {
  const positional: ArgSpec[] = [];
  const needed: ArgSpec[] = [];
  const literals = new Map<string, Literal>();
  for (const arg of spec.args) {
    if (isFlag(arg)) {
      literals.set(arg.name, arg);
      continue;
    }
    if (arg.optional !== true) needed.push(arg);
    if (arg.after === undefined) {
      positional.push(arg);
      continue;
    }
    const [literal = "", ...further] = arg.after.split(" ");
    literals.set(literal, { arg, further });
  }
  return { spec, positional, needed, literals };
}

const plans: ReadonlyMap<KeywordSpec, Plan> = new Map(schema.map((spec) => [spec, planOf(spec)]));

interface Arguments {
  readonly values: readonly Read[];
  readonly problems: readonly DeclProblem[];
}

let scratchProblems: DeclProblem[] = [];
let scratchUnread: ArgSpec[] = [];

/** The values read from a statement so far: the first `count` entries. The array is reused for the next statement. */
interface Reader {
  readonly values: Read[];
  count: number;
}

const scratch: Reader = { values: [], count: 0 };

function isRead({ values, count }: Reader, name: string): boolean {
  for (let at = 0; at < count; at++) if (values[at]!.name === name) return true;
  return false;
}

function addRead(reader: Reader, read: Read): void {
  reader.values[reader.count++] = read;
}

/** A copy of the exact size: a growing array has spare capacity, in each of tens of thousands of statements. */
function readSoFar({ values, count }: Reader): readonly Read[] {
  return count === 0 ? nothing : values.slice(0, count);
}

const isThere: Value = { kind: "flag" };

const noArguments: Arguments = { values: nothing, problems: nothing };

/**
 * A token belongs to the argument whose literal precedes it, to an argument that accepts several values, or to the next
 * positional argument. An optional enum argument is skipped if the token is not one of its values.
 */
function readArgs(statement: Statement, plan: Plan): Arguments {
  const { args } = statement;
  const { spec, positional, literals } = plan;
  if (args.length === 0 && plan.needed.length === 0 && spec.atLeastOneOf === undefined) return noArguments;
  const reader = scratch;
  reader.count = 0;
  // Both stay empty for almost all statements of a large file, so they are reused.
  const problems = scratchProblems;
  /** Arguments that are present but not valid. */
  const unread = scratchUnread;
  /** The argument that the next token belongs to: its literal precedes the token, or it accepts several values. */
  let open: ArgSpec | undefined;
  /** The index of its literal until a value follows, otherwise -1. */
  let waiting = -1;
  let position = 0;

  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    const found = arg.kind === "word" || arg.kind === "arrow" ? literals.get(arg.text) : undefined;
    const alone = found !== undefined && isAlone(plan, args, index, position);
    const literal = alone ? undefined : found;
    if (alone) {
      if (waiting >= 0 && open !== undefined && open.opens !== true) problems.push(missing(spec, open, waiting));
      waiting = -1;
      open = undefined;
    }
    if (literal !== undefined) {
      if (waiting >= 0 && open !== undefined && open.opens !== true) problems.push(missing(spec, open, waiting));
      waiting = -1;
      open = undefined;
      if ("flag" in literal) {
        if (isRead(reader, literal.name)) problems.push(unexpected(spec, arg, index));
        else addRead(reader, { name: literal.name, value: isThere, text: arg.text, index, item: undefined });
        continue;
      }
      if (isRead(reader, literal.arg.name) && literal.arg.many !== true) problems.push(unexpected(spec, arg, index));
      for (const next of literal.further) {
        if (args[index + 1]?.text === next) index++;
        else problems.push(missing(spec, literal.arg, index));
      }
      open = literal.arg;
      waiting = index;
      continue;
    }
    // A misspelled literal is in the position of a value, but is not a valid value.
    const meant = open === undefined || waiting >= 0 ? undefined : misspelled(open, arg, literals);
    if (meant !== undefined) {
      problems.push(unexpected(spec, arg, index, literals));
      open = meant;
      continue;
    }
    let target = open;
    if (target === undefined) {
      target = nextPositional(positional, position, arg);
      if (target === undefined || arg.kind === "arrow") {
        problems.push(unexpected(spec, arg, index, literals));
        open = misspelled(undefined, arg, literals);
        continue;
      }
      position = positional.indexOf(target) + 1;
    }
    waiting = -1;
    open = target.many === true ? target : undefined;
    if (isSet(target, args, index)) {
      if (!readSet(spec, target, args, index, reader, problems) && !isRead(reader, target.name)) unread.push(target);
      index += 2;
      continue;
    }
    if (!readArg(spec, target, arg, index, reader, problems) && !isRead(reader, target.name)) unread.push(target);
  }
  if (waiting >= 0 && open !== undefined) {
    problems.push(missing(spec, open, waiting));
    unread.push(open);
  }
  for (const arg of plan.needed) {
    if (!isRead(reader, arg.name) && !unread.includes(arg)) problems.push(missing(spec, arg, undefined));
  }
  if (spec.atLeastOneOf !== undefined || spec.atMostOneOf !== undefined) {
    checkChoice(statement, plan, reader, unread, problems);
  }
  if (unread.length > 0) scratchUnread = [];
  const values = readSoFar(reader);
  if (problems.length === 0) return { values, problems: nothing };
  scratchProblems = [];
  return { values, problems };
}

/**
 * Whether a literal without a value is a value of a positional argument: `in` alone is a direction, `in eth0` a device. `position`:
 * of the next positional argument.
 */
function isAlone({ positional, literals }: Plan, args: readonly Arg[], index: number, position: number): boolean {
  const isValue = ({ type }: ArgSpec, { text }: Arg): boolean =>
    type.kind === "enum" && type.values.some(({ value }) => value === text);
  const word = args[index]!;
  if (!positional.some((spec, at) => at >= position && isValue(spec, word))) return false;
  const next = args[index + 1];
  return next === undefined || literals.has(next.text) || positional.some((spec) => isValue(spec, next));
}

/** The argument whose literal the token resembles, unless the token is a valid value of the open argument. */
function misspelled(open: ArgSpec | undefined, arg: Arg, literals: Plan["literals"]): ArgSpec | undefined {
  if (arg.kind !== "word" || literals.size === 0) return undefined;
  if (open !== undefined && readValue(open.type, arg.text).kind !== "unread") return undefined;
  const literal = literals.get(nearest(arg.text, literals.keys()) ?? "");
  return literal === undefined || "flag" in literal ? undefined : literal.arg;
}

function nextPositional(positional: readonly ArgSpec[], from: number, arg: Arg): ArgSpec | undefined {
  for (let at = from; at < positional.length; at++) {
    const spec = positional[at]!;
    if (spec.optional !== true || spec.type.kind !== "enum" || fits(spec, arg.text)) return spec;
  }
  return positional[from];
}

function fits(spec: ArgSpec, text: string): boolean {
  return spec.type.kind !== "enum" || spec.type.values.some(({ value }) => value === text);
}

/** Whether three tokens form one value: `tier in [a b]`. */
function isSet(target: ArgSpec, args: readonly Arg[], index: number): boolean {
  if (target.type.kind !== "selector" || args[index + 2]?.kind !== "list") return false;
  const operator = args[index + 1]?.text;
  return args[index]?.kind === "word" && (operator === "in" || operator === "notin");
}

function readSet(
  spec: KeywordSpec,
  target: ArgSpec,
  args: readonly Arg[],
  index: number,
  reader: Reader,
  problems: DeclProblem[],
): boolean {
  const arg = args[index]!;
  const values = (args[index + 2]?.items ?? nothing).map(({ text }) => text);
  const value = readSetRequirement(target.type, arg.text, args[index + 1]?.text ?? "", values);
  if (value === undefined) return false;
  if (value.kind !== "unread")
    return keep(reader, { name: target.name, value, text: arg.text, index, item: undefined }, target);
  problems.push(located(spec, target, index + 2, { read: value, text: arg.text }));
  return false;
}

/** Whether at least one valid value was read. */
function readArg(
  spec: KeywordSpec,
  target: ArgSpec,
  arg: Arg,
  index: number,
  reader: Reader,
  problems: DeclProblem[],
): boolean {
  if (arg.kind !== "list") return readItem(spec, target, arg, index, undefined, reader, problems);
  const items = arg.items ?? nothing;
  if (target.many !== true) {
    const reason = t`a list is not allowed here`;
    const data = { text: short(arg.text), expected: describeType(target.type), reason };
    problems.push({ code: "KN006", part: index, data: { keyword: spec.keyword, argument: target.name, ...data } });
    return false;
  }
  let read = false;
  for (let item = 0; item < items.length; item++) {
    if (readItem(spec, target, items[item]!, index, item, reader, problems)) read = true;
  }
  if (items.length === 0) problems.push(missing(spec, target, index));
  return read;
}

function readItem(
  spec: KeywordSpec,
  target: ArgSpec,
  arg: Arg,
  index: number,
  item: number | undefined,
  reader: Reader,
  problems: DeclProblem[],
): boolean {
  const read = readValue(target.type, arg.text);
  const value = read.kind === "unread" ? read.value : read;
  if (read.kind === "unread") {
    const part = partOf({ index, item });
    problems.push(located(spec, target, part, { read, text: arg.text }));
  }
  return value !== undefined && keep(reader, { name: target.name, value, text: arg.text, index, item }, target);
}

function located(
  spec: KeywordSpec,
  target: ArgSpec,
  part: Part,
  { read, text }: { readonly read: Unread; readonly text: string },
): DeclProblem {
  const problem = unreadProblem(spec, target, part, read);
  return problem.code === "KN006"
    ? { ...problem, data: { ...problem.data, ...withPort(spec, target, text) } }
    : problem;
}

/** The suggestion for `10.0.0.1:80` if the statement has a separate argument for the port: `10.0.0.1 port 80`. */
function withPort(spec: KeywordSpec, target: ArgSpec, text: string): { readonly suggestion?: string } {
  const literal = plans.get(spec)?.literals.get("port");
  if (target.type.kind !== "address" || literal === undefined || "flag" in literal) return {};
  const { host, port } = splitPort(text);
  if (port === undefined || parseIp(host) === undefined) return {};
  return readValue(literal.arg.type, port).kind === "unread" ? {} : { suggestion: `${host} port ${port}` };
}

/** Adds a value; a second value only if the argument accepts several. */
function keep(reader: Reader, read: Read, target: ArgSpec): boolean {
  if (target.many !== true && isRead(reader, target.name)) return false;
  addRead(reader, read);
  return true;
}

function missing(spec: KeywordSpec, arg: ArgSpec, after: number | undefined): DeclProblem {
  const data = { keyword: spec.keyword, argument: arg.name, expected: describeType(arg.type) };
  const part = after ?? "keyword";
  return { code: "KN004", part, data: arg.after === undefined ? data : { ...data, after: arg.after } };
}

function unexpected(spec: KeywordSpec, arg: Arg, index: number, literals?: Plan["literals"]): DeclProblem {
  const data = { keyword: spec.keyword, text: short(arg.text) };
  const suggestion = literals === undefined || arg.kind !== "word" ? undefined : nearest(arg.text, literals.keys());
  return { code: "KN005", part: index, data: suggestion === undefined ? data : { ...data, suggestion } };
}

function checkChoice(
  statement: Statement,
  plan: Plan,
  reader: Reader,
  unread: readonly ArgSpec[],
  problems: DeclProblem[],
): void {
  const { spec } = plan;
  const { atLeastOneOf, atMostOneOf } = spec;
  const present = (name: string): boolean => isRead(reader, name) || unread.some((arg) => arg.name === name);
  if (atLeastOneOf !== undefined && !atLeastOneOf.some(present) && !problems.some(({ code }) => code === "KN005")) {
    const expected = either(atLeastOneOf.map((name) => `\`${name}\``));
    const data = { keyword: spec.keyword, argument: atLeastOneOf.join(", "), expected };
    problems.push({ code: "KN004", part: "keyword", data });
  }
  if (atMostOneOf === undefined || atMostOneOf.filter(present).length < 2) return;
  let seen = 0;
  for (let index = 0; index < statement.args.length; index++) {
    const arg = statement.args[index]!;
    const literal = arg.kind === "word" ? plan.literals.get(arg.text) : undefined;
    if (literal === undefined || !atMostOneOf.includes("flag" in literal ? literal.name : literal.arg.name)) continue;
    if (++seen > 1) problems.push(unexpected(spec, arg, index));
  }
}

/** User text as part of a message, limited in length. */
function short(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
