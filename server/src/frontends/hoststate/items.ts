/** The items of JSON output, each with its span. A truncated or damaged text yields the items before the damage. */

import { isRecord, type JsonRecord } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";

export interface Item {
  readonly record: JsonRecord;
  readonly span: Span;
}

export interface Items {
  readonly items: readonly Item[];
  /** Where the text ends too early, or is not JSON. */
  readonly damage: Span | undefined;
  /** The offset after the last value. */
  readonly end: number;
}

/** `start`: the offset of a bracket. The items of an array; a single object is an item. */
export function itemsAt(text: string, start: number): Items {
  if (text[start] !== "[") {
    const end = endOfValue(text, start);
    const record = end === undefined ? undefined : recordOf(text.slice(start, end));
    return record === undefined || end === undefined
      ? { items: [], damage: { start, end: text.length }, end: text.length }
      : { items: [{ record, span: { start, end } }], damage: undefined, end };
  }
  const items: Item[] = [];
  let at = skipBlanks(text, start + 1);
  while (at < text.length && text[at] !== "]") {
    const end = endOfValue(text, at);
    if (end === undefined) return { items, damage: { start: at, end: text.length }, end: text.length };
    const record = recordOf(text.slice(at, end));
    // Old versions of iproute2 print empty objects for entries that a filter excludes.
    if (record && Object.keys(record).length > 0) items.push({ record, span: { start: at, end } });
    else if (!record && text[at] === "{") return { items, damage: { start: at, end }, end };
    at = skipBlanks(text, end);
    if (text[at] === ",") at = skipBlanks(text, at + 1);
    else if (text[at] !== "]") break;
  }
  if (text[at] === "]") return { items, damage: undefined, end: at + 1 };
  return { items, damage: { start: Math.min(at, text.length - 1), end: text.length }, end: text.length };
}

function recordOf(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function skipBlanks(text: string, start: number): number {
  let at = start;
  while (at < text.length && " \t\n\r\ufeff".includes(text[at] ?? "")) at += 1;
  return at;
}

/** The end of the value at an offset; undefined if the text ends first. */
function endOfValue(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    switch (text[at]) {
      case '"': {
        const end = endOfString(text, at);
        if (end === undefined) return undefined;
        at = end - 1;
        break;
      }
      case "{":
      case "[":
        depth += 1;
        continue;
      case "}":
      case "]":
        if (depth === 0) return at;
        depth -= 1;
        break;
      case ",":
        if (depth === 0) return at;
        continue;
      default:
        continue;
    }
    if (depth === 0) return at + 1;
  }
  return undefined;
}

function endOfString(text: string, start: number): number | undefined {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return undefined;
}
