/** Keywords of the context, each with a snippet of its required parts. */

import { contextInside } from "../../../declared/access.ts";
import { type ArgSpec, isFlag, type KeywordSpec, keywordsIn } from "../../../declared/schema/index.ts";
import { statementOf } from "../../../frontends/knet/handle.ts";
import { t, translated } from "../../../text/l10n.ts";
import type { Span } from "../../../text/span.ts";
import type { KnetPlace } from "../place.ts";
import type { CompletionItem } from "./item.ts";

export function keywords({ path, decls, offset }: KnetPlace): readonly CompletionItem[] {
  const typing = path.part === "keyword" ? path.statements.at(-1) : undefined;
  const start = path.starts.at(-1);
  const replace: Span =
    typing && start !== undefined ? { start, end: start + typing.keyword.length } : { start: offset, end: offset };
  const depth = path.statements.length - (typing ? 1 : 0);
  const parent = decls[depth - 1];
  if (depth > 0 && !parent) return [];
  const context = parent ? contextInside(parent) : "file";
  if (context === undefined) return [];
  // If arguments exist, only the keyword is replaced.
  const bare = typing !== undefined && (typing.args.length > 0 || typing.block !== undefined);
  const present = new Set(
    (parent?.children ?? []).filter((one) => statementOf(one) !== typing).map(({ spec }) => spec),
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
    detail: translated(spec.summary),
    documentation: keywordDocumentation(spec),
    insert: text,
    snippet: text.includes("$"),
    replace,
    more,
    commit: text.includes("$") ? [] : [" "],
  };
}

/** Lines of a paragraph or of a list item are joined; list items stay on separate lines. */
export function keywordDocumentation(spec: KeywordSpec): string {
  const otherwise = spec.default === undefined ? "" : `\n\n${t`Default: ${translated(spec.default)}`}`;
  return `${translated(spec.documentation).replace(/([^\n])\n(?!\n|- ) */g, "$1 ")}${otherwise}`;
}

/** The keyword with its required parts. If the only part is a value to choose from a list, its tab stop is empty. */
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

/** Whether a block is usual: a node is seldom written without one, a pod often is. */
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
    case "icmp-type":
    case "routing-table":
    case "mark":
    case "mss":
      return true;
    case "name":
    case "mac":
    case "index-range":
      return false;
  }
}

function placeholder({ name, type }: ArgSpec): string {
  switch (type.kind) {
    case "index-range":
      return "1..3";
    case "mac":
      return "02:00:00:00:00:01";
    case "ports":
      return type.protocol ? "80/tcp" : "80";
    case "number":
      return name === "replicas" ? "2" : String(type.min);
    case "icmp-type":
      return "3/4";
    case "routing-table":
      return "100";
    case "mark":
      return "0x100";
    case "mss":
      return "to-pmtu";
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
