import assert from "node:assert/strict";
import { after, describe, it } from "mocha";
import * as vscode from "vscode";
import {
  closeAll,
  codeOf,
  executeCommand,
  onDisk,
  openFile,
  openFixture,
  openText,
  positionOf,
  replaceText,
  until,
  waitForDiagnostics,
} from "./editor.ts";
import { hasWindow, press, type, webview, window } from "./window.ts";

/** Sets the cursor in the editor of a document; `|` marks the position. */
async function cursorAt(document: vscode.TextDocument, marked: string): Promise<void> {
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  const position = positionOf(document, marked);
  editor.selection = new vscode.Selection(position, position);
  editor.revealRange(new vscode.Range(position, position));
}

const textIs = (document: vscode.TextDocument, piece: string): Promise<void> =>
  until(`the text to contain ${JSON.stringify(piece)}; it is ${document.getText()}`, () =>
    document.getText().includes(piece),
  );
/** The text that the editor shows, including hints, with plain blanks. */
const shown = async (): Promise<string> => {
  const text = await window.evaluate<string>("document.querySelector('.editor-instance .view-lines').textContent");
  return text.replace(/\u00a0/g, " ").replace(/\u200c|\u200b/g, "");
};

describe("writing", () => {
  after(closeAll);

  it("fixes a typing error with completion", async function () {
    if (!hasWindow) this.skip();
    const document = await openText("typo.knet", "segment lan {\n  cdir 10.0.0.0/24\n}\n");
    await waitForDiagnostics(document.uri, (all) => all.some((one) => codeOf(one) === "KN002"));
    await cursorAt(document, "c|dir");
    await executeCommand("editor.action.triggerSuggest");
    await window.waitFor(".suggest-widget .monaco-list-row.focused:has-text('cidr')");
    await press("Enter");
    await textIs(document, "  cidr 10.0.0.0/24\n");
    await waitForDiagnostics(document.uri, (all) => all.length === 0);
  });

  it("fixes an overlap with its quick fix", async function () {
    if (!hasWindow) this.skip();
    const document = await openFixture("two-nodes.knet");
    await replaceText(document, "services 10.96.0.0/12", "services 10.1.128.0/17");
    await waitForDiagnostics(document.uri, (all) => all.some((one) => codeOf(one) === "KN101"));
    await cursorAt(document, "services 10.1.|128.0/17");
    await executeCommand("editor.action.quickFix");
    await window.waitFor(".action-widget .monaco-list-row.focused");
    await press("Enter");
    await waitForDiagnostics(document.uri, (all) => all.length === 0);
    assert.doesNotMatch(document.getText(), /services 10\.1\.128\.0\/17/);
  });

  it("renames across two files", async function () {
    if (!hasWindow) this.skip();
    const fabric = await openText("fabric.knet", "segment lan { cidr 10.0.0.0/24 }\n");
    const path = vscode.Uri.joinPath(fabric.uri, "../main.knet");
    await vscode.workspace.fs.writeFile(path, Buffer.from('import "fabric.knet"\nhost a { attach lan }\n'));
    const main = await openFile(path.fsPath);
    await waitForDiagnostics(main.uri, (all) => all.length === 0);
    await cursorAt(main, "attach l|an");
    // The command completes when the new name is applied.
    const renaming = executeCommand("editor.action.rename");
    await window.waitFor(".rename-box input:focus");
    await type("office");
    await press("Enter");
    await renaming;
    await textIs(main, "attach office");
    await textIs(fabric, "segment office {");
    await waitForDiagnostics(main.uri, (all) => all.length === 0);
  });

  it("formats on save", async () => {
    const settings = vscode.workspace.getConfiguration("editor");
    await settings.update("formatOnSave", true, vscode.ConfigurationTarget.Workspace);
    try {
      const document = await openText("loose.knet", "segment   lan{\ncidr 10.0.0.0/24\n}\n");
      await replaceText(document, "cidr 10", "cidr   10");
      await vscode.window.showTextDocument(document);
      assert.ok(await document.save());
      assert.equal(await onDisk(document), "segment lan {\n  cidr 10.0.0.0/24\n}\n");
    } finally {
      await settings.update("formatOnSave", undefined, vscode.ConfigurationTarget.Workspace);
    }
  });

  it("shows an allocated address as a hint, and a different address after an edit", async function () {
    if (!hasWindow) this.skip();
    const document = await openText("hints.knet", "segment lan { cidr 10.9.0.0/24 }\nhost a { attach lan }\n");
    await until("the hint to be drawn", async () => (await shown()).includes("attach lan10.9.0.1"));
    await replaceText(document, "10.9.0.0/24", "10.8.0.0/24");
    await until("the hint to follow", async () => (await shown()).includes("attach lan10.8.0.1"));
    assert.doesNotMatch(document.getText(), /10\.8\.0\.1/);
  });

  it("opens a trace from the code lens of an expectation", async function () {
    if (!hasWindow) this.skip();
    const document = await openFixture("two-nodes.knet");
    const top = new vscode.Position(0, 0);
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, top, "expect shop/web -> shop/api:9090 reachable\n");
    await vscode.workspace.applyEdit(edit);
    await cursorAt(document, "|expect");
    const lens = ".codelens-decoration a:has-text('passed')";
    const panel = webview("[data-testid=verdict]");
    await window.waitFor(lens);
    await window.click(lens);
    // VS Code recreates the lenses of a file after each request, and a click on a replaced lens is lost.
    const opened = panel.waitFor("[data-testid=verdict]");
    await opened.catch(async () => {
      await window.click(lens);
      await panel.waitFor("[data-testid=verdict]");
    });
    assert.match(await panel.text("[data-testid=verdict]"), /delivered/i);
  });
});
