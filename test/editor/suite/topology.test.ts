import assert from "node:assert/strict";
import { after, describe, it } from "mocha";
import * as vscode from "vscode";
import { activeExtension, closeAll, executeCommand, openFixture, replaceText, until } from "./editor.ts";
import { hasWindow, press, webview } from "./window.ts";

const panel = webview("[data-testid=topology-segment]");

let document: vscode.TextDocument;

describe("the topology panel", () => {
  after(closeAll);

  it("draws segments, routers, nodes, and pods, and shows the same as text", async function () {
    if (!hasWindow) this.skip();
    document = await openFixture("two-nodes.knet");
    await activeExtension();
    await executeCommand("knet.showTopology", { uri: document.uri.toString() });
    await panel.waitFor("[data-testid=topology-node]");
    assert.equal(await panel.count("[data-testid=topology-segment]"), 1);
    assert.equal(await panel.count("[data-testid=topology-router]"), 1);
    assert.equal(await panel.count("[data-testid=topology-node]"), 2);
    assert.equal(await panel.count("[data-testid=topology-pod]"), 2);
    const text = await panel.evaluate<string>("document.querySelector('[data-testid=topology-text]').textContent");
    assert.match(text, /node k1\/n1: eth0 192\.168\.10\.11; pod CIDR 10\.1\.0\.0\/24/);
    assert.match(text, /pod shop\/web 10\.1\.0\.2/);
  });

  it("is navigated with the arrow keys, and opens the declaration of an item", async function () {
    if (!hasWindow) this.skip();
    await panel.click("[data-testid=topology-segment]");
    await press("ArrowDown");
    await panel.waitFor(".thing.station[aria-current]");
    await panel.click("[data-testid=topology-node]");
    assert.match(await panel.text("[data-testid=topology-details]"), /node n1/);
    await press("Enter");
    await until("the editor to show node n1", () => {
      const editor = vscode.window.activeTextEditor;
      return (
        editor?.document.uri.toString() === document.uri.toString() &&
        editor.document.getText(editor.selection).startsWith("node n1")
      );
    });
  });

  it("follows the file", async function () {
    if (!hasWindow) this.skip();
    await replaceText(document, "pod api on n2 {", "pod second on n2\n    pod api on n2 {");
    await panel.waitFor("[data-testid=topology-pod] >> nth=2");
    await executeCommand("undo");
    await panel.waitFor("[data-testid=topology-pod] >> nth=2", "detached");
  });
});
