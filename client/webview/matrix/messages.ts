/**
 * The messages between the matrix panel and its page, and their validation on both sides. Endpoints and policies are
 * identified by index, so the page cannot make the extension open anything else.
 */
import type { MatrixBasis, MatrixView, Protocol } from "../../../server/src/lsp/protocol.ts";
import { isObject, isPort, isProtocol } from "../messages.ts";

/** The basis and the filters of a matrix; an empty filter selects everything. */
export interface Question {
  by: MatrixBasis;
  from: string;
  to: string;
}

/** The state that VS Code stores for a panel while its window reloads. */
export interface PanelState extends Question {
  uri: string;
}

export type ToPage =
  | { type: "working"; state: PanelState; file: string }
  | { type: "matrix"; state: PanelState; file: string; matrix: MatrixView }
  /** The last matrix remains visible and is marked as out of date. */
  | { type: "failed"; state: PanelState; file: string; error: string; namespaces: string[] };

export type FromPage =
  | { type: "ready" }
  | { type: "again" }
  | ({ type: "ask" } & Question)
  | { type: "showEnd"; end: number }
  | { type: "showPolicy"; policy: number }
  | { type: "trace"; from: number; to: number; proto: Protocol; port?: number };

const isText = (value: unknown): value is string => typeof value === "string";
const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isBasis = (value: unknown): value is MatrixBasis => value === "policies" || value === "packets";
const isListOf = (value: unknown, check: (value: unknown) => boolean): value is unknown[] =>
  Array.isArray(value) && value.every(check);

function readQuestion(value: Record<string, unknown>): Question | undefined {
  const { by, from, to } = value;
  return isBasis(by) && isText(from) && isText(to) ? { by, from, to } : undefined;
}

export function readPanelState(value: unknown): PanelState | undefined {
  if (!isObject(value) || !isText(value["uri"])) return undefined;
  const question = readQuestion(value);
  return question && { uri: value["uri"], ...question };
}

export function readFromPage(value: unknown): FromPage | undefined {
  if (!isObject(value)) return undefined;
  const { type, end, policy, from, to, proto, port } = value;
  switch (type) {
    case "ready":
    case "again":
      return { type };
    case "ask": {
      const question = readQuestion(value);
      return question && { type, ...question };
    }
    case "showEnd":
      return isIndex(end) ? { type, end } : undefined;
    case "showPolicy":
      return isIndex(policy) ? { type, policy } : undefined;
    case "trace":
      if (!isIndex(from) || !isIndex(to) || !isProtocol(proto)) return undefined;
      if (port !== undefined && !isPort(port)) return undefined;
      return { type, from, to, proto, ...(port === undefined ? {} : { port }) };
    default:
      return undefined;
  }
}

export function readToPage(value: unknown): ToPage | undefined {
  if (!isObject(value)) return undefined;
  const { type, file, matrix, error, namespaces } = value;
  const state = readPanelState(value["state"]);
  if (!state || !isText(file)) return undefined;
  if (type === "working") return { type, state, file };
  if (type === "matrix" && isMatrix(matrix)) return { type, state, file, matrix };
  if (type === "failed" && isText(error) && isListOf(namespaces, isText))
    return { type, state, file, error, namespaces: namespaces.filter(isText) };
  return undefined;
}

/** Validates everything that the page accesses. */
function isMatrix(value: unknown): value is MatrixView {
  if (!isObject(value)) return false;
  const { ends, rows, columns, ports, cells, policies, namespaces, text } = value;
  return (
    isText(text) &&
    isListOf(ends, isEnd) &&
    isListOf(rows, isIndex) &&
    isListOf(columns, isIndex) &&
    isListOf(ports, (list) => isListOf(list, (one) => isObject(one) && isText(one["proto"]) && isText(one["ports"]))) &&
    isListOf(cells, isIndex) &&
    cells.length % 4 === 0 &&
    isListOf(policies, (one) => isObject(one) && isText(one["name"])) &&
    isListOf(namespaces, isText)
  );
}

function isEnd(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value["name"]) &&
    isText(value["kind"]) &&
    isIndex(value["pods"]) &&
    isListOf(value["ports"], (one) => isObject(one) && isPort(one["port"]) && isText(one["proto"])) &&
    isListOf(value["ingress"], isIndex) &&
    isListOf(value["egress"], isIndex)
  );
}
