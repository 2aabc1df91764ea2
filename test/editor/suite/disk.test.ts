import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import { activeExtension, closeAll, codeOf, openText, until, waitForDiagnostics, workspaceFolder } from "./editor.ts";

/** Files that another program makes: nothing here goes through the editor. */
describe("files on disk", () => {
  let document: vscode.TextDocument;
  const beside = (name: string): string => join(dirname(document.uri.fsPath), name);
  const reports =
    (code: string) =>
    (all: readonly vscode.Diagnostic[]): boolean =>
      all.some((one) => codeOf(one) === code);

  before(async () => {
    document = await openText("main.knet", 'import "fabric.knet"\nhost a { attach lan 10.0.0.2 }\n');
    await activeExtension();
    // The editor begins to watch at some time after it has opened; from then on nothing is missed.
    const probe = vscode.workspace.createFileSystemWatcher("**/*.probe");
    let heard = false;
    probe.onDidCreate(() => {
      heard = true;
    });
    let count = 0;
    await until("the editor to hear of a new file", async () => {
      await writeFile(join(workspaceFolder(), `${count++}.probe`), "");
      return heard;
    });
    probe.dispose();
  });
  after(closeAll);

  it("are noticed when they appear, change and go", async () => {
    await waitForDiagnostics(document.uri, reports("KN015"));
    await writeFile(beside("fabric.knet"), "segment lan { cidr 10.0.0.0/24 }\n");
    await waitForDiagnostics(document.uri, (all) => all.length === 0);
    await writeFile(beside("fabric.knet"), "segment wan { cidr 10.0.0.0/24 }\n");
    await waitForDiagnostics(document.uri, (all) => all.length > 0 && !reports("KN015")(all));
    await rm(beside("fabric.knet"));
    await waitForDiagnostics(document.uri, reports("KN015"));
  });

  it("hold the project's decisions, from the moment that they are there", async () => {
    await waitForDiagnostics(document.uri, reports("KN015"));
    await writeFile(beside("knet.json"), '{ "checks": { "KN015": "off" } }\n');
    await waitForDiagnostics(document.uri, (all) => !reports("KN015")(all));
    await rm(beside("knet.json"));
    await waitForDiagnostics(document.uri, reports("KN015"));
  });
});
