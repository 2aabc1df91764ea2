/** What is said about one hop: the packet's headers, and the rule that decided. */
import { type Step, splitOwner } from "../../server/src/trace/layout.ts";
import type { Hop, Packet, Rule } from "../../server/src/trace/schema.ts";
import { h, icon } from "./dom.ts";
import { crossing, type Field, type Layer, viewPacket } from "./model.ts";

export interface DetailsActions {
  showRule(): void;
}

export function details(step: Step, count: number, before: Packet | undefined, actions: DetailsActions): HTMLElement[] {
  return [where(step, count), rule(step.hop.rule, actions), packet(step.hop, before)];
}

function where({ index, leg, hop }: Step, count: number): HTMLElement {
  const { kind, name } = splitOwner(hop.owner);
  return h(
    "section",
    { class: "where" },
    h(
      "p",
      { class: "where-line" },
      h("span", { class: `leg leg-${leg}` }, leg === "request" ? "Request" : "Reply"),
      h("span", { class: "muted" }, `step ${index + 1} of ${count}`),
    ),
    h(
      "h2",
      {},
      kind && h("span", { class: "owner-kind" }, `${kind} `),
      h("span", { class: "owner-name" }, name),
      hop.device !== "" && h("span", { class: "owner-device" }, ` · ${crossing(hop)}`),
    ),
    h("p", { class: "sentence" }, h("span", { class: "action" }, hop.action), h("span", {}, hop.text)),
  );
}

function rule(decided: Rule | undefined, actions: DetailsActions): HTMLElement {
  const section = h("section", { class: "card rule", testid: "rule", "aria-label": "Rule that decided" });
  if (!decided) {
    section.classList.add("rule-none");
    section.append(h("p", { class: "muted" }, "No rule was asked at this step."));
    return section;
  }
  const button =
    decided.location &&
    h(
      "button",
      { type: "button", class: "secondary", id: "goto-source", testid: "goto-source" },
      icon("source"),
      "Go to source",
    );
  button?.addEventListener("click", () => actions.showRule());
  section.append(
    h(
      "div",
      { class: "card-head" },
      h("h3", {}, "Decided by"),
      h("span", { class: "table-name" }, decided.table),
      button,
    ),
    h("pre", { class: "rule-text", tabindex: 0, "aria-label": "Text of the rule" }, decided.text),
  );
  if (decided.why) section.append(h("p", { class: "why" }, decided.why));
  return section;
}

function packet(hop: Hop, before: Packet | undefined): HTMLElement {
  const view = viewPacket(hop.packet, before);
  const facts = h("dl", { class: "facts" }, ...fact(view.length), ...fact(view.ttl));
  const section = h(
    "section",
    { class: "card headers", "aria-label": "Packet" },
    h("div", { class: "card-head" }, h("h3", {}, "Packet"), facts),
  );
  if (view.removed.length > 0) {
    section.append(h("p", { class: "removed" }, h("span", { class: "mark" }, "removed"), view.removed.join(", ")));
  }
  // Each header holds the next one in itself.
  let inside: HTMLElement | undefined;
  for (const layer of [...view.layers].reverse()) inside = header(layer, inside);
  if (inside) section.append(inside);
  return section;
}

function fact(field: Field): HTMLElement[] {
  return [h("dt", {}, field.name), h("dd", { class: field.before === undefined ? "" : "changed" }, ...value(field))];
}

function value(field: Field): (HTMLElement | string)[] {
  if (field.before === undefined) return [field.value];
  return [
    h("ins", {}, field.value),
    h("del", { "aria-label": `was ${field.before}`, title: `was ${field.before}` }, field.before),
  ];
}

function header(layer: Layer, inside: HTMLElement | undefined): HTMLElement {
  return h(
    "div",
    { class: `layer layer-${layer.change}` },
    h(
      "div",
      { class: "layer-line" },
      h("span", { class: "layer-title" }, layer.title),
      layer.change !== "same" && h("span", { class: "mark" }, layer.change),
      h(
        "dl",
        { class: "fields" },
        ...layer.fields.map((field) =>
          h(
            "div",
            { class: `field${field.before === undefined ? "" : " changed"}` },
            h("dt", {}, field.name),
            h("dd", {}, ...value(field)),
          ),
        ),
      ),
    ),
    inside,
  );
}
