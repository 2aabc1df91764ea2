import assert from "node:assert/strict";
import { after, describe, it } from "mocha";
import * as vscode from "vscode";
import { activeExtension, closeAll, executeCommand, openFixture, replaceText, until } from "./editor.ts";
import { hasWindow, press, webview, window } from "./window.ts";

const panel = webview("[data-testid=verdict]");
const current = "[data-testid=hop][aria-current]";

let document: vscode.TextDocument;

async function openTrace(): Promise<void> {
  document = await openFixture("two-nodes.knet");
  await activeExtension();
  await executeCommand("knet.trace", {
    uri: document.uri.toString(),
    from: "web",
    to: "api",
    port: 9090,
    proto: "tcp",
  });
}

describe("the trace panel", () => {
  after(closeAll);

  it("shows the verdict and every hop", async function () {
    if (!hasWindow) this.skip();
    await openTrace();
    await panel.waitFor("[data-testid=verdict]");
    assert.match(await panel.text("[data-testid=verdict]"), /delivered/i);
    assert.ok((await panel.count("[data-testid=hop]")) > 10);
    assert.equal(await panel.attribute(current, "data-index"), "0");
  });

  it("supports stepping with the keyboard and with buttons", async function () {
    if (!hasWindow) this.skip();
    await panel.focus(current);
    await press("ArrowRight");
    await panel.waitFor("[data-testid=hop][data-index='1'][aria-current]");
    await press("ArrowLeft");
    await panel.waitFor("[data-testid=hop][data-index='0'][aria-current]");
    await panel.click("[data-testid=step-next]");
    await panel.waitFor("[data-testid=hop][data-index='1'][aria-current]");
    await press("End");
    const last = (await panel.count("[data-testid=hop]")) - 1;
    await panel.waitFor(`[data-testid=hop][data-index='${last}'][aria-current]`);
  });

  it("opens the statement that a route originates from", async function () {
    if (!hasWindow) this.skip();
    const hops = await panel.texts("[data-testid=hop]");
    const tunnelled = hops.findIndex((text) => text.includes("flannel.1"));
    assert.ok(tunnelled >= 0);
    await panel.click(`[data-testid=hop][data-index='${tunnelled}']`);
    const total = hops.length;
    for (let i = tunnelled; i < total && (await panel.count("[data-testid=goto-source]")) === 0; i += 1)
      await press("ArrowRight");
    await panel.click("[data-testid=goto-source]");
    await until(
      "the editor has the focus and a selection",
      () =>
        vscode.window.activeTextEditor?.document.languageId === "knet" &&
        !vscode.window.activeTextEditor.selection.isEmpty,
    );
  });

  it("updates the trace when the file changes", async function () {
    if (!hasWindow) this.skip();
    await replaceText(
      document,
      "node n2 { attach lan 192.168.10.12 }",
      "node n2 { attach lan 192.168.10.12; deny udp port 8472 }",
    );
    await panel.waitFor("[data-testid=verdict]:has-text('ropped')");
    assert.match(await panel.text("[data-testid=reason]"), /dropped/i);
    await executeCommand("undo");
    await panel.waitFor("[data-testid=verdict]:has-text('elivered')");
  });

  it("prompts for source and destination in a quick pick with completion", async function () {
    if (!hasWindow) this.skip();
    await openFixture("two-nodes.knet");
    const running = executeCommand("knet.trace");
    await window.waitFor(".quick-input-widget:has-text('Trace a packet: select the source')");
    await window.waitFor(".quick-input-list .monaco-list-row:has-text('web')");
    await press("Escape");
    await running;
  });
});
