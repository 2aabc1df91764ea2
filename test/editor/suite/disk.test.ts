import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import { activeExtension, closeAll, codeOf, openText, until, waitForDiagnostics, workspaceFolder } from "./editor.ts";

/** Files that another program writes, without the editor. */
describe("files on disk", () => {
  let document: vscode.TextDocument;
  const sibling = (name: string): string => join(dirname(document.uri.fsPath), name);
  const reports =
    (code: string) =>
    (all: readonly vscode.Diagnostic[]): boolean =>
      all.some((one) => codeOf(one) === code);

  before(async () => {
    document = await openText("main.knet", 'import "fabric.knet"\nhost a { attach lan 10.0.0.2 }\n');
    await activeExtension();
    // The editor starts watching some time after it has opened; after that no change is missed.
    const probe = vscode.workspace.createFileSystemWatcher("**/*.probe");
    let notified = false;
    probe.onDidCreate(() => {
      notified = true;
    });
    let count = 0;
    await until("the editor to detect a new file", async () => {
      await writeFile(join(workspaceFolder(), `${count++}.probe`), "");
      return notified;
    });
    probe.dispose();
  });
  after(closeAll);

  it("are detected when they appear, change, and disappear", async () => {
    await waitForDiagnostics(document.uri, reports("KN015"));
    await writeFile(sibling("fabric.knet"), "segment lan { cidr 10.0.0.0/24 }\n");
    await waitForDiagnostics(document.uri, (all) => all.length === 0);
    await writeFile(sibling("fabric.knet"), "segment wan { cidr 10.0.0.0/24 }\n");
    await waitForDiagnostics(document.uri, (all) => all.length > 0 && !reports("KN015")(all));
    await rm(sibling("fabric.knet"));
    await waitForDiagnostics(document.uri, reports("KN015"));
  });

  it("can configure the checks of the project as soon as they exist", async () => {
    await waitForDiagnostics(document.uri, reports("KN015"));
    await writeFile(sibling("knet.json"), '{ "checks": { "KN015": "off" } }\n');
    await waitForDiagnostics(document.uri, (all) => !reports("KN015")(all));
    await rm(sibling("knet.json"));
    await waitForDiagnostics(document.uri, reports("KN015"));
  });
});
