/**
 * The page inside the trace panel: a pure view of a trace. Its only state is the shown path and step; messages.ts defines its
 * requests to the extension.
 */
import "./l10n.ts";

import { either, plural } from "../../server/src/text/format.ts";
import { t } from "../../server/src/text/l10n.ts";
import { type Step, splitOwner, stepsOf, wayOf, waysOf } from "../../server/src/trace/layout.ts";
import { actionText } from "../../server/src/trace/names.ts";
import type { Path, Trace } from "../../server/src/trace/schema.ts";
import { details } from "./details.ts";
import { find, h, icon } from "./dom.ts";
import { Drawing } from "./drawing.ts";
import { type FromPage, type PanelState, readToPage, type ToPage } from "./messages.ts";
import {
  announcement,
  failuresOf,
  keepPath,
  keepStep,
  legText,
  type Outcome,
  percent,
  queryParts,
  summaryOfPath,
  summaryOfTrace,
  verdictText,
} from "./model.ts";

interface VsCode {
  postMessage(message: FromPage): void;
  setState(state: PanelState): void;
}
declare function acquireVsCodeApi(): VsCode;

type Shown = Extract<ToPage, { type: "trace" }>;

const vscode = acquireVsCodeApi();

let shown: Shown | undefined;
let pathIndex = 0;
let stepIndex = 0;
let steps: readonly Step[] = [];
let hopButtons: HTMLButtonElement[] = [];

/* -------------------------------------------------------------------- fixed parts of the page */

const stepButton = (
  id: string,
  name: "first" | "previous" | "next" | "last",
  label: string,
  key: string,
): HTMLButtonElement =>
  h(
    "button",
    {
      type: "button",
      class: "icon-button",
      id,
      testid: id,
      title: `${label} (${key})`,
      "aria-label": label,
      "aria-keyshortcuts": key.replace(" ", ""),
    },
    icon(name),
  );

const createParts = () => ({
  first: stepButton("step-first", "first", t`First step`, "Home"),
  previous: stepButton("step-prev", "previous", t`Previous step`, "Arrow Left"),
  next: stepButton("step-next", "next", t`Next step`, "Arrow Right"),
  last: stepButton("step-last", "last", t`Last step`, "End"),
  counter: h("span", { class: "counter" }),
  legs: h("div", { class: "legs", role: "group", "aria-label": t`Jump to` }),
  stepList: h("ol", { class: "steps", id: "steps", "aria-label": t`Steps` }),
  detailsBox: h("div", { class: "details", id: "details" }),
  drawingBox: h("div", { class: "drawing-scroller" }),
  live: h("div", { class: "visually-hidden", "aria-live": "polite", role: "status" }),
  heading: h("div", { class: "heading" }),
  notices: h("div", { class: "notices" }, h("p", { class: "working" }, t`Tracing…`)),
});
const { first, previous, next, last, counter, legs, stepList, detailsBox, drawingBox, live, heading, notices } =
  createParts();

const createBody = (): HTMLElement =>
  h(
    "div",
    { class: "body", hidden: true },
    h("section", { class: "way", "aria-label": t`Packet path drawing` }, drawingBox),
    h(
      "div",
      { class: "stepper", role: "toolbar", "aria-label": t`Steps` },
      h("div", { class: "buttons" }, first, previous, next, last),
      counter,
      legs,
    ),
    h("div", { class: "columns" }, h("nav", { class: "list", "aria-label": t`Path steps` }, stepList), detailsBox),
  );
const body = createBody();
find("app", HTMLElement).replaceChildren(heading, notices, body, live);

const drawing = new Drawing(drawingBox, (step) => go(step));

/* -------------------------------------------------------------------- messages */

const send = (message: FromPage): void => vscode.postMessage(message);

window.addEventListener("message", (event: MessageEvent<unknown>) => {
  const message = readToPage(event.data);
  if (message) receive(message);
});

function receive(message: ToPage): void {
  switch (message.type) {
    case "working":
      heading.classList.add("busy");
      return;
    case "failed":
      heading.classList.remove("busy");
      showFailure(message);
      return;
    case "trace":
      heading.classList.remove("busy");
      showTrace(message);
      return;
  }
}

