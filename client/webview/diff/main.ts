/** The page inside the comparison panel: a pure view; messages.ts defines its requests to the extension. */
import "../l10n.ts";

import type { DiffKind, DiffView, DiffViewConnection, DiffViewFinding } from "../../../server/src/lsp/protocol.ts";
import { number } from "../../../server/src/text/format.ts";
import { t } from "../../../server/src/text/l10n.ts";
import { find, h, icon } from "../dom.ts";
import { type FromPage, type PanelState, readToPage, type ToPage } from "./messages.ts";

interface VsCode {
  postMessage(message: FromPage): void;
  setState(state: PanelState): void;
}
declare function acquireVsCodeApi(): VsCode;

const vscode = acquireVsCodeApi();
const send = (message: FromPage): void => vscode.postMessage(message);

/** Longer lists are complete in the text form of the command line only. */
const MOST_ROWS = 500;
const MOST_LINES = 200;

const createParts = () => ({
  title: h("h1", {}),
  notices: h("div", { class: "notices", role: "status", testid: "diff-notices" }),
  content: h("div", { class: "content", testid: "diff-content" }),
  textView: h("pre", { testid: "diff-text" }),
});
const { title, notices, content, textView } = createParts();

function createPage(): HTMLElement[] {
  return [
    h("div", { class: "heading" }, title),
    notices,
    h("section", { class: "scroller" }, content),
    h("details", { class: "words" }, h("summary", {}, t`Text view`), textView),
  ];
}
find("app", HTMLElement).replaceChildren(...createPage());

window.addEventListener("message", (event: MessageEvent<unknown>) => {
  const message = readToPage(event.data);
  if (message) receive(message);
});

function receive(message: ToPage): void {
  vscode.setState({ uri: message.uri });
  title.textContent = t`${message.file} compared with HEAD`;
  document.body.classList.toggle("old", message.type !== "diff");
  document.body.setAttribute("data-state", message.type);
  switch (message.type) {
    case "outdated":
      notices.replaceChildren(h("p", {}, t`The topology has changed since this comparison.`, " ", againButton()));
      return;
    case "failed":
      notices.replaceChildren(h("p", {}, message.error, " ", againButton()));
      return;
    case "diff":
      show(message.diff);
  }
}

function againButton(): HTMLButtonElement {
  return button(t`Compare again`, "diff-again", () => send({ type: "again" }), icon("refresh"));
}

function button(text: string, testid: string, act: () => void, sign?: SVGSVGElement): HTMLButtonElement {
  const element = h("button", { type: "button", class: "secondary", testid }, sign, text);
  element.addEventListener("click", act);
  return element;
}

function show(diff: DiffView): void {
  const lines = diff.summary.length === 0 ? [t`No change of connections, routes, rules, or findings.`] : diff.summary;
  notices.replaceChildren(
    ...lines.map((line) => h("p", { testid: "diff-summary" }, line)),
    ...diff.notes.map((note) => h("p", { class: "muted" }, note)),
  );
  content.replaceChildren(
    ...section(t`Connections`, diff.connections.map(connectionRow)),
    ...section(
      t`Endpoints`,
      diff.endpoints.map(({ kind, text }) => row(kind, kindText(kind), h("span", {}, text))),
    ),
    ...section(t`Findings`, diff.findings.map(findingRow)),
    ...machines(diff.machines),
  );
  textView.textContent = diff.text;
}

function section(name: string, rows: readonly HTMLElement[]): readonly HTMLElement[] {
  if (rows.length === 0) return [];
  const rest = rows.length - MOST_ROWS;
  return [
    h("h2", {}, name),
    h("ul", {}, ...rows.slice(0, MOST_ROWS)),
    ...(rest > 0 ? [h("p", { class: "muted" }, t`and ${number(rest)} more`)] : []),
  ];
}

const SIGNS: Readonly<Record<DiffKind, string>> = { added: "+", removed: "−", changed: "~" };

/** The sign and the kind have the same meaning as the color. */
function row(kind: DiffKind, word: string, ...parts: readonly (HTMLElement | false)[]): HTMLElement {
  return h(
    "li",
    { class: kind, testid: "diff-row" },
    h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]),
    h("span", { class: "kind" }, word),
    ...parts,
  );
}

function kindText(kind: DiffKind): string {
  switch (kind) {
    case "added":
      return t`added`;
    case "removed":
      return t`removed`;
    case "changed":
      return t`changed`;
  }
}

function connectionText(kind: DiffKind): string {
  switch (kind) {
    case "added":
      return t`opened`;
    case "removed":
      return t`closed`;
    case "changed":
      return t`changed`;
  }
}

function connectionRow(one: DiffViewConnection, connection: number): HTMLElement {
  const { kind, from, to, ports, where } = one;
  const trace = (side: "old" | "new", text: string): HTMLButtonElement =>
    button(text, `diff-trace-${side}`, () => send({ type: "trace", connection, side }));
  const element = row(
    kind,
    connectionText(kind),
    h("span", { class: "ends" }, `${from} → ${to}`),
    h("span", { class: "ports" }, ports),
    where !== "" && h("span", { class: "muted" }, where),
  );
  element.classList.add("connection");
  element.append(
    h("span", { class: "buttons" }, one.old && trace("old", t`Trace in HEAD`), one.new && trace("new", t`Trace now`)),
  );
  return element;
}

function findingRow({ kind, severity, code, message, location }: DiffViewFinding, finding: number): HTMLElement {
  const word = kind === "removed" ? t`resolved` : kindText(kind);
  const element = row(
    kind,
    word,
    h("span", { class: "code" }, `${severity} ${code}`),
    h("span", { class: "message" }, message),
  );
  element.classList.add("finding");
  if (location)
    element.append(button(t`Go to`, "diff-finding", () => send({ type: "showFinding", finding }), icon("source")));
  return element;
}

function machines(groups: DiffView["machines"]): readonly HTMLElement[] {
  if (groups.length === 0) return [];
  return [
    h("h2", {}, t`Routes and rules`),
    ...groups.slice(0, MOST_ROWS).map(({ title: name, lines }) => {
      const rest = lines.length - MOST_LINES;
      return h(
        "details",
        { class: "machine", testid: "diff-machines" },
        h("summary", {}, name),
        h(
          "pre",
          {},
          ...lines
            .slice(0, MOST_LINES)
            .map(({ kind, text }) => h("span", { class: kind }, `${lineSign(kind)} ${text}\n`)),
          rest > 0 && t`and ${number(rest)} more`,
        ),
      );
    }),
  ];
}

function lineSign(kind: DiffView["machines"][number]["lines"][number]["kind"]): string {
  return kind === "command" ? "#" : SIGNS[kind];
}

send({ type: "ready" });
