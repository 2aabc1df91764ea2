/** Reads the output of `nft list ruleset`. An unknown part of a table is skipped; a rule with one is marked. */
import type { NftBaseDecl, NftChainDecl, NftElement, NftFamily, NftRuleDecl, NftSetDecl, NftTable } from "./ast.ts";
import { elements } from "./expressions.ts";
import { statementsOf } from "./statements.ts";
import { type NftToken, readerOf, tokensOf } from "./tokens.ts";

export interface NftRuleset {
  readonly tables: readonly NftTable[];
  /** Tables without an end: the output is truncated. */
  readonly open: readonly { readonly table: string; readonly line: number }[];
}

const TABLE = /^table (?<family>ip6?|inet|arp|bridge|netdev) (?<name>\S+) \{/;
const PART = /^\s*(?<kind>\S+(?: \S+)*?) ?(?<name>\S+) \{(?:\s*#.*)?$/;

export function isNftTable(text: string): boolean {
  return TABLE.test(text);
}

interface OpenTable extends NftTable {
  readonly chains: NftChainDecl[];
  readonly sets: NftSetDecl[];
}

/** `line` of the results is an index into `lines`. */
export function nftRuleset(lines: readonly string[]): NftRuleset {
  const tables: OpenTable[] = [];
  const open: { table: string; line: number }[] = [];
  let table: OpenTable | undefined;
  for (let at = 0; at < lines.length; at += 1) {
    const text = lines[at] ?? "";
    const start = TABLE.exec(text)?.groups;
    if (start) {
      if (table) open.push({ table: titleOf(table), line: table.line });
      table = { family: start["family"] as NftFamily, name: start["name"] ?? "", chains: [], sets: [], line: at };
      tables.push(table);
      continue;
    }
    if (!table) continue;
    const part = PART.exec(text)?.groups;
    if (part) at = readPart(table, { kind: part["kind"] ?? "", name: part["name"] ?? "", line: at }, lines);
    else if (text.trim() === "}") table = undefined;
  }
  if (table) open.push({ table: titleOf(table), line: table.line });
  return { tables, open };
}

/** "ip kube-proxy" */
export function titleOf({ family, name }: Pick<NftTable, "family" | "name">): string {
  return `${family} ${name}`;
}

interface Part {
  readonly kind: string;
  readonly name: string;
  readonly line: number;
}

/** Returns the line of the closing brace, or the last line before the next table. */
function readPart(table: OpenTable, part: Part, lines: readonly string[]): number {
  const statements: NftToken[][] = [];
  let depth = 0;
  let at = part.line + 1;
  for (; at < lines.length; at += 1) {
    const text = lines[at] ?? "";
    // A damaged list of elements has no end.
    if (TABLE.test(text) || (depth > 0 && /^\s*(?:chain|set|map) \S+ \{/.test(text))) {
      at -= 1;
      break;
    }
    if (depth === 0 && text.trim() === "}") break;
    const tokens = tokensOf(text.replace(/ # handle \d+\s*$/, ""), at);
    // A list of elements continues on the next line.
    if (depth > 0) statements.at(-1)?.push(...tokens);
    else if (tokens.length > 0) statements.push([...tokens]);
    for (const token of tokens) if (!token.quoted) depth += token.text === "{" ? 1 : token.text === "}" ? -1 : 0;
    if (depth < 0) break;
  }
  if (part.kind === "chain") table.chains.push(chainOf(part, statements));
  else if (part.kind === "set" || part.kind === "map" || part.kind === "meter")
    table.sets.push({
      kind: part.kind === "map" ? "map" : "set",
      name: part.name,
      elements: elementsOf(statements),
      line: part.line,
    });
  return at;
}

function elementsOf(statements: readonly (readonly NftToken[])[]): readonly NftElement[] {
  const found = statements.find(([first, second]) => first?.text === "elements" && second?.text === "=");
  return found ? elements(readerOf(found.slice(2))) : [];
}

function chainOf({ name, line }: Part, statements: readonly (readonly NftToken[])[]): NftChainDecl {
  const declaration = statements.find(([first, , third]) => first?.text === "type" && third?.text === "hook");
  return {
    name,
    line,
    base: declaration && baseOf(declaration),
    rules: statements
      .filter((one) => one !== declaration && !(one[0]?.text === "comment" && one.length === 2))
      .map(ruleOf),
  };
}

function ruleOf(tokens: readonly NftToken[]): NftRuleDecl {
  return { ...statementsOf(tokens), text: shownText(tokens), line: tokens[0]?.line ?? 0 };
}

/** Counters and comments are not shown. */
function shownText(tokens: readonly NftToken[]): string {
  const shown: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (!token) break;
    if (!token.quoted && token.text === "counter") {
      while (["packets", "bytes", "name"].includes(tokens[at + 1]?.text ?? "")) at += 2;
    } else if (!token.quoted && token.text === "comment") at += 1;
    else if (!token.quoted && token.text === "," && shown.length > 0) shown.push(`${shown.pop()},`);
    else shown.push(token.quoted ? `"${token.text}"` : token.text);
  }
  // nft prints a space after a comma only in braces.
  return shown.join(" ").replace(/\{[^}]*\}|, /g, (part) => (part === ", " ? "," : part));
}

/** Names of priorities; the family bridge has others (nftables src/rule.c). */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

/** `type filter hook forward priority filter - 5; policy drop;` */
function baseOf(tokens: readonly NftToken[]): NftBaseDecl {
  const after = (word: string): string => tokens[tokens.findIndex(({ text }) => text === word) + 1]?.text ?? "";
  const start = tokens.findIndex(({ text }) => text === "priority") + 1;
  const end = tokens.findIndex(({ text }, index) => index >= start && text === ";");
  const [name = "", sign = "", more = ""] = tokens.slice(start, end < 0 ? undefined : end).map(({ text }) => text);
  const base = Object.hasOwn(PRIORITIES, name) ? (PRIORITIES[name] ?? 0) : Number(name);
  return {
    type: after("type"),
    hook: after("hook"),
    priority: base + (more === "" ? 0 : Number(`${sign}${more}`)),
    policy: after("policy") === "drop" ? "drop" : "accept",
    line: tokens[0]?.line ?? 0,
  };
}
