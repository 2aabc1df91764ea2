import { describe, expect, it } from "vitest";
import { readFromPage, readPanelState, readToPage } from "../../../client/webview/matrix/messages.ts";
import { cellText, gridOf, moved, portsText, tracesTo } from "../../../client/webview/matrix/model.ts";
import type { MatrixView, MatrixViewEnd } from "../../../server/src/lsp/protocol.ts";

const end = (name: string, rest: Partial<MatrixViewEnd> = {}): MatrixViewEnd => ({
  name,
  kind: "Pod",
  namespace: "shop",
  pods: 1,
  ports: [],
  ingress: [],
  egress: [],
  ...rest,
});
const matrix: MatrixView = {
  ends: [end("a"), end("b", { ports: [{ port: 80, proto: "tcp", name: "" }] })],
  rows: [0, 1],
  columns: [0, 1],
  ports: [
    [
      { proto: "tcp", ports: "80" },
      { proto: "icmp", ports: "" },
    ],
  ],
  cells: [0, 1, 1, 0],
  policies: [{ name: "policy p" }],
  namespaces: ["shop"],
  text: "a\n",
};

describe("the grid of a matrix", () => {
  const grid = gridOf(matrix);
  it("has a state and a text for each cell", () => {
    expect(cellText(grid, 0, 1)).toBe("a to b: open, 80, ping");
    expect(cellText(grid, 1, 0)).toBe("b to a: closed");
    expect(cellText(grid, 0, 0)).toBe("a to a: not evaluated");
  });
  it("is navigated with keys, within its bounds", () => {
    expect(moved(grid, [0, 0], "ArrowRight", false)).toEqual([0, 1]);
    expect(moved(grid, [0, 1], "ArrowRight", false)).toEqual([0, 1]);
    expect(moved(grid, [1, 1], "Home", false)).toEqual([1, 0]);
    expect(moved(grid, [0, 0], "End", true)).toEqual([1, 1]);
    expect(moved(grid, [0, 0], "x", false)).toBeUndefined();
  });
  it("offers traces to the receiver's ports and a ping", () => {
    expect(tracesTo(end("b", { ports: [{ port: 53, proto: "udp", name: "dns" }] })).map(({ label }) => label)).toEqual([
      "53/udp",
      "ping",
    ]);
  });
  it("shows ports in short form", () => {
    const every = (["tcp", "udp", "sctp"] as const).map((proto) => ({ proto, ports: "1-65535" }));
    expect(portsText(every)).toBe("all");
    expect(portsText([...every.slice(1), { proto: "tcp", ports: "80-90" }])).toBe("*/udp, */sctp, 80-90");
  });
});

describe("messages of the matrix panel", () => {
  const state = { uri: "file:///a", by: "packets", from: "", to: "shop" };
  it("are validated", () => {
    const message = { type: "matrix", state, file: "a", matrix };
    expect(readToPage(message)).toEqual(message);
    expect(readToPage({ ...message, matrix: { ...matrix, cells: [1] } })).toBeUndefined();
    expect(readToPage({ ...message, state: { ...state, by: "guesses" } })).toBeUndefined();
    expect(readToPage({ type: "failed", state, file: "a", error: "no", namespaces: [5] })).toBeUndefined();
    expect(readFromPage({ type: "ask", by: "policies", from: "", to: "", uri: "file:///etc" })).toEqual({
      type: "ask",
      by: "policies",
      from: "",
      to: "",
    });
    expect(readFromPage({ type: "showEnd", end: -1 })).toBeUndefined();
    expect(readFromPage({ type: "trace", from: 0, to: 1, proto: "tcp", port: 70000 })).toBeUndefined();
    expect(readFromPage({ type: "trace", from: 0, to: 1, proto: "icmp" })).toEqual({
      type: "trace",
      from: 0,
      to: 1,
      proto: "icmp",
    });
    expect(readFromPage("open")).toBeUndefined();
    expect(readPanelState({ ...state, more: 1 })).toEqual(state);
    expect(readPanelState({ uri: "file:///a" })).toBeUndefined();
  });
});
