/** Hovers: the object under the cursor, its documentation, and the resulting kernel state. */

import type { Part } from "../../../declared/handle.ts";
import { type ArgSpec, type FlagSpec, isFlag, type KeywordSpec } from "../../../declared/schema/index.ts";
import { plural } from "../../../text/format.ts";
import { t, translated } from "../../../text/l10n.ts";
import type { Span } from "../../../text/span.ts";
import type { Analysis } from "../../analysis.ts";
import { keywordDocumentation } from "../completion/keywords.ts";
import { code, paragraphs } from "../markdown.ts";
import { isSamePart, targetAt } from "../navigation.ts";
import { type Place, placeAt, pointedAt, readAt } from "../place.ts";
import type { NameLink } from "../symbol.ts";
import { symbolsOf } from "../symbols.ts";
import { made } from "./made.ts";
import { portText } from "./ports.ts";
import { symbolText } from "./symbols.ts";
import { valueText } from "./values.ts";

export interface Hover {
  readonly span: Span;
  readonly markdown: string;
}

/** Statements whose values also show the effect of the whole statement. */
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
  // A DNS name is described as a whole, with the addresses that it resolves to.
  if (target && symbol && !target.dns) {
    const text =
      target.symbols.length > 1 && symbol.kind !== "namespace"
        ? t`${plural(target.symbols.length, "declaration")} of this name`
        : "";
    return { span: target.span, markdown: paragraphs(symbolText(analysis, symbol, pointed.text), text) };
  }
  const value = found?.read.value;
  const named =
    value?.kind === "endpoint" && value.port !== undefined ? endOf(analysis, place, pointed.part) : undefined;
  if (named && value?.kind === "endpoint") {
    const start = pointed.inner.start + named.span.start + named.written.length + 1;
    return { span: { start, end: pointed.inner.end }, markdown: portText(analysis, named, value) };
  }
  if (found) {
    const markdown = paragraphs(
      valueText(analysis, found.read.value, found.spec),
      argumentText(found.spec, spec),
      WHOLE_LINES.has(spec.keyword) ? made(analysis, place, pointed) : "",
    );
    return { span: pointed.span, markdown };
  }
  const literal = spec.args.find((arg) => (isFlag(arg) ? arg.name : arg.after)?.split(" ").includes(pointed.text));
  return literal && { span: pointed.span, markdown: paragraphs(code(pointed.text), argumentText(literal, spec)) };
}

/** The symbol of the last part of an endpoint's path; undefined for a DNS name, which is described as a whole. */
function endOf(analysis: Analysis, place: Place, part: Part): NameLink | undefined {
  const table = symbolsOf(analysis);
  const links = table
    .usesIn(place.file.file, place.decls)
    .filter((use) => isSamePart(use.source.part, part))
    .flatMap((use) => table.linksOf(use).filter(({ segment }) => segment === use.path.length - 1));
  return links.find(({ dns }) => !dns);
}

function keywordText(spec: KeywordSpec): string {
  return paragraphs(`**${spec.keyword}** · ${translated(spec.summary)}`, keywordDocumentation(spec));
}

function argumentText(arg: ArgSpec | FlagSpec, spec: KeywordSpec): string {
  const otherwise = isFlag(arg) || arg.default === undefined ? "" : `\n\n${t`Default: ${translated(arg.default)}`}`;
  return `${translated(arg.summary)} (${code(spec.keyword)})${otherwise}`;
}