function showTrace(message: Shown): void {
  const before = shown;
  const sameQuery =
    before !== undefined &&
    before.uri === message.uri &&
    JSON.stringify(before.query) === JSON.stringify(message.query);
  const oldPath = before && waysOf(before.trace)[pathIndex];
  shown = message;
  if (message.place) {
    pathIndex = Math.min(message.place.path, Math.max(0, waysOf(message.trace).length - 1));
    stepIndex = message.place.step;
  } else if (sameQuery) {
    pathIndex = keepPath(before.trace, message.trace, pathIndex);
    const path = waysOf(message.trace)[pathIndex];
    stepIndex = path ? keepStep(oldPath, path, stepIndex) : 0;
  } else {
    pathIndex = 0;
    stepIndex = 0;
  }
  const focused = document.activeElement;
  const inList = focused instanceof HTMLElement && stepList.contains(focused);
  const focusedId = focused?.id ?? "";
  renderHeading();
  renderPath();
  if (inList) hopButtons[stepIndex]?.focus();
  else if (focusedId !== "") document.getElementById(focusedId)?.focus();
  if (before && sameQuery) live.textContent = t`Trace updated: ${summaryOfTrace(message.trace).text}.`;
}

function showFailure(message: Extract<ToPage, { type: "failed" }>): void {
  const block = h(
    "section",
    { class: "notice notice-bad", role: "alert", testid: "error" },
    icon("bad"),
    h(
      "div",
      {},
      h("p", { class: "notice-title" }, message.error),
      message.candidates.length > 0 &&
        h("p", { class: "muted" }, t`Did you mean ${either(message.candidates.slice(0, 8))}?`),
      shown !== undefined && h("p", { class: "muted" }, t`This trace predates the last edit.`),
    ),
  );
  if (!shown) {
    heading.replaceChildren(title(message.query, message.file));
    body.hidden = true;
  }
  body.classList.toggle("stale", shown !== undefined);
  notices.replaceChildren(block);
}

/* -------------------------------------------------------------------- heading */

function title(query: Trace["query"] | Shown["query"], file: string): HTMLElement {
  const parts = queryParts({ ...query, df: query.df ?? false });
  const change = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      id: "change",
      title: t`Trace a different packet…`,
      "aria-label": t`Trace a different packet`,
    },
    icon("edit"),
  );
  change.addEventListener("click", () => send({ type: "change" }));
  const again = h(
    "button",
    { type: "button", class: "icon-button", id: "retrace", title: t`Trace again`, "aria-label": t`Trace again` },
    icon("refresh"),
  );
  again.addEventListener("click", () => send({ type: "retrace" }));
  return h(
    "div",
    { class: "title-line" },
    h(
      "h1",
      { testid: "query" },
      h("span", { class: "end", title: parts.from }, parts.from),
      h("span", { class: "to", "aria-label": t`to` }, " → "),
      h("span", { class: "end", title: parts.to }, parts.to),
      " ",
      h("span", { class: "tag" }, parts.service),
      ...parts.details.map((detail) => h("span", { class: "tag" }, detail)),
    ),
    h("span", { class: "file muted", title: file }, file),
    change,
    again,
  );
}

function badge(outcome: Outcome, text: string, testid?: string): HTMLElement {
  return h("span", { class: `badge badge-${outcome}`, testid }, icon(outcome), h("span", {}, text));
}

function renderHeading(): void {
  if (!shown) return;
  const { trace, file } = shown;
  const summary = summaryOfTrace(trace);
  const facts = h("p", { class: "path-facts muted", id: "path-facts" });
  const line = h("div", { class: "verdict-line" }, badge(summary.outcome, summary.text, "verdict"), facts);
  heading.replaceChildren(title(trace.query, file), line);
  if (waysOf(trace).length > 1) heading.append(pathSelector(trace));
}

function pathSelector(trace: Trace): HTMLElement {
  const choices = waysOf(trace).map((path, index) => {
    const summary = summaryOfPath(path);
    const name = splitOwner(path.hops.at(-1)?.owner ?? "").name;
    const input = h("input", {
      type: "radio",
      name: "path",
      value: index,
      id: `path-${index}`,
      checked: index === pathIndex,
    });
    input.addEventListener("change", () => selectPath(index));
    return h(
      "label",
      {
        class: `path-choice path-${summary.outcome}`,
        for: `path-${index}`,
        title: t`${summary.text}, ends at ${name}`,
      },
      input,
      icon(summary.outcome),
      h("span", { class: "visually-hidden" }, `${summary.text}: `),
      h("span", { class: "path-name" }, wayName(trace, index, name)),
      h("span", { class: "muted" }, percent(path.probability)),
    );
  });
  return h(
    "fieldset",
    { class: "paths", testid: "paths" },
    h("legend", {}, plural(waysOf(trace).length, "path")),
    h("div", { class: "path-choices" }, ...choices),
  );
}

/** The name of a path. Paths of the same kind differ by the machine at which they end. */
function wayName(trace: Trace, index: number, end: string): string {
  const way = wayOf(trace, index);
  if (way.kind === "lookup") return `DNS: ${end}`;
  if (way.kind === "proxied") return t`Backend: ${end}`;
  return end || t`Path ${index + 1}`;
}

