/**
 * A second front end, for tests of everything above the front ends: declarations as JSON, read by the schema.
 *
 *     [{ "segment": { "name": "lan" }, "block": [{ "cidr": { "prefixes": ["10.0.0.0/24"] } }] }]
 */

import { isMap, isScalar, isSeq, type Pair, parseDocument, type Scalar, type YAMLMap } from "yaml";
import { contextInside } from "../../../server/src/declared/access.ts";
import { withBlock } from "../../../server/src/declared/block.ts";
import type { Decl, DeclProblem } from "../../../server/src/declared/decl.ts";
import type { Document, Point } from "../../../server/src/declared/document.ts";
import type { FrontEnd } from "../../../server/src/declared/front-end.ts";
import type { Handle, Part } from "../../../server/src/declared/handle.ts";
import { fileOrigin } from "../../../server/src/declared/navigate.ts";
import { readValue, unreadProblem } from "../../../server/src/declared/reading.ts";
import { type Context, isFlag, type KeywordSpec, specFor } from "../../../server/src/declared/schema/index.ts";
import type { Read } from "../../../server/src/declared/values.ts";
import { backwards, editedText } from "../../../server/src/text/edit.ts";
import type { Span } from "../../../server/src/text/span.ts";

export const toyFrontEnd: FrontEnd = { name: "toy", accepts: (file) => file.endsWith(".json"), read: toyDocument };

/* ------------------------------------------------------------------ reading */

const keyOf = (map: YAMLMap): Scalar => map.items[0]?.key as Scalar;

/** The values in text order; their indexes are the parts of the declaration. */
function scalarsOf(map: YAMLMap): readonly { readonly name: string; readonly value: Scalar }[] {
  const { value: args } = map.items[0] as Pair;
  if (!isMap(args)) return [];
  return args.items.flatMap(({ key, value }) =>
    (isSeq(value) ? value.items : [value])
      .filter(isScalar)
      .map((one) => ({ name: String((key as Scalar).value), value: one })),
  );
}

function readsOf(map: YAMLMap, spec: KeywordSpec, problems: DeclProblem[]): readonly Read[] {
  return scalarsOf(map).flatMap(({ name, value: scalar }, index): Read | readonly never[] => {
    const arg = spec.args.find((one) => one.name === name);
    const text = String(scalar.value);
    if (arg === undefined) {
      problems.push({ code: "KN005", part: index, data: { keyword: spec.keyword, text: name } });
      return [];
    }
    if (isFlag(arg)) return { name, value: { kind: "flag" }, text, index, item: undefined };
    const value = readValue(arg.type, text);
    if (value.kind !== "unread") return { name, value, text, index, item: undefined };
    problems.push(unreadProblem(spec, arg, index, value));
    return value.value === undefined ? [] : { name, value: value.value, text, index, item: undefined };
  });
}

function declOf(map: YAMLMap, context: Context): Decl {
  const spec = specFor(context, String(keyOf(map).value));
  const problems: DeclProblem[] = [];
  const values = spec ? readsOf(map, spec, problems) : [];
  const block = map.get("block");
  const inside = contextInside({ spec, values });
  const children = inside !== undefined && isSeq(block) ? declsIn(block.items, inside) : [];
  return withBlock({ handle: map as object as Handle, spec, values, children, block: isSeq(block), problems });
}

function declsIn(items: readonly unknown[], context: Context): readonly Decl[] {
  return items.filter((item) => isMap(item)).map((item) => declOf(item, context));
}

/* ---------------------------------------------------------------- locations */

const mapOf = (decl: Decl): YAMLMap => decl.handle as object as YAMLMap;

function rangeOf(decl: Decl, part: Part): Span | undefined {
  const map = mapOf(decl);
  const node = part === "whole" ? map : part === "keyword" ? keyOf(map) : scalarsOf(map)[Number(part)]?.value;
  return node?.range ? { start: node.range[0], end: node.range[1] } : undefined;
}

function inQuotes(text: string, { start, end }: Span): Span {
  return text[start] === '"' ? { start: start + 1, end: end - 1 } : { start, end };
}

function pointIn(text: string, level: readonly Decl[], offset: number): Point {
  const touches = (span: Span | undefined): boolean => !!span && span.start <= offset && offset <= span.end;
  const decl = level.find((one) => touches(rangeOf(one, "whole")));
  if (!decl) return { decls: [], token: undefined };
  const { decls, token } = pointIn(text, decl.children, offset);
  if (decls.length > 0) return { decls: [decl, ...decls], token };
  const parts: readonly Part[] = ["keyword", ...scalarsOf(mapOf(decl)).keys()];
  const part = parts.find((one) => touches(rangeOf(decl, one)));
  const span = part === undefined ? undefined : rangeOf(decl, part);
  if (part === undefined || !span) return { decls: [decl], token: undefined };
  const inner = inQuotes(text, span);
  return { decls: [decl], token: { part, span, inner, text: text.slice(inner.start, inner.end) } };
}

function toyDocument(file: string, text: string): Document {
  const { contents, errors } = parseDocument(text, { schema: "json" });
  const decls = isSeq(contents) ? declsIn(contents.items, "file") : [];
  return {
    file,
    language: "toy",
    text,
    decls,
    faults: () =>
      // The first one: the rest are consequences.
      errors.slice(0, 1).map(({ pos: [start] }) => ({
        kind: "unexpected-character",
        text: text[start] ?? "",
        span: { start, end: start + 1 },
        source: fileOrigin(file),
        repair: undefined,
      })),
    problems: () => [],
    silences: () => [],
    spanOf: ({ decl, part }) => rangeOf(decl, part),
    innerSpanOf({ decl, part }) {
      const span = rangeOf(decl, part);
      return span && inQuotes(text, span);
    },
    pointAt: (offset) => pointIn(text, decls, offset),
    prepare: () => {},
    // Only values: the text of whole declarations and arguments is in the notation of `.knet` files.
    render(change) {
      if (change.kind !== "replace" || typeof change.source.part !== "number") return undefined;
      const span = rangeOf(change.source.decl, change.source.part);
      return span && { ...span, text: JSON.stringify(change.text) };
    },
    edited: (edits) => toyDocument(file, backwards(edits).reduce(editedText, text)),
  };
}

/* ------------------------------------------------------------------ writing */

/** The same declarations as JSON. */
export function toyText(decls: readonly Decl[]): string {
  return JSON.stringify(decls.flatMap(toyOf), null, 2);
}

function toyOf({ spec, values, block, children }: Decl): object | readonly never[] {
  if (!spec) return [];
  const args = new Map<string, (string | true)[]>();
  for (const { name, value, text } of values)
    args.set(name, [...(args.get(name) ?? []), value.kind === "flag" ? true : text]);
  return { [spec.keyword]: Object.fromEntries(args), ...(block ? { block: children.flatMap(toyOf) } : {}) };
}
