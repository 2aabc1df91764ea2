import { describe, expect, it } from "vitest";
import { itemsOf, readFromPage, readToPage } from "../../../client/webview/topology/messages.ts";
import { nearest } from "../../../client/webview/topology/nearest.ts";
import type { TopologyDrawing } from "../../../server/src/lsp/protocol.ts";

const place = (x: number, y: number) => ({ x, y, width: 100, height: 40 });

describe("arrow keys", () => {
  // A bar above everything; below it two boxes side by side, and one box further down.
  const places = [undefined, { x: 0, y: 0, width: 400, height: 20 }, place(0, 60), place(150, 60), place(0, 160)];
  it("select the nearest item in their direction", () => {
    expect(nearest(places, 1, "ArrowDown")).toBe(2);
    expect(nearest(places, 2, "ArrowRight")).toBe(3);
    expect(nearest(places, 3, "ArrowLeft")).toBe(2);
    expect(nearest(places, 4, "ArrowUp")).toBe(2);
    expect(nearest(places, 3, "ArrowUp")).toBe(1);
    expect(nearest(places, 4, "ArrowDown")).toBeUndefined();
  });
  it("select the first item with a position, from an item without one", () => {
    expect(nearest(places, 0, "ArrowLeft")).toBe(1);
    expect(nearest([undefined], 0, "ArrowLeft")).toBeUndefined();
  });
});

describe("messages of the topology panel", () => {
  const drawing: TopologyDrawing = {
    width: 10,
    height: 10,
    clusters: [{ kind: "cluster", name: "c", facts: [] }],
    segments: [{ kind: "segment", name: "s", facts: ["mtu 1500"], ...place(0, 0) }],
    stations: [
      {
        kind: "node",
        name: "n",
        facts: [],
        ...place(0, 60),
        count: 1,
        pods: [{ kind: "pod", name: "p", facts: [], ...place(5, 70) }],
        morePods: 0,
      },
    ],
    lines: [{ x: 5, from: 0, to: 9, text: "eth0", textY: 4, station: 0, segment: 0 }],
    text: "",
  };
  it("number all items in one order", () => {
    expect(itemsOf(drawing).map(({ name }) => name)).toEqual(["c", "s", "n", "p"]);
  });
  it("are validated", () => {
    const message = { type: "drawing", uri: "file:///a", file: "a", drawing };
    expect(readToPage(message)).toEqual(message);
    expect(readToPage({ ...message, drawing: { ...drawing, stations: [{}] } })).toBeUndefined();
    expect(readToPage({ ...message, uri: 5 })).toBeUndefined();
    expect(readToPage(null)).toBeUndefined();
    expect(readFromPage({ type: "show", item: 2, uri: "file:///etc" })).toEqual({ type: "show", item: 2 });
    expect(readFromPage({ type: "show", item: -1 })).toBeUndefined();
    expect(readFromPage({ type: "open", item: 1 })).toBeUndefined();
    expect(readFromPage({ type: "ready" })).toEqual({ type: "ready" });
  });
});
