/** What one sees on pointing at something: what it is, what it means, and what the kernel holds because of it. */
import { plural } from "../../../checks/text.ts";
import { type ArgSpec, type FlagSpec, isFlag, type KeywordSpec } from "../../../language/schema/index.ts";
import type { Span } from "../../../language/tree.ts";
import type { Analysis } from "../../analysis.ts";
import { keywordDocumentation } from "../completion/keywords.ts";
import { code, paragraphs } from "../markdown.ts";
import { targetAt } from "../navigation.ts";
import { placeAt, pointedAt, readAt } from "../place.ts";
import { made } from "./made.ts";
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

function keywordText(spec: KeywordSpec): string {
  return paragraphs(`**${spec.keyword}** · ${spec.summary}`, keywordDocumentation(spec));
}

function argumentText(arg: ArgSpec | FlagSpec, spec: KeywordSpec): string {
  const otherwise = isFlag(arg) || arg.default === undefined ? "" : `\n\nDefault: ${arg.default}`;
  return `${arg.summary} (${code(spec.keyword)})${otherwise}`;
}
