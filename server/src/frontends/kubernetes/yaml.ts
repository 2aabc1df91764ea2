/**
 * The values of YAML text. js-yaml's events are fast and stop at the first error: then the part with the error is read by `yaml`, which
 * continues after errors. A large list is read in parts, because the events of the whole text need more memory than its values.
 */
import { isMap, isNode, isPair, isScalar, parseAllDocuments, type Document as YamlDocument } from "yaml";
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import { number } from "../../text/format.ts";
import { isRecord, type Json, type JsonRecord, type Path } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import { duplicateKey, hasSecret, type Reading, type Root, truncatedAt } from "./reading.ts";
import { type Events, MOST_EXPANDED, type Remark, spanAt, yamlEvents, yamlValues } from "./yaml-events.ts";

/** Characters of a list that are read together: their events are garbage before the next part is read. */
const PART = 1 << 17;
/** The longest text that `yaml` reads, at about 1 MB/s, and the longest one that is not read in parts. */
const RECOVERED = 1 << 20;
const MOST_PROBLEMS = 20;

/** The documents between two offsets. Never throws. */
export function readYaml(file: string, text: string, start: number, end: number): Reading {
  const roots: Root[] = [];
  const problems: FileProblem[] = [];
  const hidden: Span[] = [];
  for (const span of documents(text, start, end)) {
    const found = readDocument(file, text, span);
    roots.push(...found.roots);
    if (problems.length < MOST_PROBLEMS) problems.push(...found.problems.slice(0, MOST_PROBLEMS));
    hidden.push(...(found.hidden ?? []));
  }
  return { roots, problems, hidden };
}

/** `---` at the start of a line starts a document, also within a scalar. Parts with only comments and directives are omitted. */
function documents(text: string, start: number, end: number): readonly Span[] {
  const cuts = [start];
  for (let at = text.indexOf("---", start); at >= 0 && at < end; at = text.indexOf("---", at + 3)) {
    const isLine = at === start || text[at - 1] === "\n";
    if (isLine && at > start && /[\s]|^$/.test(text[at + 3] ?? "")) cuts.push(at);
  }
  return cuts.flatMap((from, index) => {
    const span = { start: from, end: cuts[index + 1] ?? end };
    return isEmpty(text, span) ? [] : span;
  });
}

/** Whether there are only comments and directives. */
function isEmpty(text: string, { start, end }: Span): boolean {
  let at = text.startsWith("---", start) ? start + 3 : start;
  for (; at < end; at += 1) {
    const code = text[at] ?? "";
    if (code === "#" || code === "%") {
      const next = text.indexOf("\n", at);
      at = next < 0 ? end : next;
    } else if (code.trim() !== "") return false;
  }
  return true;
}

function readDocument(file: string, text: string, span: Span): Reading {
  const list = span.end - span.start > RECOVERED ? listIn(text, span) : undefined;
  if (list) return readList(file, text, span, list);
  const part = text.slice(span.start, span.end);
  let events: Events;
  try {
    events = yamlEvents(part);
  } catch (error) {
    return failed(file, text, span, error);
  }
  const { roots, remarks } = yamlValues(events);
  const template = remarks.some(({ kind }) => kind === "key") ? templateIn(part) : -1;
  if (template >= 0) return templateAt(file, span.start + template);
  const at = lately(() => yamlEvents(part));
  const isLast = isEmpty(text, { start: span.end, end: text.length });
  const isCut = isLast && roots.length === 1 && roots.every(({ value }) => isCutList(value));
  return {
    roots: roots.map(({ value, event }) => ({
      value: isCut ? withoutLast(value) : value,
      locate: (path) => shifted(spanAt(at(), event, path), span.start),
    })),
    problems: [
      ...remarks.map((one) => problemOf(file, one, span.start)),
      ...(isCut ? [truncatedAt(file, span.end)] : []),
    ],
  };
}

/** Computes a value on first use and keeps it. */
function lately<T extends object>(compute: () => T): () => T {
  let known: T | undefined;
  return () => (known ??= compute());
}

function shifted(span: Span | undefined, by: number): Span | undefined {
  return span && { start: span.start + by, end: span.end + by };
}

function problemOf(file: string, remark: Remark, base: number): FileProblem {
  const span = shifted(remark.span, base) ?? remark.span;
  switch (remark.kind) {
    case "ambiguous":
      return problemInText("KN805", file, span, { text: remark.text, read: remark.read });
    case "duplicate":
      return duplicateKey(file, remark.key, span, shifted(remark.first, base) ?? span);
    case "key":
      return problemInText("KN802", file, span, { error: t`a key must be a string` });
    case "alias":
      return problemInText("KN802", file, span, { error: t`alias \`${remark.name}\` has no earlier anchor` });
    case "expansion":
      return problemInText("KN806", file, span, {
        cause: "limit",
        limit: t`aliases expand to more than ${number(MOST_EXPANDED)} values`,
      });
  }
}

/* ------------------------------------------------------------------ errors */

