/**
 * The page inside the matrix panel: a pure view of a matrix. Its only state is the selected cell; messages.ts defines its
 * requests to the extension.
 */
import "../l10n.ts";

import type { MatrixView } from "../../../server/src/lsp/protocol.ts";
import { t } from "../../../server/src/text/l10n.ts";
import { find, h, icon } from "../dom.ts";
import { type FromPage, type PanelState, readToPage, type ToPage } from "./messages.ts";
import { cellText, type Grid, gridOf, moved, SIGNS, stateText, tracesTo } from "./model.ts";

interface VsCode {
  postMessage(message: FromPage): void;
  setState(state: PanelState): void;
}
declare function acquireVsCodeApi(): VsCode;

const vscode = acquireVsCodeApi();
const send = (message: FromPage): void => vscode.postMessage(message);
/** With more columns, a cell shows only a sign, and the details below list the ports. */
const MOST_WITH_TEXT = 16;

let view: MatrixView | undefined;
let grid: Grid | undefined;
let state: PanelState | undefined;
let chosen: readonly [row: number, column: number] = [0, 0];

const createParts = () => ({
  title: h("h1", {}),
  dataPlane: choice("packets", t`Data plane`, t`Traffic that is delivered and gets a reply`),
  policiesOnly: choice("policies", t`Policies only`, t`Traffic that network policies allow, ignoring the data plane`),
  namespaces: h("datalist", { id: "namespaces" }),
  fromField: filter("from", t`From`),
  toField: filter("to", t`To`),
  notices: h("div", { class: "notices", role: "status", testid: "matrix-notices" }),
  table: h("div", { class: "table", role: "grid", "aria-label": t`Reachability`, testid: "matrix-grid" }),
  details: h("div", { class: "details", "aria-live": "polite", testid: "matrix-details" }),
  textView: h("pre", { testid: "matrix-text" }),
});
const { title, dataPlane, policiesOnly, namespaces, fromField, toField, notices, table, details, textView } =
  createParts();

function createPage(): HTMLElement[] {
  return [
    h(
      "div",
      { class: "heading" },
      title,
      h("div", { class: "switch", role: "group", "aria-label": t`Decided by` }, dataPlane, policiesOnly),
      fromField.label,
      toField.label,
      namespaces,
    ),
    notices,
    h("section", { class: "scroller" }, table),
    details,
    h("details", { class: "words" }, h("summary", {}, t`Text view`), textView),
  ];
}
find("app", HTMLElement).replaceChildren(...createPage());

function choice(by: PanelState["by"], text: string, tip: string): HTMLButtonElement {
  const button = h("button", { type: "button", class: "secondary", title: tip, testid: `matrix-${by}` }, text);
  button.addEventListener("click", () => ask({ by }));
  return button;
}

function filter(name: "from" | "to", text: string): { label: HTMLElement; input: HTMLInputElement } {
  const input = h("input", {
    type: "text",
    list: "namespaces",
    placeholder: t`all`,
    size: 18,
    spellcheck: "false",
    title: t`Namespace, workload, labels (app=web), or address range`,
    testid: `matrix-${name}`,
  });
  input.addEventListener("change", () => ask({ [name]: input.value.trim() }));
  return { label: h("label", {}, `${text} `, input), input };
}

/** Requests a new matrix with these changes. */
function ask(change: Partial<PanelState>): void {
  if (!state) return;
  const { by, from, to } = { ...state, ...change };
  if (by !== state.by || from !== state.from || to !== state.to) send({ type: "ask", by, from, to });
}

/* ------------------------------------------------------------------ messages */

window.addEventListener("message", (event: MessageEvent<unknown>) => {
  const message = readToPage(event.data);
  if (message) receive(message);
});

