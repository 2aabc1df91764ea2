import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ellipsize,
  estimateWidth,
  type Layout,
  layoutPath,
  type Rect,
  stepsOf,
} from "../../../server/src/trace/layout.ts";
import type { Hop, Path } from "../../../server/src/trace/schema.ts";
import { hop, traces } from "../webview/fixtures.ts";

describe("the drawing of a path", () => {
  for (const [name, trace] of Object.entries(traces)) {
    trace.paths.forEach((path, i) => {
      test(`${name}, path ${i + 1}: the layout is consistent`, () => holds(path));
    });
  }

  test("any journey, back and forth between network namespaces, with long names", () => {
    fc.assert(
      fc.property(journeys, journeys, fc.boolean(), (request, reply, answered) => {
        const path: Path = {
          verdict: "delivered",
          probability: 1,
          mtu: 1500,
          hops: request,
          ...(answered ? { reply: { verdict: "delivered", probability: 1, mtu: 1500, hops: reply } } : {}),
        };
        holds(path);
      }),
      { numRuns: 300 },
    );
  });

  test("the layout depends only on the contents of the path", () => {
    const path = traces["delivered"]?.paths[0];
    if (path === undefined) throw new Error("no trace of a delivered packet");
    const layout = layoutPath(path);
    expect(layoutPath(structuredClone(path))).toEqual(layout);
    const other: Path = { ...path, hops: path.hops.slice(0, -1) };
    expect(layoutPath(other).stops.length).toBe(layout.stops.length - 1);
    // The layouts of other paths do not affect it.
    expect(layoutPath(path)).toEqual(layout);
  });
});

test("a text that is too long is shortened in the middle", () => {
  const measure = (text: string) => estimateWidth(text, "name");
  const short = ellipsize("node production/worker-0001", 120, measure);
  expect(short).toBe("node pr…er-0001");
  expect(measure(short)).toBeLessThanOrEqual(120);
  expect(ellipsize("n1", 120, measure)).toBe("n1");
});

const name = fc.oneof(
  fc.constantFrom("n1", "n2", "tor", "prod/shop/web"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
);
const journeys = fc.array(
  fc
    .record({
      netns: name,
      device: fc.constantFrom("eth0", "cni0", "flannel.1", "", "veth0123456789ab"),
      direction: fc.constantFrom("in" as const, "out" as const, null),
    })
    .map(
      ({ netns, device, direction }): Hop =>
        hop({
          where: `node ${netns}`,
          device: direction === null ? device : device || "eth0",
          direction,
          action: direction === null ? "route" : "send",
          text: "a step",
          headers: [{ kind: "ip", src: "10.0.0.1", dst: "10.0.0.2", ttl: 64, proto: "tcp", df: true }],
        }),
    ),
  { minLength: 1, maxLength: 14 },
);

/** Invariants of a layout. */
function holds(path: Path): void {
  const layout = layoutPath(path);
  const steps = stepsOf(path);
  expect(layout.stops.map(({ step }) => step)).toEqual(steps.map(({ index }) => index));
  noOverlap(layout);
  for (const box of layout.boxes) {
    expect(inside(box, { x: 0, y: 0, width: layout.width, height: layout.height })).toBe(true);
    for (const bar of box.devices) expect(inside(bar, box)).toBe(true);
    for (const label of [box.nameLabel, ...box.devices.map((bar) => bar.label)]) {
      expect(label.x).toBeGreaterThanOrEqual(box.x);
      expect(label.x).toBeLessThanOrEqual(box.x + box.width);
    }
  }
  for (const stop of layout.stops) {
    const box = layout.boxes[stop.box];
    expect(box?.netns).toBe(steps[stop.step]?.hop.netns);
    expect(box && inside({ x: stop.x, y: stop.y, width: 0, height: 0 }, box)).toBe(true);
    expect(stop.leg).toBe(steps[stop.step]?.leg);
    const bar = stop.device === undefined ? undefined : box?.devices[stop.device];
    if (bar) expect(bar.steps).toContain(stop.step);
  }
  // Stops do not overlap.
  const places = layout.stops.map(({ x, y }) => `${x} ${y}`);
  expect(new Set(places).size).toBe(places.length);
  for (const lane of layout.lanes) {
    const own = steps.filter(({ leg }) => leg === lane.leg).map(({ index }) => index);
    const met = lane.line
      .flatMap(({ step }) => (step === undefined ? [] : [step]))
      .filter((step) => own.includes(step));
    expect(met).toEqual(own);
  }
}

function noOverlap({ boxes }: Layout): void {
  for (const [i, one] of boxes.entries()) {
    for (const other of boxes.slice(i + 1)) expect(apart(one, other)).toBe(true);
    for (const [j, bar] of one.devices.entries()) {
      for (const other of one.devices.slice(j + 1)) expect(apart(bar, other)).toBe(true);
    }
  }
}

function apart(a: Rect, b: Rect): boolean {
  return a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
}

function inside(a: Rect, b: Rect): boolean {
  return a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width && a.y + a.height <= b.y + b.height;
}
