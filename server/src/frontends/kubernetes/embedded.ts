/** Positions in documents inside of strings: net-conf.json in a ConfigMap, a JSON list in an annotation. */
import { isNode, parseDocument } from "yaml";
import { at, type Json, type Path } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";

type Locate = (path: Path) => Span | undefined;

/**
 * A path can continue inside of a string that is YAML or JSON: the field of the inner document is then located in the
 * text. Undefined if the string is written in a form whose positions cannot be computed, such as a folded scalar.
 */
export function locatingEmbedded(text: string, value: Json, locate: Locate): Locate {
  return (path) => locate(path) ?? embeddedSpan(text, value, locate, path);
}

function embeddedSpan(text: string, value: Json, locate: Locate, path: Path): Span | undefined {
  for (let length = path.length - 1; length > 0; length -= 1) {
    const outer = path.slice(0, length);
    const found = at(value, ...outer);
    if (found === undefined) continue;
    if (typeof found !== "string") return undefined;
    const place = locate(outer);
    const inner = place && innerSpan(found, path.slice(length));
    const offsets = inner && offsetsOf(text, place, found);
    const start = inner && offsets?.(inner.start);
    const end = inner && offsets?.(inner.end);
    return start === undefined || end === undefined ? undefined : { start, end };
  }
  return undefined;
}

function innerSpan(content: string, path: Path): Span | undefined {
  const node: unknown = parseDocument(content, { uniqueKeys: false, logLevel: "silent" }).getIn(path, true);
  if (!isNode(node) || !node.range) return undefined;
  const [start, end] = node.range;
  return { start, end };
}

/** The header of a folded block scalar before its first line. */
const FOLDED = />[-+\d]*[ \t]*(?:#[^\n]*)?\r?\n[ \t]*$/;
const LONGEST_HEADER = 200;

/** From an offset in the content of a scalar to the offset in the text of the file. */
type Offsets = (offset: number) => number | undefined;

function offsetsOf(text: string, place: Span, content: string): Offsets | undefined {
  const raw = text.slice(place.start, place.end);
  const before = text[place.start - 1];
  if (/^[|>]/.test(raw))
    return raw.startsWith("|") ? blockOffsets(text, place, raw.indexOf("\n") + 1, content) : undefined;
  if (raw.startsWith('"')) return escapedOffsets(raw, place.start, 1, content);
  if (raw.startsWith("'")) return quotedOffsets(raw, place.start, 1, content);
  if (before === '"') return escapedOffsets(raw, place.start, 0, content);
  // Without the header of the block, as an event parser reports it.
  if (FOLDED.test(text.slice(Math.max(0, place.start - LONGEST_HEADER), place.start))) return undefined;
  if (raw.includes("\n")) return blockOffsets(text, place, 0, content);
  return raw === content ? (offset) => place.start + offset : undefined;
}

/** A literal block scalar: its lines are the lines of the content, indented. `header`: where the first line starts. */
function blockOffsets(text: string, place: Span, header: number, content: string): Offsets | undefined {
  const lines = content.split("\n");
  const starts: number[] = [];
  let start = place.start + header;
  if (text[start - 1] !== "\n") start = text.lastIndexOf("\n", start - 1) + 1;
  for (const line of lines) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const written = text.slice(start, end).replace(/\r$/, "");
    // An empty line needs no indentation.
    if (line.trim() !== "" && !written.endsWith(line)) return undefined;
    starts.push(start + Math.max(0, written.length - line.length));
    start = end + 1;
  }
  return (offset) => {
    const row = content.slice(0, offset).split("\n").length - 1;
    const column = offset - (content.lastIndexOf("\n", offset - 1) + 1);
    const first = starts[row];
    return first === undefined ? undefined : first + column;
  };
}

/** JSON, and YAML in double quotes on one line. */
function escapedOffsets(raw: string, base: number, from: number, content: string): Offsets | undefined {
  const SINGLE = '"\\/bfnrt';
  const places: number[] = [];
  let index = from;
  while (places.length < content.length) {
    const char = raw[index];
    if (char === undefined || char === "\n") return undefined;
    places.push(base + index);
    const next = raw[index + 1] ?? "";
    if (char !== "\\") index += 1;
    else if (next === "u") index += 6;
    else if (SINGLE.includes(next)) index += 2;
    else return undefined;
  }
  places.push(base + index);
  return (offset) => places[offset];
}

/** YAML in single quotes on one line. */
function quotedOffsets(raw: string, base: number, from: number, content: string): Offsets | undefined {
  const places: number[] = [];
  let index = from;
  while (places.length < content.length) {
    if (raw[index] === undefined || raw[index] === "\n") return undefined;
    places.push(base + index);
    index += raw[index] === "'" ? 2 : 1;
  }
  places.push(base + index);
  return (offset) => places[offset];
}
