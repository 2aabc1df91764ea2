/** Positions in JSON text, found only when a finding is shown: a large dump is parsed by JSON.parse, which has no positions. */
import type { Span } from "../../text/span.ts";
import type { Path } from "./json.ts";

/** Span of the value at a path of valid JSON text; undefined if the path does not exist. */
export function jsonSpan(text: string, path: Path): Span | undefined {
  let at = skipSpace(text, 0);
  for (const key of path) {
    const next = typeof key === "number" ? itemAt(text, at, key) : memberAt(text, at, key);
    if (next === undefined) return undefined;
    at = next;
  }
  return { start: at, end: endOf(text, at) };
}

function memberAt(text: string, start: number, key: string): number | undefined {
  if (text[start] !== "{") return undefined;
  let at = skipSpace(text, start + 1);
  while (text[at] === '"') {
    const end = endOf(text, at);
    const name: unknown = JSON.parse(text.slice(at, end));
    const value = skipSpace(text, skipSpace(text, end) + 1);
    if (name === key) return value;
    at = skipSpace(text, endOf(text, value));
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return undefined;
}

function itemAt(text: string, start: number, index: number): number | undefined {
  if (text[start] !== "[") return undefined;
  let at = skipSpace(text, start + 1);
  for (let left = index; text[at] !== "]" && at < text.length; left -= 1) {
    if (left === 0) return at;
    at = skipSpace(text, endOf(text, at));
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return undefined;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && " \t\n\r".includes(text[at] ?? "")) at += 1;
  return at;
}

/** The end of the value that starts at an offset. */
function endOf(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    switch (text[at]) {
      case '"':
        at = endOfString(text, at) - 1;
        break;
      case "{":
      case "[":
        depth += 1;
        continue;
      case "}":
      case "]":
        depth -= 1;
        break;
      case ",":
      case " ":
      case "\n":
      case "\r":
      case "\t":
        // A scalar ends before its separator.
        if (depth === 0) return at;
        continue;
      default:
        continue;
    }
    if (depth < 0) return at;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}