function selectPath(index: number): void {
  if (!shown || index === pathIndex) return;
  const ways = waysOf(shown.trace);
  const old = ways[pathIndex];
  const path = ways[index];
  if (!path) return;
  pathIndex = index;
  stepIndex = keepStep(old, path, stepIndex);
  renderPath();
  send({ type: "place", path: pathIndex, step: stepIndex });
  live.textContent = t`Path ${index + 1} of ${ways.length}: ${summaryOfPath(path).text}.`;
}

/* -------------------------------------------------------------------- a path */

function renderPath(): void {
  const path = shown && waysOf(shown.trace)[pathIndex];
  body.classList.remove("stale");
  if (!path) {
    notices.replaceChildren(h("p", { class: "muted" }, t`No path to show.`));
    body.hidden = true;
    return;
  }
  body.hidden = false;
  steps = stepsOf(path);
  renderFacts(path);
  renderNotices(path);
  renderList(path);
  drawing.draw(path);
  const replyAt = steps.findIndex((step) => step.leg === "reply");
  const jump = (id: string, label: string, leg: string, to: number): HTMLButtonElement => {
    const button = h("button", { type: "button", class: `leg-button leg-${leg}`, id, "data-leg": leg }, label);
    button.addEventListener("click", () => go(to));
    return button;
  };
  legs.replaceChildren(
    ...(replyAt < 0
      ? []
      : [jump("leg-request", legText("request"), "request", 0), jump("leg-reply", legText("reply"), "reply", replyAt)]),
  );
  go(stepIndex, false);
}

function renderFacts(path: Path): void {
  const facts: string[] = [];
  if (path.mtu > 0) facts.push(t`path MTU ${path.mtu} bytes`);
  if (path.receiver) {
    const { src, sport, process } = path.receiver;
    const peer = sport === undefined ? src : src.includes(":") ? `[${src}]:${sport}` : `${src}:${sport}`;
    facts.push(process === undefined ? t`the receiver sees ${peer}` : t`${process} sees ${peer}`);
  }
  document.getElementById("path-facts")?.replaceChildren(facts.join(" · "));
}

function renderNotices(path: Path): void {
  notices.replaceChildren(
    ...failuresOf(path).map((failure) => {
      const lastStep = steps.findLastIndex((step) => step.leg === failure.leg);
      const show = h("button", { type: "button", class: "secondary", id: `${failure.leg}-end` }, t`Show step`);
      show.addEventListener("click", () => go(lastStep));
      const source =
        failure.hasSource &&
        h(
          "button",
          { type: "button", class: "secondary", id: `${failure.leg}-source`, testid: "goto-reason" },
          icon("source"),
          t`Go to source`,
        );
      if (source)
        source.addEventListener("click", () => send({ type: "showReason", path: pathIndex, leg: failure.leg }));
      return h(
        "section",
        {
          class: `notice notice-${failure.leg === "request" ? "bad" : "partly"}`,
          testid: "reason",
          "aria-label": failure.title,
        },
        icon(failure.leg === "request" ? "bad" : "partly"),
        h(
          "div",
          { class: "notice-text" },
          h(
            "p",
            { class: "notice-title" },
            h("strong", {}, failure.title),
            failure.message && h("span", {}, `: ${failure.message}`),
          ),
          h("p", { class: "muted" }, failure.error, failure.code && h("code", { class: "code" }, failure.code)),
        ),
        h("div", { class: "notice-buttons" }, lastStep >= 0 && show, source),
      );
    }),
  );
}

