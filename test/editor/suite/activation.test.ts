import assert from "node:assert/strict";
import { after, describe, it } from "mocha";
import * as vscode from "vscode";
import { activeExtension, closeAll, openFixture } from "./editor.ts";
import { hasWindow, window } from "./window.ts";

describe("opening a .knet file", () => {
  after(closeAll);

  it("sets the language to knet and activates the extension", async () => {
    const document = await openFixture("two-nodes.knet");
    assert.equal(document.languageId, "knet");
    await activeExtension();
  });

  it("shows the language knet in the status bar", async function () {
    if (!hasWindow) this.skip();
    await window.waitFor("#status\\.editor\\.mode:has-text('knet')");
  });

  it("registers every command of the manifest", async () => {
    const extension = await activeExtension<unknown>();
    const manifest = extension.packageJSON as { contributes: { commands: { command: string; title: string }[] } };
    const known = new Set(await vscode.commands.getCommands(true));
    for (const { command, title } of manifest.contributes.commands) {
      assert.ok(title.startsWith("Knet: "), `${command} is titled ${title}`);
      assert.ok(known.has(command), `${command} is not registered`);
    }
  });
});
