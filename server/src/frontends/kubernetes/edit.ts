/**
 * The smallest edits of YAML and JSON text that change a field. Everything around it, including comments and the order of
 * fields, is unchanged.
 */
import { stringify } from "yaml";
import type { TextEdit } from "../../text/edit.ts";
import type { Json } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";

/** Replaces a scalar, in its own quotes. Undefined if the new text needs other quotes than the old one has. */
export function replacedScalar(text: string, { start, end }: Span, value: string): TextEdit | undefined {
  const quote = text[start];
  if (quote === '"') return { start, end, text: JSON.stringify(value) };
  if (quote === "'") return { start, end, text: `'${value.replaceAll("'", "''")}'` };
  if (quote === "|" || quote === ">" || quote === "{" || quote === "[") return undefined;
  const isNumber = /^-?\d+$/.test(text.slice(start, end));
  return { start, end, text: isNumber && /^\d+$/.test(value) ? value : plainScalar(value) };
}

/** Quoted only if the plain text is a different value. */
function plainScalar(value: string): string {
  return stringify(value, { version: "1.1", lineWidth: 0 }).trimEnd();
}

/** Adds an item after the last one. `list`: the span of the list; `last`: of its last item; undefined if it is empty. */
export function appendedItem(text: string, list: Span, last: Span | undefined, item: Json): TextEdit | undefined {
  if (text[list.start] === "[") {
    const flow = flowText(item, isJson(text));
    if (last) return { start: last.end, end: last.end, text: `, ${flow}` };
    const close = text.indexOf("]", list.start);
    return close < 0 ? undefined : { start: list.start + 1, end: close, text: flow };
  }
  if (!last) return undefined;
  const at = endOfBlock(text, last);
  const indent = " ".repeat(columnOf(text, list.start));
  const lines = blockText(item).split("\n");
  const shown = lines.map((line, index) => `${indent}${index === 0 ? "- " : "  "}${line}`).join("\n");
  return { start: at, end: at, text: `\n${shown}` };
}

/** Adds a field after the others. `map`: the span of the object. */
export function addedField(text: string, map: Span, key: string, value: Json): TextEdit | undefined {
  if (text[map.start] === "{") {
    const at = text.slice(0, map.end).lastIndexOf("}");
    const isEmpty = text.slice(map.start + 1, at).trim() === "";
    const before = text.slice(0, at).trimEnd().length;
    const json = isJson(text);
    const field = `${json ? JSON.stringify(key) : key}: ${flowText(value, json)}`;
    return { start: before, end: at, text: `${isEmpty ? "" : ", "}${field}${json ? " " : ""}` };
  }
  const at = endOfBlock(text, map);
  const indent = " ".repeat(columnOf(text, map.start));
  const lines = stringify({ [key]: value }, { version: "1.1", lineWidth: 0 })
    .trimEnd()
    .split("\n");
  return { start: at, end: at, text: lines.map((line) => `\n${indent}${line}`).join("") };
}

/** Removes an item of a list that has others. `next`: the span of the next item; undefined for the last one. */
export function removedItem(text: string, list: Span, item: Span, next: Span | undefined): TextEdit | undefined {
  if (text[list.start] === "[") {
    if (next) return { start: item.start, end: next.start, text: "" };
    const comma = text.lastIndexOf(",", item.start);
    return comma < list.start ? undefined : { start: comma, end: item.end, text: "" };
  }
  const dash = text.lastIndexOf("-", item.start);
  const start = text.lastIndexOf("\n", dash) + 1;
  if (text.slice(start, dash).trim() !== "") return undefined;
  const end = next ? text.lastIndexOf("\n", text.lastIndexOf("-", next.start)) + 1 : endOfBlock(text, item) + 1;
  return { start, end: Math.min(end, text.length), text: "" };
}

function isJson(text: string): boolean {
  return /^\s*[[{]/.test(text);
}

function flowText(value: Json, json: boolean): string {
  if (json) return JSON.stringify(value);
  return stringify(value, {
    version: "1.1",
    collectionStyle: "flow",
    flowCollectionPadding: false,
    lineWidth: 0,
  }).trimEnd();
}

function blockText(value: Json): string {
  return stringify(value, { version: "1.1", lineWidth: 0 }).trimEnd();
}

/** The end of the last line of a block; its span can include blank lines and comments after it. */
function endOfBlock(text: string, { start, end }: Span): number {
  let last = end;
  while (last > start && /\s/.test(text[last - 1] ?? "")) last -= 1;
  const line = text.indexOf("\n", last);
  // A comment after the last value.
  return line < 0 ? text.length : text.slice(last, line).trimStart().startsWith("#") ? line : last;
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}
