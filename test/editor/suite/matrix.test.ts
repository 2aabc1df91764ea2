import assert from "node:assert/strict";
import { after, describe, it } from "mocha";
import * as vscode from "vscode";
import { activeExtension, closeAll, executeCommand, openFixture, replaceText, until } from "./editor.ts";
import { hasWindow, press, webview } from "./window.ts";

const panel = webview("[data-testid=matrix-grid]");
const trace = webview("[data-testid=hop]");

let document: vscode.TextDocument;

describe("the matrix panel", () => {
  after(closeAll);

  it("shows the reachability matrix, and the same as text", async function () {
    if (!hasWindow) this.skip();
    document = await openFixture("two-nodes.knet");
    await activeExtension();
    await executeCommand("knet.showMatrix", { uri: document.uri.toString() });
    await panel.waitFor("[data-testid=matrix-cell]");
    assert.equal(await panel.count("[data-testid=matrix-cell]"), 4);
    assert.match(
      (await panel.attribute("[data-row='0'][data-column='1']", "aria-label")) ?? "",
      /shop\/web to shop\/api: open/,
    );
    const text = await panel.evaluate<string>("document.querySelector('[data-testid=matrix-text]').textContent");
    assert.match(text, /shop\/web/);
  });

  it("is navigated with the arrow keys, and opens declarations", async function () {
    if (!hasWindow) this.skip();
    await panel.click("[data-row='0'][data-column='0']");
    await press("ArrowRight");
    await panel.waitFor("[data-row='0'][data-column='1'][aria-selected]");
    assert.match(await panel.text("[data-testid=matrix-details]"), /shop\/web → shop\/api/);
    await press("r");
    await until("the editor to show pod api", () => {
      const editor = vscode.window.activeTextEditor;
      return (
        editor?.document.uri.toString() === document.uri.toString() &&
        editor.document.getText(editor.selection).startsWith("pod api")
      );
    });
  });

  it("follows the file, for policies only and for the data plane", async function () {
    if (!hasWindow) this.skip();
    await replaceText(
      document,
      "node n2 { attach lan 192.168.10.12 }",
      "node n2 { attach lan 192.168.10.12; deny udp port 8472 }",
    );
    await panel.waitFor("[data-row='0'][data-column='1'].closed");
    await panel.click("[data-testid=matrix-policies]");
    await panel.waitFor("[data-row='0'][data-column='1'].open");
    await panel.click("[data-testid=matrix-packets]");
    await panel.waitFor("[data-row='0'][data-column='1'].closed");
    await replaceText(document, "; deny udp port 8472", "");
    await panel.waitFor("[data-row='0'][data-column='1'].open");
  });

  it("opens the trace of a cell", async function () {
    if (!hasWindow) this.skip();
    await panel.click("[data-row='0'][data-column='1']");
    await press("Enter");
    await trace.waitFor("[data-testid=hop]");
  });
});
