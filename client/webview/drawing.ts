/** The drawing of a path: boxes, bars, lines, and stops of the layout as SVG, and the moving packet. */

import { t } from "../../server/src/text/l10n.ts";
import {
  type Box,
  type DeviceBar,
  type Lane,
  type Layout,
  layoutPath,
  type Measure,
  type Step,
  type Stop,
  stepsOf,
} from "../../server/src/trace/layout.ts";
import { actionText } from "../../server/src/trace/names.ts";
import type { Path } from "../../server/src/trace/schema.ts";
import { s } from "./dom.ts";
import { crossing, depth } from "./model.ts";

const packetAbove = 25;

export class Drawing {
  readonly #scroller: HTMLElement;
  readonly #select: (step: number) => void;
  #layout: Layout | undefined;
  #steps: readonly Step[] = [];
  #stops: SVGGElement[] = [];
  #boxes: { element: SVGGElement; steps: readonly number[] }[] = [];
  #bars: { element: SVGGElement; steps: readonly number[] }[] = [];
  #travelled: SVGPolylineElement[] = [];
  #packet: SVGGElement | undefined;
  #current = 0;

  constructor(scroller: HTMLElement, select: (step: number) => void) {
    this.#scroller = scroller;
    this.#select = select;
  }

  draw(path: Path): void {
    const layout = layoutPath(path, { measure: measureIn(this.#scroller) });
    this.#layout = layout;
    this.#steps = stepsOf(path);
    const { width, height } = layout;
    const machines = layout.boxes.map((box) => box.owner).join(", ");
    const svg = s("svg", {
      class: "drawing",
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": t`Packet path: ${machines}. The list of steps contains the same information.`,
    });
    this.#boxes = [];
    this.#bars = [];
    svg.append(...layout.boxes.map((box) => this.#drawBox(box)));
    const lanes = layout.lanes.map(drawnLane);
    this.#travelled = lanes.map(({ travelled }) => travelled);
    this.#stops = layout.stops.map((stop) => this.#drawStop(stop));
    svg.append(...lanes.map(({ element }) => element), ...this.#stops);
    this.#packet = packetShape();
    if (layout.stops.length > 0) svg.append(this.#packet);
    this.#scroller.replaceChildren(svg);
  }

  #drawBox(box: Box): SVGGElement {
    const element = s(
      "g",
      { class: `box box-${kindClass(box.kind)}` },
      s("title", {}, box.owner),
      s("rect", { class: "box-outline", x: box.x, y: box.y, width: box.width, height: box.height, rx: 6 }),
      s(
        "text",
        { class: "box-kind", x: box.kindLabel.x, y: box.kindLabel.y, "text-anchor": "middle" },
        box.kindLabel.text,
      ),
      s(
        "text",
        { class: "box-name", x: box.nameLabel.x, y: box.nameLabel.y, "text-anchor": "middle" },
        box.nameLabel.text,
      ),
    );
    element.append(...box.devices.map((device) => this.#drawBar(device, box.owner)));
    element.addEventListener("click", () => this.#selectIn(box.steps));
    this.#boxes.push({ element, steps: box.steps });
    return element;
  }

  #drawBar(device: DeviceBar, owner: string): SVGGElement {
    const bar = s(
      "g",
      { class: "bar" },
      s("title", {}, t`${device.label.full} of ${owner}`),
      s("rect", {
        class: "bar-outline",
        x: device.x,
        y: device.y,
        width: device.width,
        height: device.height,
        rx: 3,
      }),
      s(
        "text",
        { class: "bar-name", x: device.label.x, y: device.label.y, "text-anchor": "middle" },
        device.label.text,
      ),
    );
    bar.addEventListener("click", (event) => {
      event.stopPropagation();
      this.#selectIn(device.steps);
    });
    this.#bars.push({ element: bar, steps: device.steps });
    return bar;
  }

  #drawStop(stop: Stop): SVGGElement {
    const step = this.#steps[stop.step];
    const ended = stop.end === undefined ? "" : stop.end === "delivered" ? " stop-good" : " stop-bad";
    const action = step && [crossing(step.hop), actionText(step.hop.action)].filter(Boolean).join(": ");
    const title = action === undefined ? "" : `${stop.step + 1}. ${action}`;
    const element = s(
      "g",
      { class: `stop stop-${stop.leg}${ended}`, transform: `translate(${stop.x} ${stop.y})` },
      s("title", {}, title),
      s("circle", { class: "stop-hit", r: stop.radius + 3 }),
      stop.end !== undefined && stop.end !== "delivered"
        ? s("path", { class: "stop-shape", d: octagon(stop.radius + 1) })
        : s("circle", { class: "stop-shape", r: stop.radius }),
      s("text", { class: "stop-number", y: 3.5, "text-anchor": "middle" }, String(stop.step + 1)),
      stop.end === undefined
        ? undefined
        : s("path", {
            class: "stop-end",
            transform: `translate(0 ${stop.radius + 9})`,
            d: stop.end === "delivered" ? "M-4.5 0L-1.5 3L4.5 -3" : "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5",
          }),
    );
    element.addEventListener("click", (event) => {
      event.stopPropagation();
      this.#select(stop.step);
    });
    return element;
  }

  /** Moves the packet to a step. `move`: animated, unlike in a new drawing. */
  show(index: number, move: boolean): void {
    const layout = this.#layout;
    const stop = layout?.stops[index];
    const step = this.#steps[index];
    if (!layout || !stop || !step) return;
    this.#current = index;
    for (const [at, element] of this.#stops.entries()) {
      element.classList.toggle("current", at === index);
      element.classList.toggle("passed", at < index);
    }
    for (const { element, steps } of [...this.#boxes, ...this.#bars])
      element.classList.toggle("current", steps.includes(index));
    for (const [at, lane] of layout.lanes.entries()) {
      const reached = lane.line.findLastIndex((corner) => corner.step !== undefined && corner.step <= index);
      const points = lane.line.slice(0, reached + 1);
      this.#travelled[at]?.setAttribute(
        "points",
        points.length > 1 ? points.map(({ x, y }) => `${x},${y}`).join(" ") : "",
      );
    }
    if (this.#packet) {
      this.#packet.classList.toggle("moving", move);
      this.#packet.style.transform = `translate(${stop.x}px, ${stop.y - packetAbove}px)`;
      this.#packet.classList.toggle("wrapped", depth(step.hop.packet) > 1);
      this.#packet.setAttribute("data-step", String(index));
    }
    const box = layout.boxes[stop.box];
    if (box) this.#reveal(stop.x, box, move);
  }

  /** Selects the next of these steps after the current step, so repeated clicks advance. */
  #selectIn(steps: readonly number[]): void {
    const sorted = [...steps].sort((a, b) => a - b);
    const next = sorted.find((step) => step > this.#current) ?? sorted[0];
    if (next !== undefined) this.#select(next);
  }

  /** Scrolls to make the whole box visible or, if the box is too wide, the area around the stop. */
  #reveal(x: number, box: { x: number; width: number }, smooth: boolean): void {
    const { clientWidth, scrollLeft } = this.#scroller;
    const wide = box.width + 80 > clientWidth;
    const [from, to] = wide ? [x - 80, x + 80] : [box.x - 40, box.x + box.width + 40];
    if (from >= scrollLeft && to <= scrollLeft + clientWidth) return;
    const left = (from + to) / 2 - clientWidth / 2;
    this.#scroller.scrollTo({ left, behavior: smooth && !reducedMotion() ? "smooth" : "instant" });
  }
}

function reducedMotion(): boolean {
  return (
    matchMedia("(prefers-reduced-motion: reduce)").matches || document.body.classList.contains("vscode-reduce-motion")
  );
}

/** `travelled`: the line up to the packet, still empty. */
function drawnLane({ leg, line, arrows }: Lane): {
  readonly element: SVGGElement;
  readonly travelled: SVGPolylineElement;
} {
  const points = line.map(({ x, y }) => `${x},${y}`).join(" ");
  const travelled = s("polyline", { class: "line-travelled", points: "" });
  const element = s(
    "g",
    { class: `lane lane-${leg}` },
    s("polyline", { class: "line", points }),
    travelled,
    ...arrows.map(({ x, y, towards }) => {
      const back = towards === "right" ? x - 9 : x + 9;
      return s("path", { class: "arrow", d: `M${x} ${y}L${back} ${y - 5.5}L${back} ${y + 5.5}Z` });
    }),
  );
  return { element, travelled };
}

function packetShape(): SVGGElement {
  return s(
    "g",
    { class: "packet", testid: "packet" },
    s("path", { class: "packet-pointer", d: "M-4 8.5L0 13L4 8.5Z" }),
    s("rect", { class: "packet-outer", x: -15, y: -11, width: 30, height: 20, rx: 3 }),
    s("rect", { class: "packet-inner", x: -10.5, y: -6.5, width: 21, height: 11, rx: 1.5 }),
    s("path", { class: "packet-flap", d: "M-10.5 -6L0 1L10.5 -6" }),
  );
}

function kindClass(kind: string): string {
  return /^[a-z]+$/.test(kind) ? kind : "other";
}

function octagon(radius: number): string {
  const points = Array.from({ length: 8 }, (_, corner) => {
    const angle = ((corner + 0.5) * Math.PI) / 4;
    const size = radius * 1.06;
    return `${(size * Math.cos(angle)).toFixed(2)} ${(size * Math.sin(angle)).toFixed(2)}`;
  });
  return `M${points.join("L")}Z`;
}

/** Measures texts with the fonts of the page. */
function measureIn(element: HTMLElement): Measure | undefined {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return undefined;
  const { fontFamily } = getComputedStyle(element);
  const mono = getComputedStyle(element).getPropertyValue("--vscode-editor-font-family") || "monospace";
  const fonts = { kind: `11px ${fontFamily}`, name: `600 13px ${fontFamily}`, device: `11px ${mono}` } as const;
  return (text, style) => {
    context.font = fonts[style];
    return context.measureText(text).width + 1;
  };
}