/** A document with an error: a list item by item, everything else as far as `yaml` reads it. */
function failed(file: string, text: string, span: Span, error: unknown): Reading {
  const part = text.slice(span.start, span.end);
  const template = templateIn(part);
  if (template >= 0) return templateAt(file, span.start + template);
  const list = listIn(text, span);
  if (list && list.items.length > 1) return readList(file, text, span, list);
  const hidden = hasSecret(part) ? [span] : [];
  if (part.length > RECOVERED) return { roots: [], problems: [eventProblem(file, span, error)], hidden };
  return { ...recovered(file, part, span.start), hidden };
}

/** `{{`: a Go template, such as a file below `templates/` of a Helm chart, and not YAML. */
function templateIn(text: string): number {
  return text.indexOf("{{");
}

function templateAt(file: string, at: number): Reading {
  const error = t`Helm template; use the output of \`helm template\``;
  return { roots: [], problems: [problemInText("KN802", file, { start: at, end: at + 2 }, { error })] };
}

/** The position and the reason of a YAMLException; its message quotes the text, which can be secret. */
function eventProblem(file: string, { start, end }: Span, error: unknown): FileProblem {
  const { reason, mark } = error as { readonly reason?: unknown; readonly mark?: { readonly position?: unknown } };
  const position = typeof mark?.position === "number" ? mark.position : 0;
  const at = Math.min(start + position, Math.max(start, end - 1));
  return problemInText(
    "KN802",
    file,
    { start: at, end: at + 1 },
    { error: typeof reason === "string" ? reason : t`not valid YAML` },
  );
}

function recovered(file: string, part: string, base: number): Reading {
  const problems: FileProblem[] = [];
  const roots: Root[] = [];
  const deep = deepAt(part);
  if (deep >= 0) return { roots, problems: [tooDeep(file, base + deep)] };
  let found: readonly YamlDocument[];
  try {
    found = parseAllDocuments(part, { uniqueKeys: false, logLevel: "silent", prettyErrors: false });
  } catch {
    return { roots, problems: [tooDeep(file, base)] };
  }
  for (const document of found) {
    for (const { message, pos } of document.errors.slice(0, MOST_PROBLEMS)) {
      const start = Math.min(pos[0], part.length);
      const end = Math.min(Math.max(pos[1], start + 1), part.length);
      const span = { start: base + start, end: base + Math.max(start, end) };
      // Texts of the file follow the colon.
      problems.push(problemInText("KN802", file, span, { error: message.replace(/: ".*/s, "").split("\n")[0] ?? "" }));
    }
    const value = isNode(document.contents) ? jsonOf(document) : undefined;
    if (value !== undefined) roots.push({ value, locate: (path) => shifted(nodeSpan(document, path), base) });
  }
  return { roots, problems };
}

/** The offset of a bracket inside too many open brackets; -1 without one. `yaml` needs minutes for thousands of levels. */
function deepAt(part: string): number {
  let depth = 0;
  for (let at = 0; at < part.length; at += 1) {
    const code = part.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) depth += 1;
    else if ((code === 0x5d || code === 0x7d) && depth > 0) depth -= 1;
    if (depth > DEEPEST) return at;
  }
  return -1;
}

const DEEPEST = 100;

function tooDeep(file: string, at: number): FileProblem {
  return problemInText("KN806", file, { start: at, end: at + 1 }, { cause: "limit", limit: t`nested too deep` });
}

/** Aliases are expanded at most this many times: a document can otherwise expand to gigabytes. */
const MOST_ALIASES = 1000;

function jsonOf(document: YamlDocument): Json | undefined {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES }) as Json;
  } catch {
    return undefined;
  }
}

function nodeSpan(document: YamlDocument, path: Path): Span | undefined {
  const found = document.getIn(path, true);
  if (isNode(found) && found.range) return { start: found.range[0], end: found.range[1] };
  // The key of a field whose value is absent or null.
  const parent = path.length === 0 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((one) => isPair(one) && isScalar(one.key) && one.key.value === path.at(-1));
  const range = pair && isScalar(pair.key) ? pair.key.range : undefined;
  return range ? { start: range[0], end: range[1] } : undefined;
}

/* ------------------------------------------------------------------ lists */

/** A list below `items:`, as kubectl writes it. */
interface ListText {
  /** The starts of the items, at the first character of their lines. */
  readonly items: readonly number[];
  /** The end of the last item. */
  readonly end: number;
}

/** Undefined if the document is not a map with `items:`, or its items do not start their own lines. */
function listIn(text: string, { start, end }: Span): ListText | undefined {
  const head = /(?:^|\n)items:[ \t]*\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*([ \t]*)- /.exec(
    text.slice(start, start + 10_000),
  );
  if (!head) return undefined;
  const indent = head[1] ?? "";
  const first = start + head.index + head[0].length - 2 - indent.length;
  const items: number[] = [];
  for (let at = first; at >= 0 && at < end; ) {
    if (text.startsWith(`${indent}- `, at) || text.startsWith(`${indent}-\n`, at)) items.push(at);
    else if (!isInside(text, at, indent.length)) return { items, end: at };
    const next = text.indexOf("\n", at);
    at = next < 0 ? -1 : next + 1;
  }
  return { items, end };
}

