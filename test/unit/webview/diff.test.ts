import { describe, expect, it } from "vitest";
import { readFromPage, readPanelState, readToPage } from "../../../client/webview/diff/messages.ts";
import type { DiffView } from "../../../server/src/lsp/protocol.ts";

const diff: DiffView = {
  summary: ["1 connection opened, 0 closed, 0 changed"],
  notes: [],
  connections: [
    {
      kind: "added",
      from: "a",
      to: "b",
      ports: "80/tcp",
      where: "",
      new: { from: "a", to: "b", proto: "tcp", port: 80 },
    },
  ],
  endpoints: [{ kind: "changed", text: "a → b" }],
  findings: [{ kind: "removed", severity: "error", code: "KN205", message: "m" }],
  machines: [{ title: "node n1", lines: [{ kind: "command", text: "ip route" }] }],
  text: "a\n",
};

describe("the messages of the comparison panel", () => {
  const state = { uri: "file:///a.knet", file: "a.knet" };

  it("are accepted in their form only", () => {
    expect(readToPage({ type: "diff", ...state, diff })).toEqual({ type: "diff", ...state, diff });
    expect(readToPage({ type: "outdated", ...state })).toEqual({ type: "outdated", ...state });
    expect(readToPage({ type: "failed", ...state, error: "e" })).toEqual({ type: "failed", ...state, error: "e" });
    const broken: unknown[] = [
      { ...diff, text: 1 },
      { ...diff, connections: [{ ...diff.connections[0], kind: "opened" }] },
      { ...diff, findings: [{ kind: "added" }] },
      { ...diff, machines: [{ title: "x", lines: [{}] }] },
    ];
    for (const one of broken) expect(readToPage({ type: "diff", ...state, diff: one })).toBeUndefined();
    expect(readToPage({ type: "diff", uri: 1, file: "", diff })).toBeUndefined();
  });

  it("identify connections and findings by index", () => {
    expect(readFromPage({ type: "trace", connection: 3, side: "old" })).toEqual({
      type: "trace",
      connection: 3,
      side: "old",
    });
    expect(readFromPage({ type: "showFinding", finding: 0 })).toEqual({ type: "showFinding", finding: 0 });
    expect(readFromPage({ type: "trace", connection: -1, side: "old" })).toBeUndefined();
    expect(readFromPage({ type: "trace", connection: 0, side: "both" })).toBeUndefined();
    expect(readFromPage({ type: "open", uri: "file:///etc/passwd" })).toBeUndefined();
    expect(readPanelState({ uri: "file:///a.knet", more: 1 })).toEqual({ uri: "file:///a.knet" });
    expect(readPanelState({})).toBeUndefined();
  });
});
