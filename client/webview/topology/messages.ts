/**
 * The messages between the topology panel and its page, and their validation on both sides. Items are identified by their
 * index in the drawing, so the page cannot make the extension open anything else.
 */
import type { TopologyDrawing, TopologyItem } from "../../../server/src/lsp/protocol.ts";
import { isObject } from "../messages.ts";

/** The state that VS Code stores for a panel while its window reloads. */
export interface PanelState {
  uri: string;
}

export type ToPage =
  | { type: "drawing"; uri: string; file: string; drawing: TopologyDrawing }
  /** The last drawing remains visible and is marked as out of date. */
  | { type: "failed"; uri: string; file: string; error: string };

export type FromPage = { type: "ready" } | { type: Action; item: number };

/** An action on an item of the drawing. */
export type Action = "show" | "trace" | "routes";

/** All named items of the drawing, in the order of their indices. */
export function itemsOf({ clusters, segments, stations }: TopologyDrawing): readonly TopologyItem[] {
  return [...clusters, ...segments, ...stations.flatMap((station) => [station, ...station.pods])];
}

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);

export function readFromPage(value: unknown): FromPage | undefined {
  if (!isObject(value)) return undefined;
  const { type, item } = value;
  if (type === "ready") return { type };
  const isAction = type === "show" || type === "trace" || type === "routes";
  return isAction && Number.isSafeInteger(item) && Number(item) >= 0 ? { type, item: Number(item) } : undefined;
}

export function readPanelState(value: unknown): PanelState | undefined {
  return isObject(value) && isText(value["uri"]) ? { uri: value["uri"] } : undefined;
}

export function readToPage(value: unknown): ToPage | undefined {
  if (!isObject(value)) return undefined;
  const { type, uri, file, drawing, error } = value;
  if (!isText(uri) || !isText(file)) return undefined;
  if (type === "drawing" && isDrawing(drawing)) return { type, uri, file, drawing };
  return type === "failed" && isText(error) ? { type, uri, file, error } : undefined;
}

/** Validates everything that the drawing accesses. */
function isDrawing(value: unknown): value is TopologyDrawing {
  if (!isObject(value)) return false;
  const { width, height, clusters, segments, stations, lines, text } = value;
  return (
    isNumber(width) &&
    isNumber(height) &&
    isText(text) &&
    isListOf(clusters, isItem) &&
    isListOf(segments, isPlaced) &&
    isListOf(stations, (one) => isPlaced(one) && isObject(one) && isListOf(one["pods"], isPlaced)) &&
    isListOf(
      lines,
      (one) =>
        isObject(one) && isText(one["text"]) && ["x", "from", "to", "textY"].every((name) => isNumber(one[name])),
    )
  );
}

const isListOf = (value: unknown, check: (value: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(check);

function isItem(value: unknown): boolean {
  return isObject(value) && isText(value["kind"]) && isText(value["name"]) && isListOf(value["facts"], isText);
}

function isPlaced(value: unknown): boolean {
  return isItem(value) && isObject(value) && ["x", "y", "width", "height"].every((name) => isNumber(value[name]));
}
