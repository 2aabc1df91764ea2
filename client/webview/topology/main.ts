/**
 * The page inside the topology panel: a pure view of a drawing. Its only state is the selected item and the zoom level;
 * messages.ts defines its requests to the extension.
 */
import "../l10n.ts";

import type { Rectangle, TopologyDrawing, TopologyItem } from "../../../server/src/lsp/protocol.ts";
import { plural } from "../../../server/src/text/format.ts";
import { t } from "../../../server/src/text/l10n.ts";
import { find, h, icon, s } from "../dom.ts";
import { type Action, type FromPage, itemsOf, type PanelState, readToPage, type ToPage } from "./messages.ts";
import { nearest } from "./nearest.ts";

interface VsCode {
  postMessage(message: FromPage): void;
  setState(state: PanelState): void;
}
declare function acquireVsCodeApi(): VsCode;

const vscode = acquireVsCodeApi();
const SMALLEST = 0.25;
const LARGEST = 2;

let items: readonly TopologyItem[] = [];
let places: (Rectangle | undefined)[] = [];
let elements: (Element | undefined)[] = [];
let chosen = 0;
let scale = 1;

const heading = h("div", { class: "heading" });
const notices = h("div", { class: "notices", role: "status" });
const scroller = h("div", { class: "scroller" });
const details = h("div", { class: "details", "aria-live": "polite", testid: "topology-details" });
const textView = h("pre", { testid: "topology-text" });

function createPage(): HTMLElement[] {
  return [
    heading,
    notices,
    h("section", { class: "map", "aria-label": t`Topology drawing` }, scroller),
    details,
    h("details", { class: "words" }, h("summary", {}, t`Text view`), textView),
  ];
}
find("app", HTMLElement).replaceChildren(...createPage());

const act = (type: Action): void => vscode.postMessage({ type, item: chosen });

/* ------------------------------------------------------------------ messages */

window.addEventListener("message", (event: MessageEvent<unknown>) => {
  const message = readToPage(event.data);
  if (message) receive(message);
});

function receive(message: ToPage): void {
  vscode.setState({ uri: message.uri });
  document.body.classList.toggle("old", message.type === "failed");
  if (message.type === "failed") {
    notices.replaceChildren(h("p", {}, message.error));
    return;
  }
  notices.replaceChildren();
  const before = items[chosen];
  items = itemsOf(message.drawing);
  const again = items.findIndex(({ kind, name }) => kind === before?.kind && name === before.name);
  const isFirst = scroller.childElementCount === 0;
  showHeading(message.file, message.drawing);
  draw(message.drawing);
  if (isFirst) setScale(fitting());
  textView.textContent = message.drawing.text;
  if (items.length === 0) {
    notices.replaceChildren(h("p", {}, t`This file declares no segment, router, host, or cluster.`));
    details.replaceChildren();
  } else choose(again < 0 ? 0 : again, false);
}

function showHeading(file: string, { clusters }: TopologyDrawing): void {
  const zoom = (label: string, text: string, by: () => number): HTMLButtonElement => {
    const button = h("button", { type: "button", class: "secondary", "aria-label": label, title: label }, text);
    button.addEventListener("click", () => setScale(by()));
    return button;
  };
  heading.replaceChildren(
    h("h1", {}, file),
    h(
      "div",
      { class: "chips", role: "list", "aria-label": t`Clusters` },
      ...clusters.map((cluster, index) => {
        const chip = h(
          "button",
          { type: "button", class: `chip cluster-${index % 6}`, "data-item": index },
          t`cluster ${cluster.name}`,
        );
        chip.addEventListener("click", () => choose(index, true));
        return chip;
      }),
    ),
    h(
      "div",
      { class: "zoom", role: "toolbar", "aria-label": t`Zoom` },
      zoom(t`Zoom out (-)`, "−", () => scale / 1.25),
      zoom(t`Fit (0)`, t`Fit`, fitting),
      zoom(t`Zoom in (+)`, "+", () => scale * 1.25),
    ),
  );
}

/* ------------------------------------------------------------------- drawing */

function draw(drawing: TopologyDrawing): void {
  const { width, height, clusters, segments, stations, lines } = drawing;
  const svg = s("svg", {
    class: "drawing",
    viewBox: `0 0 ${width} ${height}`,
    role: "group",
    "aria-label": t`Topology`,
  });
  places = clusters.map(() => undefined);
  elements = [...heading.querySelectorAll("[data-item]")];
  const colors = new Map(clusters.map(({ name }, index) => [name, index % 6]));
  svg.append(...lines.map(({ x, from, to }) => s("line", { class: "link", x1: x, x2: x, y1: from, y2: to })));
  for (const segment of segments) svg.append(thing(segment, "segment", `${segment.name}  ${segment.facts.join(", ")}`));
  for (const station of stations) {
    const color = station.cluster === undefined ? "" : `cluster-${colors.get(station.cluster) ?? 0}`;
    const kind = station.cluster === undefined ? station.kind : t`${station.kind} of ${station.cluster}`;
    const classes = ["station", station.kind, station.count > 1 ? "many" : "", color].filter((name) => name !== "");
    const box = thing(station, classes.join(" "), "");
    const lineOf = (row: number): number => station.y + 10 + 12 + row * 16;
    const { width } = station;
    const middle = station.x + width / 2;
    box.append(
      text(kind, { x: middle, y: lineOf(0), width }, "kind", "middle"),
      text(station.name, { x: middle, y: lineOf(1), width }, "name", "middle"),
      ...station.facts.map((fact, row) => text(fact, { x: middle, y: lineOf(row + 2), width }, "fact", "middle")),
    );
    svg.append(box);
    for (const pod of station.pods) svg.append(thing(pod, "pod", `${pod.name} ${pod.facts[0] ?? ""}`));
    const last = station.pods.at(-1);
    if (last && station.morePods > 0) {
      const more = t`and ${plural(station.morePods, "more pod")}`;
      svg.append(text(more, { x: middle, y: last.y + last.height + 15, width }, "fact", "middle"));
    }
  }
  svg.append(
    ...lines.map(({ x, textY, text: label }) => text(label, { x: x + 5, y: textY, width: 220 }, "address", "start")),
  );
  scroller.replaceChildren(svg);
  setScale(scale);
}

