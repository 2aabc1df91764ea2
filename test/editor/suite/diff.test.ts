import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { after, describe, it } from "mocha";
import * as vscode from "vscode";
import { activeExtension, closeAll, executeCommand, openFixture, replaceText } from "./editor.ts";
import { hasWindow, webview } from "./window.ts";

const panel = webview("[data-testid=diff-content]");
const trace = webview("[data-testid=hop]");

let document: vscode.TextDocument;

/**
 * Commits the copy of the fixture in a repository of its own. The Git extension opens the repository before the commit, as
 * it does if someone commits in a terminal: its own state of HEAD is then outdated.
 */
async function commit(file: string): Promise<void> {
  const git = (...args: readonly string[]) => promisify(execFile)("git", args, { cwd: dirname(file) });
  await git("init", "-q");
  const extension = await vscode.extensions.getExtension("vscode.git")?.activate();
  await extension.getAPI(1).openRepository(vscode.Uri.file(dirname(file)));
  await git("add", "-A");
  await git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first");
}

describe("the comparison panel", () => {
  after(closeAll);

  it("shows what has changed since the last commit", async function () {
    if (!hasWindow) this.skip();
    document = await openFixture("two-nodes.knet");
    await activeExtension();
    await commit(document.uri.fsPath);
    await replaceText(
      document,
      "node n2 { attach lan 192.168.10.12 }",
      "node n2 { attach lan 192.168.10.12; deny udp port 8472 }",
    );
    await executeCommand("knet.compareWithHead", { uri: document.uri.toString() });
    await panel.waitFor("[data-testid=diff-row].connection.removed");
    assert.match(await panel.text("[data-testid=diff-row].connection"), /shop\/web → shop\/api/);
    assert.match(await panel.text("[data-testid=diff-machines]"), /node k1\/n2/);
  });

  it("opens the line of a finding, and a trace in the last commit", async function () {
    if (!hasWindow) this.skip();
    await panel.click("[data-testid=diff-finding]");
    await panel.click("[data-testid=diff-trace-old]");
    await trace.waitFor("[data-testid=hop]");
  });

  it("follows the file", async function () {
    if (!hasWindow) this.skip();
    // The trace covers the panel.
    await executeCommand("knet.compareWithHead", { uri: document.uri.toString() });
    await panel.waitFor("[data-testid=diff-row]");
    await replaceText(document, "; deny udp port 8472", "");
    await panel.waitFor("[data-testid=diff-row]", "detached");
  });
});
