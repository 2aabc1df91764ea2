/**
 * The messages between the comparison panel and its page, and their validation on both sides. Connections and findings are
 * identified by index, so the page cannot make the extension open anything else.
 */
import type { DiffKind, DiffView } from "../../../server/src/lsp/protocol.ts";
import { isObject } from "../messages.ts";

/** The state that VS Code stores for a panel while its window reloads. */
export interface PanelState {
  uri: string;
}

export type ToPage =
  | { type: "diff"; uri: string; file: string; diff: DiffView }
  /** The topology has changed since the comparison. */
  | { type: "outdated"; uri: string; file: string }
  /** The last comparison remains visible and is marked as out of date. */
  | { type: "failed"; uri: string; file: string; error: string };

export type FromPage =
  | { type: "ready" }
  | { type: "again" }
  | { type: "showFinding"; finding: number }
  | { type: "trace"; connection: number; side: "old" | "new" };

const isText = (value: unknown): value is string => typeof value === "string";
const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isListOf = (value: unknown, check: (value: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(check);
const isKind = (value: unknown): value is DiffKind => value === "added" || value === "removed" || value === "changed";
const isEntry = (value: unknown, ...texts: readonly string[]): boolean =>
  isObject(value) && isKind(value["kind"]) && texts.every((name) => isText(value[name]));

export function readFromPage(value: unknown): FromPage | undefined {
  if (!isObject(value)) return undefined;
  const { type, finding, connection, side } = value;
  switch (type) {
    case "ready":
    case "again":
      return { type };
    case "showFinding":
      return isIndex(finding) ? { type, finding } : undefined;
    case "trace":
      return isIndex(connection) && (side === "old" || side === "new") ? { type, connection, side } : undefined;
    default:
      return undefined;
  }
}

export function readPanelState(value: unknown): PanelState | undefined {
  return isObject(value) && isText(value["uri"]) ? { uri: value["uri"] } : undefined;
}

export function readToPage(value: unknown): ToPage | undefined {
  if (!isObject(value)) return undefined;
  const { type, uri, file, diff, error } = value;
  if (!isText(uri) || !isText(file)) return undefined;
  if (type === "outdated") return { type, uri, file };
  if (type === "diff" && isDiff(diff)) return { type, uri, file, diff };
  return type === "failed" && isText(error) ? { type, uri, file, error } : undefined;
}

/** Validates everything that the page accesses. */
function isDiff(value: unknown): value is DiffView {
  if (!isObject(value)) return false;
  const { summary, notes, connections, endpoints, findings, machines, text } = value;
  return (
    isText(text) &&
    isListOf(summary, isText) &&
    isListOf(notes, isText) &&
    isListOf(connections, (one) => isEntry(one, "from", "to", "ports", "where")) &&
    isListOf(endpoints, (one) => isEntry(one, "text")) &&
    isListOf(findings, (one) => isEntry(one, "severity", "code", "message")) &&
    isListOf(
      machines,
      (one) =>
        isObject(one) &&
        isText(one["title"]) &&
        isListOf(one["lines"], (line) => isObject(line) && isText(line["text"]) && isText(line["kind"])),
    )
  );
}
