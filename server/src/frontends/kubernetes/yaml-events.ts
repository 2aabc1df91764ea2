/** A part of a YAML text as the flat list of events of js-yaml, which is fast and has positions: values and spans. */
import {
  type AliasEvent,
  EVENT_ALIAS,
  EVENT_DOCUMENT,
  EVENT_MAPPING,
  EVENT_POP,
  EVENT_SCALAR,
  EVENT_SEQUENCE,
  type Event,
  getScalarValue,
  type MappingEvent,
  parseEvents,
  SCALAR_STYLE_DOUBLE_QUOTED,
  SCALAR_STYLE_PLAIN,
  SCALAR_STYLE_SINGLE_QUOTED,
  type ScalarEvent,
  type SequenceEvent,
} from "js-yaml";
import { isRecord, type Json } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";
import { PRIVATE_MAPS } from "./private.ts";
import { isDate, plainScalar } from "./yaml-scalar.ts";

/** Offsets are in `text`, which is a part of a file. */
export interface Events {
  readonly text: string;
  readonly list: readonly Event[];
}

/** Something in a value that a reader should know. */
export type Remark = { readonly span: Span } & (
  | { readonly kind: "ambiguous"; readonly text: string; readonly read: string }
  | { readonly kind: "duplicate"; readonly key: string; readonly first: Span }
  | { readonly kind: "key" }
  | { readonly kind: "alias"; readonly name: string }
  | { readonly kind: "expansion" }
);

/** Deeper texts are errors. Kubernetes objects need about 20 levels; a schema in a CustomResourceDefinition can have more. */
const MAX_DEPTH = 200;
/** The number of values that aliases can add to a text. */
export const MOST_EXPANDED = 100_000;

/** Throws YAMLException at the first error. */
export function yamlEvents(text: string): Events {
  return { text, list: parseEvents(text, { maxDepth: MAX_DEPTH }) };
}

export interface YamlRoot {
  readonly value: Json;
  /** Index of the event of the value. */
  readonly event: number;
}

export interface YamlValues {
  /** The value of each document. */
  readonly roots: readonly YamlRoot[];
  readonly remarks: readonly Remark[];
}

interface Anchored {
  readonly value: Json;
  readonly size: number;
}

interface Building extends Events {
  at: number;
  /** The number of values so far, and of values of aliases. */
  size: number;
  expanded: number;
  readonly anchors: Map<string, Anchored>;
  readonly remarks: Remark[];
}

/** Fields that no reader needs and that can be larger than everything else. */
const SKIPPED: ReadonlySet<string> = new Set(["managedFields", "kubectl.kubernetes.io/last-applied-configuration"]);
/** Maps whose values are strings, lists of strings, and fields with a string. */
const STRING_MAPS: ReadonlySet<string> = new Set([
  "labels",
  "annotations",
  "matchLabels",
  "selector",
  "nodeSelector",
  "data",
  "stringData",
]);
const STRING_LISTS: ReadonlySet<string> = new Set(["args", "command", "values"]);
const STRINGS: ReadonlySet<string> = new Set(["name", "namespace", "value"]);

/** The values of all documents. */
export function yamlValues(events: Events): YamlValues {
  const building: Building = { ...events, at: 0, size: 0, expanded: 0, anchors: new Map(), remarks: [] };
  const roots: YamlRoot[] = [];
  while (building.at < events.list.length) {
    const event = events.list[building.at];
    building.at += 1;
    if (event?.type !== EVENT_DOCUMENT) continue;
    building.anchors.clear();
    const start = building.at;
    roots.push({ value: built(building, false), event: start });
  }
  return { roots, remarks: building.remarks };
}

/** The value of the next event. `isText`: Kubernetes requires a string here. */
function built(building: Building, isText: boolean, key = ""): Json {
  const event = building.list[building.at];
  building.at += 1;
  building.size += 1;
  switch (event?.type) {
    case EVENT_SCALAR:
      return anchored(building, event, building.size - 1, scalarValue(building, event, isText));
    case EVENT_ALIAS:
      return aliased(building, event);
    case EVENT_SEQUENCE: {
      const before = building.size - 1;
      const items: Json[] = [];
      while (building.at < building.list.length && building.list[building.at]?.type !== EVENT_POP)
        items.push(built(building, STRING_LISTS.has(key)));
      building.at += 1;
      return anchored(building, event, before, items);
    }
    case EVENT_MAPPING: {
      const before = building.size - 1;
      const value = mapping(building, key);
      return anchored(building, event, before, value);
    }
    default:
      return null;
  }
}

function anchored(
  building: Building,
  event: ScalarEvent | SequenceEvent | MappingEvent,
  before: number,
  value: Json,
): Json {
  if (event.anchorStart >= 0)
    building.anchors.set(building.text.slice(event.anchorStart, event.anchorEnd), {
      value,
      size: building.size - before,
    });
  return value;
}

