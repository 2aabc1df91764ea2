/**
 * `nft -j list ruleset` (libnftables-json(5)) as the lines that `nft list ruleset` prints, each with the span of its object.
 * Both outputs are then read in the same way.
 */

import { at, isRecord, type Json, type JsonRecord, listAt, numberAt, recordAt, textAt } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";
import type { Item } from "./items.ts";
import type { Line } from "./text.ts";

interface Table {
  readonly head: Line;
  readonly sets: Line[];
  readonly chains: Map<string, { readonly lines: Line[] }>;
}

export function nftLinesOf(items: readonly Item[]): readonly Line[] {
  const tables = new Map<string, Table>();
  for (const { record, span } of items) {
    const [kind = "", value] = Object.entries(record)[0] ?? [];
    if (isRecord(value)) addObject(kind, value, span, tables);
  }
  return [...tables.values()].flatMap(({ head, sets, chains }) => [
    head,
    ...sets,
    ...[...chains.values()].flatMap(({ lines }) => [...lines, { text: "\t}", span: lines.at(-1)?.span ?? head.span }]),
    { text: "}", span: head.span },
  ]);
}

function addObject(kind: string, value: JsonRecord, span: Span, tables: Map<string, Table>): void {
  const family = textAt(value, "family") ?? "ip";
  const name = textAt(value, "name") ?? "";
  if (kind === "table") {
    const head: Line = { text: `table ${family} ${name} {`, span };
    tables.set(`${family} ${name}`, { head, sets: [], chains: new Map() });
    return;
  }
  const table = tables.get(`${family} ${textAt(value, "table") ?? ""}`);
  if (kind === "chain") table?.chains.set(name, { lines: chainLines(value, span) });
  else if (kind === "set" || kind === "map" || kind === "meter") table?.sets.push(...setLines(kind, value, span));
  else if (kind === "rule")
    table?.chains.get(textAt(value, "chain") ?? "")?.lines.push({ text: `\t\t${ruleText(value)}`, span });
}

function chainLines(value: JsonRecord, span: Span): Line[] {
  const hook = textAt(value, "hook");
  const head: Line = { text: `\tchain ${textAt(value, "name") ?? ""} {`, span };
  if (hook === undefined) return [head];
  const type = `type ${textAt(value, "type") ?? ""} hook ${hook} priority ${numberAt(value, "prio") ?? 0};`;
  return [head, { text: `\t\t${type} policy ${textAt(value, "policy") ?? "accept"};`, span }];
}

function setLines(kind: string, value: JsonRecord, span: Span): readonly Line[] {
  const elements = listAt(value, "elem").map((one) => elementText(one, kind === "map"));
  return [
    { text: `\t${kind} ${textAt(value, "name") ?? ""} {`, span },
    ...(elements.length === 0 ? [] : [{ text: `\t\telements = { ${elements.join(", ")} }`, span }]),
    { text: "\t}", span },
  ];
}

/** Of a map, a pair of a key and its value. */
function elementText(element: Json, isPair: boolean): string {
  const [key, value] = isPair && Array.isArray(element) ? (element as readonly Json[]) : [element];
  return value === undefined ? exprText(key ?? null) : `${exprText(key ?? null)} : ${exprText(value)}`;
}

function ruleText(value: JsonRecord): string {
  const comment = textAt(value, "comment");
  const statements = listAt(value, "expr").map(statementText);
  return [...statements, ...(comment === undefined ? [] : [`comment ${quoted(comment)}`])].join(" ");
}

function quoted(text: string): string {
  return `"${text}"`;
}

type Write = (value: JsonRecord, whole: Json) => string;

function statementText(statement: Json): string {
  if (!isRecord(statement)) return "xt";
  const [name = "", value = null] = Object.entries(statement)[0] ?? [];
  const kind = name.replace(" ", "-");
  if (Object.hasOwn(VERDICTS, kind)) return exprText(statement);
  const write = Object.hasOwn(STATEMENTS, kind) ? STATEMENTS[kind] : undefined;
  // `xt` has the name of an extension, without its arguments.
  return write ? write(isRecord(value) ? value : {}, value) : `xt ${kind}`;
}

const STATEMENTS: Readonly<Record<string, Write>> = {
  match: (value) => {
    const op = textAt(value, "op") ?? "==";
    return `${exprOf(value, "left")} ${op === "in" ? "" : `${op} `}${exprOf(value, "right")}`;
  },
  vmap: (value) => `${exprOf(value, "key")} vmap ${mapOf(value)}`,
  counter: () => "counter",
  mangle: (value) => `${exprOf(value, "key")} set ${exprOf(value, "value")}`,
  reject: (value) => {
    const type = textAt(value, "type");
    if (type === undefined) return "reject";
    return type === "tcp reset" ? "reject with tcp reset" : `reject with ${type} ${textAt(value, "expr") ?? ""}`;
  },
  snat: (value) => `snat${natText(value)}`,
  dnat: (value) => `dnat${natText(value)}`,
  masquerade: (value) => `masquerade${natText(value)}`,
  redirect: (value) => `redirect${natText(value)}`,
  notrack: () => "notrack",
  log: (value) => {
    const prefix = textAt(value, "prefix");
    return prefix === undefined ? "log" : `log prefix ${quoted(prefix)}`;
  },
  limit: (value, whole) =>
    typeof whole === "string"
      ? "limit name x"
      : `limit rate ${at(value, "inv") === true ? "over " : ""}${limitText(value)}`,
  quota: (value) => `quota ${at(value, "inv") === true ? "over " : ""}${textAt(value, "val") ?? 0} bytes`,
  "ct-count": (value) =>
    ["ct", "count", ...(at(value, "inv") === true ? ["over"] : []), textAt(value, "val") ?? "0"].join(" "),
  queue: (value) => {
    const flags = at(value, "flags");
    const all = Array.isArray(flags) ? flags.join(",") : typeof flags === "string" ? flags : "";
    return `queue ${all === "" ? "" : `flags ${all} `}to ${exprOf(value, "num")}`;
  },
  set: (value) => {
    const statements = listAt(value, "stmt").map(statementText);
    const element = [exprOf(value, "elem"), ...statements].join(" ");
    return `${textAt(value, "op") ?? "add"} ${textAt(value, "set") ?? ""} { ${element} }`;
  },
  flow: () => "flow add",
  comment: () => "",
};