function receive(message: ToPage): void {
  state = message.state;
  vscode.setState(state);
  title.textContent = message.file;
  for (const [button, by] of [
    [dataPlane, "packets"],
    [policiesOnly, "policies"],
  ] as const)
    button.setAttribute("aria-pressed", String(state.by === by));
  for (const [{ input }, text] of [
    [fromField, state.from],
    [toField, state.to],
  ] as const)
    if (document.activeElement !== input || message.type !== "working") input.value = text;
  document.body.classList.toggle("old", message.type !== "matrix");
  document.body.setAttribute("data-state", message.type);
  switch (message.type) {
    case "working":
      return;
    case "failed": {
      const again = h("button", { type: "button", class: "secondary" }, icon("refresh"), t`Try again`);
      again.addEventListener("click", () => send({ type: "again" }));
      notices.replaceChildren(h("p", {}, message.error, " ", again));
      showNamespaces(message.namespaces);
      return;
    }
    case "matrix":
      show(message.matrix);
  }
}

function showNamespaces(names: readonly string[]): void {
  namespaces.replaceChildren(...names.map((name) => h("option", { value: name })));
}

function show(matrix: MatrixView): void {
  const before = grid && [grid.rows[chosen[0]]?.name, grid.columns[chosen[1]]?.name];
  const hadFocus = table.contains(document.activeElement);
  view = matrix;
  grid = gridOf(matrix);
  const { rows, columns } = grid;
  showNamespaces(matrix.namespaces);
  textView.textContent = matrix.text;
  const isEmpty = rows.length === 0 || columns.length === 0;
  notices.replaceChildren(...(isEmpty ? [h("p", {}, t`No pods with addresses.`)] : []));
  draw(grid);
  if (isEmpty) {
    details.replaceChildren();
    return;
  }
  const again = [rows, columns].map((ends, side) => ends.findIndex(({ name }) => name === before?.[side]));
  choose([Math.max(0, again[0] ?? 0), Math.max(0, again[1] ?? 0)], hadFocus);
}

/* --------------------------------------------------------------------- grid */

/** Rows outside the viewport cost nothing: the browser lays them out on demand (content-visibility). */
function draw({ rows, columns, cell }: Grid): void {
  const isWide = columns.length > MOST_WITH_TEXT;
  table.className = `table ${isWide ? "signs" : "texts"}`;
  table.setAttribute("aria-rowcount", String(rows.length + 1));
  table.setAttribute("aria-colcount", String(columns.length + 1));
  const head = h(
    "div",
    { class: "row head", role: "row" },
    h("div", { class: "corner", role: "columnheader" }, t`from ↓ to →`),
    ...columns.map(({ name }) => h("div", { class: "column", role: "columnheader", title: name }, h("span", {}, name))),
  );
  const body = rows.map(({ name, kind }, row) =>
    h(
      "div",
      { class: "row", role: "row", "aria-rowindex": row + 2 },
      h("div", { class: "end", role: "rowheader", title: `${kind} ${name}` }, name),
      ...columns.map((_, column) => {
        const { state: so, text } = cell(row, column);
        const sign = h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[so]);
        return h(
          "div",
          {
            class: `cell ${so}`,
            role: "gridcell",
            tabindex: -1,
            "data-row": row,
            "data-column": column,
            "aria-label": grid && cellText(grid, row, column),
            title: text,
            testid: "matrix-cell",
          },
          sign,
          !isWide && text !== "" && h("span", { class: "ports" }, text),
        );
      }),
    ),
  );
  table.replaceChildren(...(rows.length === 0 ? [] : [head, ...body]));
}

function cellAt([row, column]: readonly [number, number]): HTMLElement | null {
  return table.querySelector<HTMLElement>(`[data-row="${row}"][data-column="${column}"]`);
}

function placeOf(target: EventTarget | null): readonly [number, number] | undefined {
  const element = target instanceof Element ? target.closest("[data-row]") : null;
  if (!element) return undefined;
  return [Number(element.getAttribute("data-row")), Number(element.getAttribute("data-column"))];
}