function renderList(path: Path): void {
  hopButtons = [];
  const items: HTMLElement[] = [];
  let owner = "";
  let leg = "";
  for (const step of steps) {
    const { index, hop } = step;
    if (step.leg !== leg) {
      leg = step.leg;
      owner = "";
      items.push(
        h("li", { class: "list-leg", role: "presentation" }, h("span", { class: `leg leg-${leg}` }, legText(step.leg))),
      );
    }
    if (hop.owner !== owner) {
      owner = hop.owner;
      const { kind, name } = splitOwner(owner);
      items.push(
        h(
          "li",
          { class: "list-owner", role: "presentation", title: owner },
          kind && h("span", { class: "owner-kind" }, `${kind} `),
          name,
        ),
      );
    }
    const verdict = step.leg === "request" ? path.verdict : (path.reply?.verdict ?? "delivered");
    const failed = step.last && verdict !== "delivered";
    const button = h(
      "button",
      {
        type: "button",
        class: `hop hop-${step.leg}${failed ? " hop-bad" : ""}`,
        testid: "hop",
        "data-index": index,
        tabindex: -1,
      },
      h("span", { class: "hop-number" }, String(index + 1)),
      h(
        "span",
        { class: "hop-body" },
        h(
          "span",
          { class: "hop-line" },
          h("span", { class: "visually-hidden" }, `${hop.owner} `),
          h("span", { class: "action" }, actionText(hop.action)),
          hop.device !== "" &&
            h(
              "span",
              { class: "hop-device" },
              hop.direction === null
                ? ""
                : h("span", { class: "muted" }, `${hop.direction === "in" ? t`in` : t`out`} `),
              hop.device,
            ),
          failed && h("span", { class: "hop-end" }, icon("bad"), verdictText(verdict, "label")),
          step.last &&
            !failed &&
            h("span", { class: "hop-end hop-end-good" }, icon("good"), verdictText(verdict, "label")),
        ),
        h("span", { class: "hop-text muted" }, hop.text),
      ),
    );
    button.addEventListener("click", () => go(index));
    hopButtons.push(button);
    items.push(h("li", { class: "list-hop" }, button));
  }
  stepList.replaceChildren(...items);
}

/* -------------------------------------------------------------------- stepping */

function go(to: number, byUser = true): void {
  const count = steps.length;
  const index = Math.min(Math.max(0, to), Math.max(0, count - 1));
  const step = steps[index];
  const moved = byUser && index !== stepIndex;
  hopButtons[stepIndex]?.removeAttribute("aria-current");
  for (const button of hopButtons) {
    if (button.tabIndex === 0) button.tabIndex = -1;
  }
  stepIndex = index;
  for (const [button, end] of [
    [first, 0],
    [previous, 0],
    [next, count - 1],
    [last, count - 1],
  ] as const) {
    // Not `disabled`, because the button must keep the focus at the first and last step.
    button.setAttribute("aria-disabled", String(count === 0 || index === end));
  }
  if (!step) {
    counter.textContent = t`no steps`;
    detailsBox.replaceChildren();
    return;
  }
  counter.textContent = `${index + 1} / ${count}`;
  for (const button of legs.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-leg") === step.leg));
  }
  const current = hopButtons[index];
  if (current) {
    current.setAttribute("aria-current", "step");
    current.tabIndex = 0;
    reveal(current);
  }
  drawing.show(index, moved);
  // The reply is a different packet, so its first hop shows no changes.
  const before = steps[index - 1];
  const packet = before?.leg === step.leg ? before.hop.packet : undefined;
  const hadSource = document.activeElement?.id === "goto-source";
  detailsBox.replaceChildren(
    ...details(step, count, packet, { showRule: () => send({ type: "showRule", path: pathIndex, step: stepIndex }) }),
  );
  if (hadSource) (document.getElementById("goto-source") ?? current)?.focus({ preventScroll: true });
  if (shown) vscode.setState({ uri: shown.uri, query: shown.query, path: pathIndex, step: stepIndex });
  if (moved) {
    send({ type: "place", path: pathIndex, step: stepIndex });
    // In the list the focus moves to the step, so a screen reader announces it anyway.
    if (!stepList.contains(document.activeElement)) live.textContent = announcement(step, count);
  }
}

/** Scrolls the list, but not the page. */
function reveal(button: HTMLElement): void {
  const scroller = stepList;
  if (scroller.scrollHeight <= scroller.clientHeight) return;
  const top = button.offsetTop - scroller.offsetTop;
  if (top - 48 < scroller.scrollTop) scroller.scrollTop = top - 48;
  else if (top + button.offsetHeight + 24 > scroller.scrollTop + scroller.clientHeight) {
    scroller.scrollTop = top + button.offsetHeight + 24 - scroller.clientHeight;
  }
}

first.addEventListener("click", () => go(0));
previous.addEventListener("click", () => go(stepIndex - 1));
next.addEventListener("click", () => go(stepIndex + 1));
last.addEventListener("click", () => go(steps.length - 1));

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || steps.length === 0)
    return;
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.matches("input, select, textarea")) return;
  const inList = target !== undefined && stepList.contains(target);
  const to: Readonly<Record<string, number>> = {
    ArrowLeft: stepIndex - 1,
    ArrowRight: stepIndex + 1,
    Home: 0,
    End: steps.length - 1,
    ...(inList ? { ArrowUp: stepIndex - 1, ArrowDown: stepIndex + 1 } : {}),
  };
  const goal = to[event.key];
  if (goal === undefined) return;
  event.preventDefault();
  go(goal);
  if (inList) hopButtons[stepIndex]?.focus({ preventScroll: true });
});

send({ type: "ready" });
