/**
 * nftables in one notation, so that equal texts mean the same: versions of nft differ in operators, names, and the notation of
 * numbers. Counters, logs, comments, handles, and the choice of source ports have no effect on a decision.
 */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import type {
  NftBaseDecl,
  NftElement,
  NftExpr,
  NftFamily,
  NftNat,
  NftRuleDecl,
  NftStatement,
  NftVerdict,
} from "./ast.ts";
import { isFlags, typedValue } from "./fields.ts";
import { isVerdict } from "./verdict.ts";

export function baseText({ type, hook, priority, policy }: NftBaseDecl): string {
  return `type ${type} hook ${hook} priority ${priority}; policy ${policy};`;
}

/** Undefined: the rule has no effect on a packet. */
export function plainRule({ statements, text }: NftRuleDecl, family: NftFamily): string | undefined {
  if (!statements) return text;
  const shown = statements.flatMap((one) => statementText(one, family) ?? []);
  return shown.length === 0 ? undefined : shown.join(" ");
}

export function elementText({ key, data }: NftElement): string {
  return data === undefined ? exprText(key) : `${exprText(key)} : ${dataText(data)}`;
}

function dataText(data: NftVerdict | NftExpr): string {
  return isVerdict(data) ? verdictText(data) : exprText(data);
}

export function verdictText(verdict: NftVerdict): string {
  return "chain" in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}

function statementText(statement: NftStatement, family: NftFamily): string | undefined {
  switch (statement.kind) {
    case "match":
      return matchText(statement);
    case "verdict":
      return verdictText(statement.verdict);
    case "vmap":
      return `${exprText(statement.key)} vmap ${exprText(statement.data, namesOf(statement.key))}`;
    case "reject":
      return `reject with ${statement.with}`;
    case "nat":
      return natText(statement);
    case "mark":
      return `${statement.of === "packet" ? "meta" : "ct"} mark set ${exprText(statement.value)}`;
    case "queue":
      return `queue to ${statement.number}${statement.bypass ? " bypass" : ""}`;
    case "notrack":
      return "notrack";
    case "limit":
    case "update":
      return statement.text;
    case "other":
      return statement.text.startsWith("log") || family === "arp" ? undefined : statement.text;
  }
}

function natText({ nat, to, port }: NftNat): string {
  // The ports of MASQUERADE only limit how the kernel selects one.
  if (nat === "masquerade" || (!to && !port)) return nat;
  const address = to ? exprText(to) : "";
  return `${nat} to ${address}${port ? `:${exprText(port)}` : ""}`;
}

function matchText({ op, left, right }: Extract<NftStatement, { kind: "match" }>): string {
  const names = namesOf(left);
  const [name = ""] = names;
  // `tcp flags syn` compares one bit, `tcp flags == syn` all of them.
  const isExact = op === "==" && isFlags(name) && right.kind !== "set";
  const sign = op === "implicit" || (op === "==" && !isExact) ? "" : ` ${op}`;
  return `${exprText(left)}${sign} ${exprText(right, names)}`;
}

/** The fields of a key, in order. */
export function namesOf(key: NftExpr): readonly string[] {
  switch (key.kind) {
    case "field":
      return [key.name];
    case "concat":
      return key.parts.map((part) => namesOf(part)[0] ?? "");
    case "bits":
      return namesOf(key.left);
    default:
      return [];
  }
}

/** `names`: the fields that a constant is compared with. */
function exprText(expr: NftExpr, names: readonly string[] = []): string {
  const typed = typedValue(names[0] ?? "", expr) ?? expr;
  switch (typed.kind) {
    case "field":
      return typed.name;
    case "word":
      return typed.text;
    case "wildcard":
      return `${typed.start}*`;
    case "number":
      return String(typed.value);
    case "ip":
      return formatIp(typed.ip);
    case "prefix":
      return formatPrefix(typed.prefix);
    case "range":
    case "random":
      return typed.text;
    case "concat":
      return typed.parts.map((part, index) => exprText(part, names.slice(index, index + 1))).join(" . ");
    case "flags":
      return String(sumOf(names[0] ?? "", typed) ?? typed.parts.map((part) => exprText(part, names)).join(","));
    case "bits":
      return bitsText(typed, names.length > 0 ? names : namesOf(typed.left));
    case "set":
      return setText(typed.elements, names);
    case "reference":
      return `@${typed.name}`;
    case "map":
      return `${exprText(typed.key)} map ${exprText(typed.data, namesOf(typed.key))}`;
    case "lookup":
      return typed.name === undefined ? "{ … }" : `@${typed.name}`;
  }
}

function bitsText({ op, left, right }: Extract<NftExpr, { kind: "bits" }>, names: readonly string[]): string {
  const [name = ""] = names;
  return `${exprText(left, names)} ${op} ${sumOf(name, right) ?? exprText(right, names)}`;
}

/** The bits of constants: `syn`, `fin,syn`, `fin | syn`. */
export function sumOf(name: string, expr: NftExpr): number | undefined {
  if (expr.kind === "flags") return sumOfAll(name, expr.parts);
  if (expr.kind === "bits") return expr.op === "|" ? sumOfAll(name, [expr.left, expr.right]) : undefined;
  const typed = typedValue(name, expr);
  return typed?.kind === "number" ? typed.value : undefined;
}

function sumOfAll(name: string, parts: readonly NftExpr[]): number | undefined {
  const numbers = parts.map((part) => sumOf(name, part));
  return numbers.every((one) => one !== undefined) ? numbers.reduce((sum, one) => sum | one, 0) >>> 0 : undefined;
}

/** A set with one element is the element; the order has no effect. */
function setText(elements: readonly NftElement[], names: readonly string[]): string {
  const texts = elements.map(({ key, data }) =>
    data === undefined ? exprText(key, names) : `${exprText(key, names)} : ${dataText(data)}`,
  );
  return texts.length === 1 && elements[0]?.data === undefined ? (texts[0] ?? "") : `{ ${texts.sort().join(", ")} }`;
}