table.addEventListener("click", (event) => {
  const place = placeOf(event.target);
  if (place) choose(place, true);
});
table.addEventListener("dblclick", (event) => {
  if (placeOf(event.target)) traceFirst();
});

function choose(place: readonly [number, number], focus: boolean): void {
  const before = cellAt(chosen);
  before?.setAttribute("tabindex", "-1");
  before?.removeAttribute("aria-selected");
  chosen = place;
  const cell = cellAt(place);
  cell?.setAttribute("tabindex", "0");
  cell?.setAttribute("aria-selected", "true");
  if (focus && cell) {
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  showDetails();
}

/* ------------------------------------------------------------------ details */

function showDetails(): void {
  if (!grid || !view) return;
  const [row, column] = chosen;
  const from = grid.rows[row];
  const to = grid.columns[column];
  if (!from || !to) return;
  const { state: so, text } = grid.cell(row, column);
  const traces = from.path === undefined || to.path === undefined ? [] : tracesTo(to);
  details.replaceChildren(
    h("h2", {}, `${from.name} → ${to.name}`),
    h("p", { class: so }, `${SIGNS[so]} ${stateText(so)}`, text !== "" && `: ${text}`),
    h("p", { class: "muted" }, t`${from.kind} to ${to.kind}`),
    h(
      "div",
      { class: "buttons" },
      ...traces.map((trace, index) =>
        action(t`Trace ${trace.label}`, "matrix-trace", index === 0 ? "Enter" : undefined, () => sendTrace(trace)),
      ),
      from.location && action(t`Go to sender`, "matrix-sender", "S", () => showEnd("rows"), true),
      to.location && action(t`Go to receiver`, "matrix-receiver", "R", () => showEnd("columns"), true),
      ...policyButtons(from.egress, (name) => t`Egress: ${name}`),
      ...policyButtons(to.ingress, (name) => t`Ingress: ${name}`),
    ),
  );
}

function action(
  text: string,
  testid: string,
  key: string | undefined,
  act: () => void,
  isSource = false,
): HTMLButtonElement {
  const button = h(
    "button",
    { type: "button", class: "secondary", testid, "aria-keyshortcuts": key },
    isSource && icon("source"),
    text,
  );
  button.addEventListener("click", act);
  return button;
}

function policyButtons(numbers: readonly number[], titleOf: (name: string) => string): readonly HTMLButtonElement[] {
  return numbers.flatMap((policy) => {
    const found = view?.policies[policy];
    if (!found) return [];
    return [action(titleOf(found.name), "matrix-policy", undefined, () => send({ type: "showPolicy", policy }), true)];
  });
}

function numbersOf([row, column]: readonly [number, number]): { from: number; to: number } | undefined {
  const from = view?.rows[row];
  const to = view?.columns[column];
  return from === undefined || to === undefined ? undefined : { from, to };
}

function sendTrace({ proto, port }: { proto: ReturnType<typeof tracesTo>[number]["proto"]; port?: number }): void {
  const ends = numbersOf(chosen);
  if (ends) send({ type: "trace", ...ends, proto, ...(port === undefined ? {} : { port }) });
}

function traceFirst(): void {
  const [first] = details.querySelectorAll<HTMLButtonElement>("[data-testid=matrix-trace]");
  first?.click();
}

function showEnd(side: "rows" | "columns"): void {
  const end = view?.[side][chosen[side === "rows" ? 0 : 1]];
  if (end !== undefined) send({ type: "showEnd", end });
}

table.addEventListener("keydown", (event) => {
  if (!grid || event.altKey || event.metaKey || event.shiftKey) return;
  const place = moved(grid, chosen, event.key, event.ctrlKey);
  if (place) choose(place, true);
  else if (event.ctrlKey) return;
  else if (event.key === "Enter" || event.key === "t") traceFirst();
  else if (event.key === "s") showEnd("rows");
  else if (event.key === "r") showEnd("columns");
  else return;
  event.preventDefault();
});

send({ type: "ready" });
