/**
 * The messages between the trace panel and its page, and their validation on both sides. Steps are identified by index, never
 * by location, so the page can only make the extension open locations of the trace.
 */

import type { TraceQuery } from "../../server/src/lsp/protocol.ts";
import type { Trace } from "../../server/src/trace/schema.ts";

/** The path and step that the page shows; preserved over a reload of the window. */
export interface Place {
  /** Index of the path. */
  path: number;
  /** Index of the hop in the request's hops followed by the reply's. */
  step: number;
}

/** The state that VS Code stores for a panel while its window reloads. */
export interface PanelState extends Place {
  uri: string;
  query: TraceQuery;
}

export type ToPage =
  /** A trace to show. `place` absent: keep the current path and step if that hop still exists. */
  | { type: "trace"; uri: string; query: TraceQuery; file: string; trace: Trace; place?: Place }
  /** There is no trace now. The last trace, if any, remains visible and is marked as out of date. */
  | { type: "failed"; uri: string; query: TraceQuery; file: string; error: string; candidates: string[] }
  | { type: "working" };

export type FromPage =
  | { type: "ready" }
  | { type: "place"; path: number; step: number }
  /** Open the source of a hop's rule. */
  | { type: "showRule"; path: number; step: number }
  /** Open the source of the failure reason of a leg. */
  | { type: "showReason"; path: number; leg: "request" | "reply" }
  /** Select a different trace in the same file. */
  | { type: "change" }
  | { type: "retrace" };

type Fields = Record<string, unknown>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): value is string => typeof value === "string";
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
const optional = (value: unknown, check: (value: unknown) => boolean): boolean => value === undefined || check(value);
const isListOf = (value: unknown, check: (value: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(check);

export function readFromPage(value: unknown): FromPage | undefined {
  if (!isObject(value)) return undefined;
  const { type, path, step, leg } = value;
  switch (type) {
    case "ready":
    case "change":
    case "retrace":
      return { type };
    case "place":
    case "showRule":
      return isIndex(path) && isIndex(step) ? { type, path, step } : undefined;
    case "showReason":
      return isIndex(path) && (leg === "request" || leg === "reply") ? { type, path, leg } : undefined;
    default:
      return undefined;
  }
}

export function readToPage(value: unknown): ToPage | undefined {
  if (!isObject(value)) return undefined;
  if (value["type"] === "working") return { type: "working" };
  const { uri, file, query, trace, place, error, candidates } = value;
  if (!isText(uri) || !isText(file) || !isQuery(query)) return undefined;
  if (value["type"] === "trace" && isTrace(trace) && optional(place, isPlace)) {
    return { type: "trace", uri, file, query, trace, ...(isPlace(place) ? { place } : {}) };
  }
  if (value["type"] === "failed" && isText(error) && isListOf(candidates, isText)) {
    return { type: "failed", uri, file, query, error, candidates: candidates as string[] };
  }
  return undefined;
}

function isPlace(value: unknown): value is Place {
  return isObject(value) && isIndex(value["path"]) && isIndex(value["step"]);
}

export function readPanelState(value: unknown): PanelState | undefined {
  if (!isObject(value) || !isText(value["uri"]) || !isQuery(value["query"]) || !isPlace(value)) return undefined;
  return { uri: value["uri"], query: value["query"], path: value.path, step: value.step };
}

export function isProtocol(value: unknown): value is TraceQuery["proto"] {
  return value === "tcp" || value === "udp" || value === "sctp" || value === "icmp";
}

export function isPort(value: unknown): value is number {
  return isWhole(value) && value >= 0 && value <= 65535;
}

function isQuery(value: unknown): value is TraceQuery {
  return (
    isObject(value) &&
    isText(value["from"]) &&
    isText(value["to"]) &&
    isProtocol(value["proto"]) &&
    optional(value["port"], isPort) &&
    optional(value["size"], isIndex) &&
    optional(value["before"], (before) => before === true) &&
    optional(value["df"], (df) => typeof df === "boolean")
  );
}

/** Validates everything that the drawing accesses. */
function isTrace(value: unknown): value is Trace {
  return (
    isObject(value) &&
    value["schema"] === "knet-trace/1" &&
    isQuery(value["query"]) &&
    isText(value["verdict"]) &&
    typeof value["answered"] === "boolean" &&
    isListOf(value["paths"], isPath) &&
    optional(
      value["lookup"],
      (lookup) => isObject(lookup) && typeof lookup["answered"] === "boolean" && isListOf(lookup["paths"], isPath),
    )
  );
}

function isPath(value: unknown): boolean {
  return isWalk(value) && optional((value as Fields)["reply"], isWalk);
}

function isWalk(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value["verdict"]) &&
    typeof value["probability"] === "number" &&
    typeof value["mtu"] === "number" &&
    isListOf(value["hops"], isHop) &&
    optional(value["reason"], isReason) &&
    optional(value["error"], isObject) &&
    optional(value["receiver"], (receiver) => isObject(receiver) && isText(receiver["src"]))
  );
}

function isReason(value: unknown): boolean {
  return (
    isObject(value) && isText(value["code"]) && isText(value["message"]) && optional(value["location"], isLocation)
  );
}

function isHop(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { direction, rule, packet } = value;
  return (
    ["netns", "owner", "device", "action", "text"].every((name) => isText(value[name])) &&
    (direction === null || direction === "in" || direction === "out") &&
    optional(rule, isRule) &&
    isObject(packet) &&
    typeof packet["length"] === "number" &&
    typeof packet["ttl"] === "number" &&
    isListOf(packet["headers"], (header) => isObject(header) && isText(header["kind"]))
  );
}

function isRule(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value["table"]) &&
    isText(value["text"]) &&
    optional(value["why"], isText) &&
    optional(value["location"], isLocation)
  );
}

function isLocation(value: unknown): boolean {
  if (!isObject(value) || !isText(value["file"]) || !isObject(value["range"])) return false;
  const isPosition = (position: unknown): boolean =>
    isObject(position) && isIndex(position["line"]) && isIndex(position["character"]);
  return isPosition(value["range"]["start"]) && isPosition(value["range"]["end"]);
}