/** An item that can be selected; `label` is drawn inside it. */
function thing(item: TopologyItem & Rectangle, kind: string, label: string): SVGGElement {
  const index = elements.length;
  const { x, y, width, height } = item;
  const element = s(
    "g",
    {
      class: `thing ${kind}`,
      role: "button",
      tabindex: -1,
      "data-item": index,
      testid: `topology-${item.kind}`,
      "aria-label": `${item.kind} ${item.name}: ${item.facts.join(", ")}`,
    },
    s("title", {}, [`${item.kind} ${item.name}`, ...item.facts].join("\n")),
    s("rect", { x, y, width, height, rx: item.kind === "segment" ? 3 : 6 }),
    label !== "" && text(label, { x: x + 10, y: y + height / 2 + 4, width: width - 10 }, "label", "start"),
  );
  element.addEventListener("click", () => choose(index, true));
  element.addEventListener("dblclick", () => act("show"));
  places.push(item);
  elements.push(element);
  return element;
}

/** Shortened to fit the width; the title and the details contain the full text. */
function text(full: string, { x, y, width }: Omit<Rectangle, "height">, kind: string, anchor: string): SVGTextElement {
  const most = Math.max(4, Math.floor((width - 12) / 6.4));
  const shown = full.length > most ? `${full.slice(0, most - 1)}…` : full;
  return s("text", { class: kind, x, y, "text-anchor": anchor }, shown);
}

function setScale(wanted: number): void {
  scale = Math.min(LARGEST, Math.max(SMALLEST, wanted));
  const svg = scroller.querySelector("svg");
  if (!svg) return;
  svg.setAttribute("width", String(svg.viewBox.baseVal.width * scale));
  svg.setAttribute("height", String(svg.viewBox.baseVal.height * scale));
}

function fitting(): number {
  const width = scroller.querySelector("svg")?.viewBox.baseVal.width ?? 0;
  return width === 0 ? 1 : Math.min(1, scroller.clientWidth / width);
}

/* -------------------------------------------------------------------- choice */

function choose(index: number, focus: boolean): void {
  const item = items[index];
  if (!item) return;
  chosen = index;
  elements.forEach((element, at) => {
    element?.setAttribute("tabindex", at === index ? "0" : "-1");
    if (at === index) element?.setAttribute("aria-current", "true");
    else element?.removeAttribute("aria-current");
  });
  const element = elements[index];
  if (focus && (element instanceof SVGElement || element instanceof HTMLElement)) {
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const button = (type: Action, label: string, key: string): HTMLButtonElement => {
    const made = h(
      "button",
      { type: "button", class: "secondary", testid: `topology-${type}`, "aria-keyshortcuts": key },
      type === "show" && icon("source"),
      label,
    );
    made.addEventListener("click", () => act(type));
    return made;
  };
  details.replaceChildren(
    h("h2", {}, `${item.kind} ${item.name}`),
    h("ul", {}, ...item.facts.map((fact) => h("li", {}, fact))),
    h(
      "div",
      { class: "buttons" },
      item.location && button("show", t`Go to source`, "Enter"),
      item.path !== undefined && button("trace", t`Trace from here`, "T"),
      item.path !== undefined && button("routes", t`Routes`, "R"),
    ),
  );
}

window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || items.length === 0) return;
  if (event.target instanceof HTMLElement && event.target.closest("summary")) return;
  const handled = press(event.key, event.target);
  if (handled) event.preventDefault();
});

function press(key: string, target: EventTarget | null): boolean {
  switch (key) {
    case "ArrowLeft":
    case "ArrowRight":
    case "ArrowUp":
    case "ArrowDown": {
      const next = nearest(places, chosen, key);
      if (next !== undefined) choose(next, true);
      return next !== undefined;
    }
    case "Home":
      choose(0, true);
      return true;
    case "End":
      choose(items.length - 1, true);
      return true;
    case "Enter":
      if (target instanceof HTMLButtonElement) return false;
      act("show");
      return true;
    case "t":
      if (items[chosen]?.path !== undefined) act("trace");
      return true;
    case "r":
      if (items[chosen]?.path !== undefined) act("routes");
      return true;
    case "+":
      setScale(scale * 1.25);
      return true;
    case "-":
      setScale(scale / 1.25);
      return true;
    case "0":
      setScale(fitting());
      return true;
    default:
      return false;
  }
}

vscode.postMessage({ type: "ready" });