/** Whether a line continues an item: it is empty, a comment, or indented more. */
function isInside(text: string, line: number, indent: number): boolean {
  let at = line;
  while (text[at] === " ") at += 1;
  const first = text[at];
  return at - line > indent || first === "\n" || first === "\r" || first === "#" || first === undefined;
}

function readList(file: string, text: string, span: Span, { items, end }: ListText): Reading {
  const before = text.slice(span.start, items[0]).replace(/(^|\n)items:[ \t]*\r?\n/, "$1");
  const header = mapOf(`${before}${text.slice(end, span.end)}`);
  const values: Json[] = [];
  /** For each value, its item. */
  const places: Span[] = [];
  const problems: FileProblem[] = [];
  const hidden: Span[] = [];
  const isSecrets = hasSecret(before);
  const stop = (index: number): number => items[index] ?? end;
  const canBeCut = header["kind"] === undefined && isEmpty(text, { start: end, end: text.length });
  for (let from = 0; from < items.length; ) {
    let to = from + 1;
    while (to < items.length && stop(to) - stop(from) < PART) to += 1;
    const part = partOf(file, text, { start: stop(from), end: stop(to) });
    if (part && part.items.length === to - from) {
      values.push(...part.items);
      for (let index = from; index < to; index += 1) places.push({ start: stop(index), end: stop(index + 1) });
      problems.push(...part.problems);
    } else
      for (let index = from; index < to; index += 1) {
        const place = { start: stop(index), end: stop(index + 1) };
        const one = itemOf(file, text, place);
        if (one.isDamaged && (isSecrets || hasSecret(text.slice(place.start, place.end)))) hidden.push(place);
        if (!canBeCut || index < items.length - 1)
          problems.push(...one.problems.slice(0, Math.max(0, MOST_PROBLEMS - problems.length)));
        if (one.value === undefined) continue;
        values.push(one.value);
        places.push(place);
      }
    from = to;
  }
  const isCut = canBeCut && isCutList({ ...header, items: values });
  if (isCut) {
    problems.push(truncatedAt(file, end));
    // The last item can be incomplete.
    if (places.at(-1)?.start === items.at(-1)) values.pop();
  }
  const locate: Root["locate"] = (path) => {
    const [field, index, ...rest] = path;
    const place = field === "items" && typeof index === "number" ? places[index] : undefined;
    if (place === undefined) return { start: span.start, end: Math.min(span.start + 1, span.end) };
    return itemSpan(text.slice(place.start, place.end), place.start, rest);
  };
  return { roots: [{ value: { ...header, items: values }, locate }], problems, hidden };
}

interface Part {
  readonly items: readonly Json[];
  readonly problems: readonly FileProblem[];
}

/** Undefined if the part has an error. */
function partOf(file: string, text: string, { start, end }: Span): Part | undefined {
  try {
    const { roots, remarks } = yamlValues(yamlEvents(text.slice(start, end)));
    const value = roots[0]?.value;
    return Array.isArray(value)
      ? { items: value as readonly Json[], problems: remarks.map((one) => problemOf(file, one, start)) }
      : undefined;
  } catch {
    return undefined;
  }
}

function itemOf(
  file: string,
  text: string,
  span: Span,
): { readonly value: Json | undefined; readonly problems: readonly FileProblem[]; readonly isDamaged: boolean } {
  const part = partOf(file, text, span);
  if (part) return { value: part.items[0], problems: part.problems, isDamaged: false };
  const found = recovered(file, text.slice(span.start, Math.min(span.end, span.start + RECOVERED)), span.start);
  const value = found.roots[0]?.value;
  return {
    value: Array.isArray(value) ? (value as readonly Json[])[0] : undefined,
    problems: found.problems,
    isDamaged: true,
  };
}

function itemSpan(part: string, base: number, path: Path): Span | undefined {
  try {
    // The first event starts the document.
    return shifted(spanAt(yamlEvents(part), 1, [0, ...path]), base);
  } catch {
    const [found] = part.length > RECOVERED ? [] : parseAllDocuments(part, { uniqueKeys: false, logLevel: "silent" });
    return found && shifted(nodeSpan(found, [0, ...path]), base);
  }
}

/** The fields around a list; empty if they cannot be read. */
function mapOf(text: string): JsonRecord {
  try {
    const value = yamlValues(yamlEvents(text)).roots[0]?.value;
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** Whether a list has no end: kubectl writes `kind: List` after the items. */
function isCutList(value: Json): boolean {
  if (!isRecord(value) || value["kind"] !== undefined || !Array.isArray(value["items"])) return false;
  const [first] = value["items"] as readonly Json[];
  return isRecord(first) && first["kind"] !== undefined && first["apiVersion"] !== undefined;
}

/** A list without its last item, which can be incomplete. */
function withoutLast(value: Json): Json {
  return isRecord(value) && Array.isArray(value["items"])
    ? { ...value, items: (value["items"] as readonly Json[]).slice(0, -1) }
    : value;
}
