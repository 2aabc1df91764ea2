/** Details of a hop: the headers of the packet, and the rule that determined the action. */

import { t } from "../../server/src/text/l10n.ts";
import { type Step, splitOwner } from "../../server/src/trace/layout.ts";
import { actionText } from "../../server/src/trace/names.ts";
import type { Hop, Packet, Rule } from "../../server/src/trace/schema.ts";
import { h, icon } from "./dom.ts";
import { changeText, crossing, type Field, type Layer, legText, viewPacket } from "./model.ts";

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
      h("span", { class: `leg leg-${leg}` }, legText(leg)),
      h("span", { class: "muted" }, t`step ${index + 1} of ${count}`),
    ),
    h(
      "h2",
      {},
      kind && h("span", { class: "owner-kind" }, `${kind} `),
      h("span", { class: "owner-name" }, name),
      hop.device !== "" && h("span", { class: "owner-device" }, ` · ${crossing(hop)}`),
    ),
    h("p", { class: "sentence" }, h("span", { class: "action" }, actionText(hop.action)), h("span", {}, hop.text)),
  );
}

function rule(decided: Rule | undefined, actions: DetailsActions): HTMLElement {
  const section = h("section", { class: "card rule", testid: "rule", "aria-label": t`Rule` });
  if (!decided) {
    section.classList.add("rule-none");
    section.append(h("p", { class: "muted" }, t`No rule applies to this step.`));
    return section;
  }
  const button =
    decided.location &&
    h(
      "button",
      { type: "button", class: "secondary", id: "goto-source", testid: "goto-source" },
      icon("source"),
      t`Go to source`,
    );
  button?.addEventListener("click", () => actions.showRule());
  section.append(
    h(
      "div",
      { class: "card-head" },
      h("h3", {}, t`Decided by`),
      h("span", { class: "table-name" }, decided.table),
      button,
    ),
    h("pre", { class: "rule-text", tabindex: 0, "aria-label": t`Rule text` }, decided.text),
  );
  if (decided.why) section.append(h("p", { class: "why" }, decided.why));
  return section;
}

function packet(hop: Hop, before: Packet | undefined): HTMLElement {
  const view = viewPacket(hop.packet, before);
  const facts = h("dl", { class: "facts" }, ...fact(view.length), ...fact(view.ttl));
  const section = h(
    "section",
    { class: "card headers", "aria-label": t`Packet` },
    h("div", { class: "card-head" }, h("h3", {}, t`Packet`), facts),
  );
  if (view.removed.length > 0) {
    section.append(h("p", { class: "removed" }, h("span", { class: "mark" }, t`removed`), view.removed.join(", ")));
  }
  // Each header element contains the element of the next inner header.
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
  const before = t`was ${field.before}`;
  return [h("ins", {}, field.value), h("del", { "aria-label": before, title: before }, field.before)];
}

function header(layer: Layer, inside: HTMLElement | undefined): HTMLElement {
  return h(
    "div",
    { class: `layer layer-${layer.change}` },
    h(
      "div",
      { class: "layer-line" },
      h("span", { class: "layer-title" }, layer.title),
      layer.change !== "same" && h("span", { class: "mark" }, changeText(layer.change)),
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