function limitText(value: JsonRecord): string {
  const unit = textAt(value, "rate_unit");
  const rate = `${unit === undefined || unit === "packets" ? textAt(value, "rate") : `${textAt(value, "rate")} ${unit}`}`;
  const burst = numberAt(value, "burst");
  return `${rate}/${textAt(value, "per") ?? "second"}${burst === undefined || burst === 5 ? "" : ` burst ${burst} packets`}`;
}

/** An address, a port, or both. */
function natText(value: JsonRecord): string {
  const address = at(value, "addr") === undefined ? "" : exprOf(value, "addr");
  const port = at(value, "port") === undefined ? "" : `:${exprOf(value, "port")}`;
  const bracketed = port !== "" && /^[0-9a-f]*:[0-9a-f:.]*$/i.test(address) ? `[${address}]` : address;
  const separator = isRecord(at(value, "addr")) && port !== "" ? " " : "";
  return address === "" && port === "" ? "" : ` to ${bracketed}${separator}${port}`;
}

/* -------------------------------------------------------------- expressions */

function exprOf(value: JsonRecord, key: string): string {
  return exprText(at(value, key) ?? null);
}

function mapOf(value: JsonRecord): string {
  const data = at(value, "data") ?? null;
  const set = isRecord(data) ? at(data, "set") : undefined;
  if (!Array.isArray(set)) return exprText(data);
  return `{ ${set.map((one: Json) => elementText(one, true)).join(", ")} }`;
}

const VERDICTS: Readonly<Record<string, true>> = {
  accept: true,
  drop: true,
  return: true,
  continue: true,
  jump: true,
  goto: true,
};

function exprText(expr: Json): string {
  if (typeof expr === "string") return /[\s*]|^\d+[a-z]/.test(expr) && !expr.startsWith("@") ? quoted(expr) : expr;
  // `fib … oif missing`
  if (typeof expr === "boolean") return expr ? "exists" : "missing";
  if (typeof expr === "number") return String(expr);
  if (Array.isArray(expr)) return expr.map(exprText).join(",");
  if (!isRecord(expr)) return "";
  const [kind = "", value = null] = Object.entries(expr)[0] ?? [];
  if (Object.hasOwn(VERDICTS, kind)) return isRecord(value) ? `${kind} ${textAt(value, "target") ?? ""}` : kind;
  const write = Object.hasOwn(EXPRESSIONS, kind) ? EXPRESSIONS[kind] : undefined;
  return write ? write(isRecord(value) ? value : {}, value) : `xt ${kind}`;
}

const operator =
  (op: string): Write =>
  (_, whole) =>
    Array.isArray(whole)
      ? whole
          .map((one: Json) => (Array.isArray(one) ? `(${one.map(exprText).join(" | ")})` : exprText(one)))
          .join(` ${op} `)
      : "";

const EXPRESSIONS: Readonly<Record<string, Write>> = {
  payload: (value) => {
    const base = textAt(value, "base");
    if (base !== undefined) return `@${base},${textAt(value, "offset") ?? 0},${textAt(value, "len") ?? 0}`;
    return `${textAt(value, "protocol") ?? ""} ${textAt(value, "field") ?? ""}`;
  },
  meta: (value) => `meta ${textAt(value, "key") ?? ""}`,
  ct: (value) => {
    const direction = textAt(value, "dir");
    return `ct ${direction === undefined ? "" : `${direction} `}${textAt(value, "key") ?? ""}`;
  },
  fib: (value) => {
    const flags = at(value, "flags");
    const all = Array.isArray(flags) ? flags.join(" . ") : typeof flags === "string" ? flags : "";
    return `fib ${all} ${textAt(value, "result") ?? ""}`;
  },
  numgen: (value) => `numgen ${textAt(value, "mode") ?? "random"} mod ${numbersOf(value)}`,
  jhash: (value) => `jhash ${exprOf(value, "expr")} mod ${numbersOf(value)}`,
  symhash: (value) => `symhash mod ${numbersOf(value)}`,
  concat: (_, whole) => (Array.isArray(whole) ? whole.map(exprText).join(" . ") : ""),
  set: (_, whole) => `{ ${(Array.isArray(whole) ? whole : [whole]).map(exprText).join(", ")} }`,
  map: (value) => `${exprOf(value, "key")} map ${mapOf(value)}`,
  prefix: (value) => `${textAt(value, "addr") ?? ""}/${textAt(value, "len") ?? ""}`,
  range: (_, whole) => (Array.isArray(whole) ? whole.map(exprText).join("-") : ""),
  // An element with its timeout or comment.
  elem: (value) => exprText(at(recordAt(value), "val") ?? null),
  "&": operator("&"),
  "|": operator("|"),
  "^": operator("^"),
};

function numbersOf(value: JsonRecord): string {
  const offset = numberAt(value, "offset") ?? 0;
  return `${numberAt(value, "mod") ?? 1}${offset === 0 ? "" : ` offset ${offset}`}`;
}
