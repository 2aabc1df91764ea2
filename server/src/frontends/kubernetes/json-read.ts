/** The values of JSON text: one value, several in succession, and the complete items of a list that was cut off. */
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import type { Json, JsonRecord, Path } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";
import { type JsonFault, jsonCheck } from "./json-fault.ts";
import { elements, endOf, jsonSpan, memberAt, skipSpace } from "./json-span.ts";
import { duplicateKey, hasSecret, type Reading, type Root, truncatedAt } from "./reading.ts";

/** Texts up to this length are checked for duplicate keys, which JSON.parse ignores. kubectl never writes them. */
const CHECKED = 1 << 20;

/** Undefined if the text is not JSON; YAML can also start with a bracket. */
export function readJson(file: string, text: string, start: number, end: number): Reading | undefined {
  const whole = parsed(text.slice(start, end));
  if (whole !== undefined) {
    const problems = end - start > CHECKED ? [] : duplicates(file, text, start, end);
    return { roots: [rootAt(text, start, whole)], problems };
  }
  if (!/^(?:\{\s*(?:["}]|$)|\[\s*(?:["{[\]]|$))/.test(text.slice(start, start + 10_000))) return undefined;
  const roots: Root[] = [];
  const problems: FileProblem[] = [];
  const hidden: Span[] = [];
  for (let at = start; at < end; ) {
    const stop = Math.min(endOf(text, at), end);
    const value = parsed(text.slice(at, stop));
    if (value !== undefined) roots.push(rootAt(text, at, value));
    else {
      const found = recovered(file, text, at, stop);
      roots.push(...found.roots);
      problems.push(...found.problems);
      hidden.push(...(found.hidden ?? []));
    }
    const next = skipSpace(text, stop);
    // YAML documents in the notation of JSON.
    if (text.startsWith("---", next)) return undefined;
    // Text between values that is not a value ends the reading.
    if (next < end && !/[{[]/.test(text[next] ?? "")) {
      problems.push(...faultOf(file, next, jsonCheck(text, next, end).fault));
      break;
    }
    at = next;
  }
  return { roots, problems, hidden };
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function duplicates(file: string, text: string, start: number, end: number): readonly FileProblem[] {
  return jsonCheck(text, start, end).duplicates.map(({ key, span, first }) => duplicateKey(file, key, span, first));
}

function faultOf(file: string, start: number, fault: JsonFault | undefined): readonly FileProblem[] {
  if (!fault) return [];
  const at = Math.max(start, fault.at);
  return fault.truncated
    ? [truncatedAt(file, at)]
    : [problemInText("KN802", file, { start: at, end: at + 1 }, { error: fault.error })];
}

/** The offsets of the items of a list are computed once: a dump has thousands. */
function rootAt(text: string, start: number, value: Json): Root {
  const starts = new Map<string, readonly number[]>();
  const startsOf = (path: Path): readonly number[] => {
    const key = JSON.stringify(path);
    const known = starts.get(key);
    if (known) return known;
    const list = jsonSpan(text, path, start);
    const found = list ? [...elements(text, list.start)].map((one) => one.start) : [];
    starts.set(key, found);
    return found;
  };
  return {
    value,
    locate: (path) => {
      const length = path[0] === "items" && typeof path[1] === "number" ? 2 : typeof path[0] === "number" ? 1 : 0;
      const index = length === 0 ? undefined : path[length - 1];
      if (typeof index !== "number") return jsonSpan(text, path, start);
      const item = startsOf(path.slice(0, length - 1))[index];
      return item === undefined ? undefined : jsonSpan(text, path.slice(length), item);
    },
  };
}

/** The items of a list that JSON.parse accepts one by one. */
function recovered(file: string, text: string, start: number, end: number): Reading {
  const list = text[start] === "[" ? start : memberAt(text, start, "items");
  if (list === undefined || text[list] !== "[") {
    const hidden = hasSecret(text.slice(start, end)) ? [{ start, end }] : [];
    return { roots: [], problems: faultOf(file, start, jsonCheck(text, start, end).fault), hidden };
  }
  const items: Json[] = [];
  const spans: Span[] = [];
  const problems: FileProblem[] = [];
  const hidden: Span[] = [];
  const isSecrets = hasSecret(text.slice(start, list));
  let last = list + 1;
  for (const { complete, ...span } of elements(text, list)) {
    last = span.end;
    const value = complete ? parsed(text.slice(span.start, span.end)) : undefined;
    if (value !== undefined) {
      items.push(value);
      spans.push(span);
      continue;
    }
    if (isSecrets || hasSecret(text.slice(span.start, span.end))) hidden.push(span);
    if (complete && problems.length < MOST_PROBLEMS)
      problems.push(...faultOf(file, span.start, jsonCheck(text, span.start, span.end).fault));
  }
  const isCut = endOf(text, list) >= end;
  if (isCut) problems.push(truncatedAt(file, end));
  else if (problems.length === 0) problems.push(...faultOf(file, start, jsonCheck(text, start, end).fault));
  const header =
    text[start] === "["
      ? undefined
      : headerOf(text.slice(start, list), isCut ? "" : text.slice(endOf(text, list), end));
  const locate: Root["locate"] = (path) => {
    const at = text[start] === "[" ? 0 : 1;
    const index = path[at];
    const span = typeof index === "number" ? spans[index] : undefined;
    return span ? jsonSpan(text, path.slice(at + 1), span.start) : { start, end: Math.max(last, start + 1) };
  };
  return { roots: [{ value: header ? { ...header, items } : items, locate }], problems, hidden };
}

const MOST_PROBLEMS = 20;

/** The fields around the items. */
function headerOf(before: string, after: string): JsonRecord {
  const complete = parsed(`${before}[]${after}`) ?? parsed(`${before}[]}`);
  return typeof complete === "object" && complete !== null && !Array.isArray(complete) ? (complete as JsonRecord) : {};
}
