/** State, text, and possible traces of each cell of a matrix, computed without a DOM. */
import type { EndpointPort, MatrixView, MatrixViewEnd, Protocol } from "../../../server/src/lsp/protocol.ts";
import { t } from "../../../server/src/text/l10n.ts";

/** `none`: not evaluated, which is the case for a pod and itself and for two external addresses. */
export type CellState = "open" | "partly" | "closed" | "none";

export interface Cell {
  readonly state: CellState;
  /** "8080, ping"; "all". */
  readonly text: string;
}

export interface Grid {
  readonly rows: readonly MatrixViewEnd[];
  readonly columns: readonly MatrixViewEnd[];
  cell(row: number, column: number): Cell;
}

const CLOSED: Cell = { state: "closed", text: "" };
const NONE: Cell = { state: "none", text: "" };

export function gridOf(view: MatrixView): Grid {
  const endsOf = (numbers: readonly number[]): readonly MatrixViewEnd[] =>
    numbers.flatMap((number) => view.ends[number] ?? []);
  const rows = endsOf(view.rows);
  const columns = endsOf(view.columns);
  const texts = view.ports.map(portsText);
  const known = new Map<number, Cell>();
  for (let at = 0; at + 3 < view.cells.length; at += 4) {
    const [row = 0, column = 0, isWhole = 0, ports = 0] = view.cells.slice(at, at + 4);
    known.set(row * columns.length + column, { state: isWhole === 1 ? "open" : "partly", text: texts[ports] ?? "" });
  }
  return {
    rows,
    columns,
    cell: (row, column) =>
      known.get(row * columns.length + column) ?? (isEvaluated(rows[row], columns[column]) ? CLOSED : NONE),
  };
}

function isEvaluated(from: MatrixViewEnd | undefined, to: MatrixViewEnd | undefined): boolean {
  if (from?.namespace === undefined && to?.namespace === undefined) return false;
  return from !== to || (from?.pods ?? 0) > 1;
}

const EVERY = "1-65535";

export function portsText(list: MatrixView["ports"][number]): string {
  const isAll = ["tcp", "udp", "sctp"].every((proto) => list.some((one) => one.proto === proto && one.ports === EVERY));
  if (isAll) return t`all`;
  return list
    .map(({ proto, ports }) => {
      if (proto === "icmp") return "ping";
      const range = ports === EVERY ? "*" : ports;
      return proto === "tcp" ? range : `${range}/${proto}`;
    })
    .join(", ");
}

export function stateText(state: CellState): string {
  switch (state) {
    case "open":
      return t`open`;
    case "partly":
      return t`partly open`;
    case "closed":
      return t`closed`;
    case "none":
      return t`not evaluated`;
  }
}

export const SIGNS: Readonly<Record<CellState, string>> = { open: "●", partly: "◐", closed: "·", none: "" };

/** Text for screen readers. */
export function cellText(grid: Grid, row: number, column: number): string {
  const { state, text } = grid.cell(row, column);
  const from = grid.rows[row]?.name ?? "";
  const to = grid.columns[column]?.name ?? "";
  return text === "" ? t`${from} to ${to}: ${stateText(state)}` : t`${from} to ${to}: ${stateText(state)}, ${text}`;
}

export interface Traceable {
  readonly proto: Protocol;
  readonly port?: number;
  readonly label: string;
}

const MOST_TRACES = 6;

/** The traces to offer: one per port of the receiver, and a ping. */
export function tracesTo({ ports }: MatrixViewEnd): readonly Traceable[] {
  const found = ports.slice(0, MOST_TRACES).map(({ port, proto }: EndpointPort) => ({
    proto,
    port,
    label: `${port}/${proto}`,
  }));
  return [...found, { proto: "icmp", label: "ping" }];
}

/** The cell that a key moves to; undefined if the key does not move. */
export function moved(
  { rows, columns }: Grid,
  [row, column]: readonly [number, number],
  key: string,
  ctrl: boolean,
): readonly [number, number] | undefined {
  const lastRow = rows.length - 1;
  const lastColumn = columns.length - 1;
  switch (key) {
    case "ArrowLeft":
      return [row, Math.max(0, column - 1)];
    case "ArrowRight":
      return [row, Math.min(lastColumn, column + 1)];
    case "ArrowUp":
      return [Math.max(0, row - 1), column];
    case "ArrowDown":
      return [Math.min(lastRow, row + 1), column];
    case "PageUp":
      return [Math.max(0, row - 10), column];
    case "PageDown":
      return [Math.min(lastRow, row + 10), column];
    case "Home":
      return [ctrl ? 0 : row, 0];
    case "End":
      return [ctrl ? lastRow : row, lastColumn];
    default:
      return undefined;
  }
}
