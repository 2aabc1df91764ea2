/** Positions in JSON text, found only when a finding is shown: a large dump is parsed by JSON.parse, which has no positions. */

import type { Path } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;

/** Span of the value at a path from the value at `from`; undefined if the path does not exist. */
export function jsonSpan(text: string, path: Path, from = 0): Span | undefined {
  let at = skipSpace(text, from);
  for (const key of path) {
    const next = typeof key === "number" ? itemAt(text, at, key) : memberAt(text, at, key);
    if (next === undefined) return undefined;
    at = next;
  }
  const end = endOf(text, at);
  return end > at ? { start: at, end } : undefined;
}

/** The start of a member's value in the map at an offset; the last one of several, which JSON.parse uses. */
export function memberAt(text: string, start: number, key: string): number | undefined {
  let found: number | undefined;
  for (const { name, value } of members(text, start)) if (name === key) found = value;
  return found;
}

/** The members of the map at an offset; also of a map that ends too early. */
export function* members(
  text: string,
  start: number,
): Generator<{ readonly name: string; readonly key: Span; readonly value: number }> {
  if (text.charCodeAt(start) !== OPEN_MAP) return;
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const end = endOfString(text, at);
    const value = skipSpace(text, skipSpace(text, end) + 1);
    if (value >= text.length) return;
    yield { name: unquoted(text.slice(at, end)), key: { start: at, end }, value };
    at = skipSpace(text, endOf(text, value));
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
}

/** Most keys have no escapes. An invalid one is itself. */
function unquoted(text: string): string {
  const inner = text.slice(1, -1);
  if (!inner.includes("\\")) return inner;
  try {
    return String(JSON.parse(text));
  } catch {
    return inner;
  }
}

function itemAt(text: string, start: number, index: number): number | undefined {
  let left = index;
  for (const { start: item } of elements(text, start)) if (left-- === 0) return item;
  return undefined;
}

/** An item of a list. */
export interface Element extends Span {
  /** Whether the text continues after it; otherwise the item can be incomplete. */
  readonly complete: boolean;
}

/** The items of the list at an offset; also of a list that ends too early. */
export function* elements(text: string, start: number): Generator<Element> {
  if (text.charCodeAt(start) !== OPEN_LIST) return;
  let at = skipSpace(text, start + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_LIST) {
    const end = endOf(text, at);
    const next = skipSpace(text, end);
    if (end > at) yield { start: at, end, complete: next < text.length };
    if (next >= text.length) return;
    const isComma = text.charCodeAt(next) === COMMA;
    // A character that cannot be here ends nothing: continue after it.
    at = skipSpace(text, isComma || next === at ? next + 1 : next);
  }
}

/** The first offset that is not white space. */
export function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** The end of the value that starts at an offset; the length of the text if the value does not end. */
export function endOf(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return endOfString(text, start);
  if (first !== OPEN_MAP && first !== OPEN_LIST) {
    let at = start;
    while (at < text.length && !isEnd(text.charCodeAt(at))) at += 1;
    return at;
  }
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (code === OPEN_MAP || code === OPEN_LIST) depth += 1;
    else if (code === CLOSE_MAP || code === CLOSE_LIST) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

function isEnd(code: number): boolean {
  return isSpace(code) || code === COMMA || code === CLOSE_MAP || code === CLOSE_LIST;
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}
