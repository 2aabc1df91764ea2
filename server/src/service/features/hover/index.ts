/** What one sees on pointing at something: what it is, what it means, and what the kernel holds because of it. */

import { type ArgSpec, type FlagSpec, isFlag, type KeywordSpec } from "../../../language/schema/index.ts";
import type { Span, StatementPart } from "../../../language/tree.ts";
import { plural } from "../../../text/words.ts";
import type { Analysis } from "../../analysis.ts";
import { keywordDocumentation } from "../completion/keywords.ts";
import { code, paragraphs } from "../markdown.ts";
import { isSamePart, targetAt } from "../navigation.ts";
import { type Place, placeAt, pointedAt, readAt } from "../place.ts";
import { type NameLink, symbolsOf } from "../symbols.ts";
import { made } from "./made.ts";
import { portText } from "./ports.ts";
import { symbolText } from "./symbols.ts";
import { valueText } from "./values.ts";

export interface Hover {
  readonly span: Span;
  readonly markdown: string;
}

/** Of these every value says what the line does. */
const WHOLE_LINES: ReadonlySet<string> = new Set([
  "route",
  "backend",
  "cni",
  "masquerade",
  "port-forward",
  "answers",
  "listen",
  "path",
  "default-backend",
  "host",
]);

export function hoverAt(analysis: Analysis, file: string, offset: number): Hover | undefined {
  const place = placeAt(analysis, file, offset);
  const pointed = place && pointedAt(place);
  if (!place || !pointed?.decl.spec) return undefined;
  const { spec } = pointed.decl;
  if (pointed.part === "keyword") {
    return { span: pointed.span, markdown: paragraphs(keywordText(spec), made(analysis, place, pointed)) };
  }
  const target = targetAt(analysis, file, offset);
  const symbol = target?.symbols[0];
  const found = readAt(pointed.decl, pointed.part);
  // A DNS name is told of as a whole, with what it is answered with.
  if (target && symbol && !target.dns) {
    const text =
      target.symbols.length > 1 && symbol.kind !== "namespace"
        ? `${plural(target.symbols.length, "declaration")} of this name`
        : "";
    const use = pointed.arg.kind === "word" || pointed.arg.kind === "string" ? pointed.arg.text : undefined;
    return { span: target.span, markdown: paragraphs(symbolText(analysis, symbol, use), text) };
  }
  const value = found?.read.value;
  const named =
    value?.kind === "endpoint" && value.port !== undefined ? endOf(analysis, place, pointed.part) : undefined;
  if (named && value?.kind === "endpoint") {
    const start = pointed.span.start + named.span.start + named.written.length + 1;
    return { span: { start, end: pointed.span.end }, markdown: portText(analysis, named, value) };
  }
  if (found) {
    const markdown = paragraphs(
      valueText(analysis, found.read.value, found.spec),
      argumentText(found.spec, spec),
      WHOLE_LINES.has(spec.keyword) ? made(analysis, place, pointed) : "",
    );
    return { span: pointed.span, markdown };
  }
  const literal = spec.args.find((arg) => (isFlag(arg) ? arg.name : arg.after)?.split(" ").includes(pointed.arg.text));
  return literal && { span: pointed.span, markdown: paragraphs(code(pointed.arg.text), argumentText(literal, spec)) };
}

/** What the last part of an end's path names; a DNS name is told of as a whole. */
function endOf(analysis: Analysis, place: Place, part: StatementPart): NameLink | undefined {
  const table = symbolsOf(analysis);
  const links = table
    .usesIn(place.file.file, place.decls)
    .filter((use) => isSamePart(use.source.part, part))
    .flatMap((use) => table.linksOf(use).filter(({ segment }) => segment === use.path.length - 1));
  return links.find(({ dns }) => !dns);
}

function keywordText(spec: KeywordSpec): string {
  return paragraphs(`**${spec.keyword}** · ${spec.summary}`, keywordDocumentation(spec));
}

function argumentText(arg: ArgSpec | FlagSpec, spec: KeywordSpec): string {
  const otherwise = isFlag(arg) || arg.default === undefined ? "" : `\n\nDefault: ${arg.default}`;
  return `${arg.summary} (${code(spec.keyword)})${otherwise}`;
}