/** An alias is the value itself and needs no memory. The number of values is limited because readers visit each of them. */
function aliased(building: Building, event: AliasEvent): Json {
  const name = building.text.slice(event.anchorStart, event.anchorEnd);
  const span = { start: event.anchorStart - 1, end: event.anchorEnd };
  const known = building.anchors.get(name);
  if (!known) {
    building.remarks.push({ kind: "alias", name, span });
    return null;
  }
  if (building.expanded + known.size > MOST_EXPANDED) {
    if (building.expanded <= MOST_EXPANDED) building.remarks.push({ kind: "expansion", span });
    building.expanded = MOST_EXPANDED + 1;
    return null;
  }
  building.expanded += known.size;
  building.size += known.size;
  return known.value;
}

function mapping(building: Building, own: string): Json {
  const result: Record<string, Json> = {};
  const starts = new Map<string, ScalarEvent>();
  const merged: Json[] = [];
  const hasTexts = STRING_MAPS.has(own);
  while (building.at < building.list.length && building.list[building.at]?.type !== EVENT_POP) {
    const event = building.list[building.at];
    if (event?.type !== EVENT_SCALAR) {
      building.remarks.push({ kind: "key", span: spanOfEvent(building, building.at) ?? NOWHERE });
      building.at = afterEvent(building, building.at);
      building.at = afterEvent(building, building.at);
      continue;
    }
    const key = getScalarValue(building.text, event);
    building.at += 1;
    if (SKIPPED.has(key)) {
      building.at = afterEvent(building, building.at);
      continue;
    }
    if (key === "<<" && event.style === SCALAR_STYLE_PLAIN) {
      merged.push(built(building, false));
      continue;
    }
    const first = PRIVATE_MAPS.has(own) ? undefined : starts.get(key);
    if (first) {
      const span = scalarSpan(event) ?? NOWHERE;
      building.remarks.push({ kind: "duplicate", key, span, first: scalarSpan(first) ?? NOWHERE });
    }
    starts.set(key, event);
    define(result, key, built(building, hasTexts || STRINGS.has(key), key));
  }
  building.at += 1;
  return merged.length === 0 ? result : withMerged(result, merged);
}

const NOWHERE: Span = { start: 0, end: 0 };

/** `__proto__` is a key like any other. */
function define(result: Record<string, Json>, key: string, value: Json): void {
  if (key === "__proto__")
    Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
  else result[key] = value;
}

/** `<<`: the keys of one map or of a list of maps; the map's own keys take precedence, then the keys of earlier maps. */
function withMerged(own: Record<string, Json>, merged: readonly Json[]): Json {
  const maps = merged.flatMap((value) => (Array.isArray(value) ? (value as readonly Json[]) : [value]));
  const result: Record<string, Json> = {};
  for (const one of [...maps.reverse(), own]) {
    if (!isRecord(one)) continue;
    for (const [key, value] of Object.entries(one)) define(result, key, value ?? null);
  }
  return result;
}

function scalarValue(building: Building, event: ScalarEvent, isText: boolean): Json {
  const text = getScalarValue(building.text, event);
  if (event.style !== SCALAR_STYLE_PLAIN) return text;
  if (event.tagStart >= 0) {
    const tag = building.text.slice(event.tagStart, event.tagEnd);
    if (tag === "!!str" || tag === "!") return text;
  }
  const { value, differs } = plainScalar(text);
  // An octal number such as `defaultMode: 0400` is intended: only a text that must be a string is a surprise.
  const isRead =
    isText &&
    ((typeof value === "number" && String(value) !== text) || (typeof value === "boolean" && differs) || isDate(text));
  if (!isRead) return value;
  const span = scalarSpan(event) ?? NOWHERE;
  building.remarks.push({
    kind: "ambiguous",
    text,
    read: isDate(text) ? `${text}T00:00:00Z` : String(value),
    span,
  });
  return text;
}

/* ------------------------------------------------------------------ positions */

/** The index of the event after a value. */
function afterEvent({ list }: Events, index: number): number {
  let depth = 0;
  for (let at = index; at < list.length; at += 1) {
    const type = list[at]?.type;
    if (type === EVENT_MAPPING || type === EVENT_SEQUENCE) depth += 1;
    else if (type === EVENT_POP) depth -= 1;
    if (depth <= 0) return at + 1;
  }
  return list.length;
}

/** Undefined for an absent value (`key:`). */
function scalarSpan({ valueStart, valueEnd, style }: ScalarEvent): Span | undefined {
  if (valueStart < 0) return undefined;
  const quote = style === SCALAR_STYLE_SINGLE_QUOTED || style === SCALAR_STYLE_DOUBLE_QUOTED ? 1 : 0;
  return { start: valueStart - quote, end: valueEnd + quote };
}

/** Span of the value of an event. */
export function spanOfEvent(events: Events, index: number): Span | undefined {
  const event = events.list[index];
  if (event?.type === EVENT_SCALAR) return scalarSpan(event);
  if (event?.type === EVENT_ALIAS) return { start: event.anchorStart - 1, end: event.anchorEnd };
  if (event?.type !== EVENT_MAPPING && event?.type !== EVENT_SEQUENCE) return undefined;
  return { start: event.start, end: endOfCollection(events, index, event) };
}

/** The closing bracket, or the end of the last value. */
function endOfCollection(events: Events, index: number, { start, style }: MappingEvent | SequenceEvent): number {
  const { text, list } = events;
  const isFlow = style === FLOW;
  let end = isFlow ? start + 1 : start;
  for (let at = index + 1; at < list.length && list[at]?.type !== EVENT_POP; at = afterEvent(events, at)) {
    const event = list[at];
    const own =
      event?.type === EVENT_MAPPING || event?.type === EVENT_SEQUENCE
        ? endOfCollection(events, at, event)
        : spanOfEvent(events, at)?.end;
    end = Math.max(end, own ?? end);
  }
  if (!isFlow) return end;
  const close = text.slice(end).search(/[}\]]/);
  return close < 0 ? text.length : end + close + 1;
}

const FLOW = 2;

/** Index of the event at a path from the value of an event; undefined if it does not exist. Aliases and merged maps are followed. */
export function eventAt(events: Events, from: number, path: readonly (string | number)[]): number | undefined {
  let at: number | undefined = from;
  for (const key of path) {
    at = at === undefined ? undefined : childEvent(events, at, key, MOST_HOPS);
    if (at === undefined) return undefined;
  }
  return at;
}

/** Aliases and merges that one step follows. */
const MOST_HOPS = 20;

function childEvent(events: Events, index: number, key: string | number, hops: number): number | undefined {
  const at = target(events, index);
  const event = at === undefined ? undefined : events.list[at];
  if (at === undefined || hops === 0) return undefined;
  if (event?.type === EVENT_SEQUENCE) return typeof key === "number" ? itemEvent(events, at, key) : undefined;
  if (event?.type !== EVENT_MAPPING) return undefined;
  let found: number | undefined;
  const merges: number[] = [];
  for (const { key: name, value } of pairs(events, at)) {
    if (name === key) found = value;
    else if (name === "<<") merges.push(value);
  }
  if (found !== undefined) return found;
  for (const merge of merges) {
    const list = target(events, merge);
    const maps = list !== undefined && events.list[list]?.type === EVENT_SEQUENCE ? [...items(events, list)] : [merge];
    for (const one of maps) {
      const inner = childEvent(events, one, key, hops - 1);
      if (inner !== undefined) return inner;
    }
  }
  return undefined;
}

/** The value that an alias refers to: the last earlier value with this anchor. */
function target({ text, list }: Events, index: number): number | undefined {
  const event = list[index];
  if (event?.type !== EVENT_ALIAS) return index;
  const name = text.slice(event.anchorStart, event.anchorEnd);
  for (let at = index - 1; at >= 0; at -= 1) {
    const one = list[at];
    if (one === undefined || one.type === EVENT_ALIAS || one.type === EVENT_POP || one.type === EVENT_DOCUMENT)
      continue;
    if (one.anchorStart >= 0 && text.slice(one.anchorStart, one.anchorEnd) === name) return at;
  }
  return undefined;
}

function* items(events: Events, index: number): Generator<number> {
  const { list } = events;
  for (let at = index + 1; at < list.length && list[at]?.type !== EVENT_POP; at = afterEvent(events, at)) yield at;
}

function itemEvent(events: Events, index: number, wanted: number): number | undefined {
  let left = wanted;
  for (const at of items(events, index)) if (left-- === 0) return at;
  return undefined;
}

function* pairs(
  events: Events,
  index: number,
): Generator<{ readonly key: string; readonly value: number; readonly at: number }> {
  const { text, list } = events;
  for (let at = index + 1; at < list.length && list[at]?.type !== EVENT_POP; ) {
    const event = list[at];
    const value = afterEvent(events, at);
    if (event?.type === EVENT_SCALAR) yield { key: getScalarValue(text, event), value, at };
    at = afterEvent(events, value);
  }
}

/** Span of the value at a path; of its key if the value is absent. */
export function spanAt(events: Events, from: number, path: readonly (string | number)[]): Span | undefined {
  const found = eventAt(events, from, path);
  const span = found === undefined ? undefined : spanOfEvent(events, found);
  if (span || path.length === 0) return span;
  const parent = eventAt(events, from, path.slice(0, -1));
  const at = parent === undefined ? undefined : target(events, parent);
  if (at === undefined || events.list[at]?.type !== EVENT_MAPPING) return undefined;
  for (const pair of pairs(events, at)) if (pair.key === path.at(-1)) return spanOfEvent(events, pair.at);
  return undefined;
}
