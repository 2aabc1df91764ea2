import assert from "node:assert/strict";
import { after, describe, it } from "mocha";
import type * as vscode from "vscode";
import {
  closeAll,
  codeOf,
  completions,
  executeCommand,
  hoverText,
  onDisk,
  openFixture,
  positionOf,
  replaceText,
  waitForDiagnostics,
} from "./editor.ts";

describe("typing", () => {
  after(closeAll);

  it("reports an overlap as soon as it is typed, and clears it when it is fixed", async () => {
    const document = await openFixture("two-nodes.knet");
    await replaceText(document, "services 10.96.0.0/12", "services 10.1.128.0/17");
    const found = await waitForDiagnostics(document.uri, (all) => all.some((one) => codeOf(one) === "KN101"));
    const overlap = found.find((one) => codeOf(one) === "KN101");
    assert.match(overlap?.message ?? "", /10\.1\.0\.0\/16/);
    assert.match(overlap?.message ?? "", /10\.1\.128\.0\/17/);
    await replaceText(document, "services 10.1.128.0/17", "services 10.96.0.0/12");
    await waitForDiagnostics(document.uri, (all) => all.length === 0);
    assert.match(await onDisk(document), /10\.96\.0\.0\/12/);
  });

  it("reports unreachable pods at the cause", async () => {
    const document = await openFixture("two-nodes.knet");
    await replaceText(
      document,
      "node n2 { attach lan 192.168.10.12 }",
      "node n2 { attach lan 192.168.10.12; deny udp port 8472 }",
    );
    const found = await waitForDiagnostics(document.uri, (all) => all.some((one) => codeOf(one).startsWith("KN2")));
    const blocked = found.find((one) => codeOf(one).startsWith("KN2"));
    assert.equal(document.getText(blocked?.range).includes("deny"), true);
    assert.ok((blocked?.relatedInformation?.length ?? 0) > 0, "the failing trace is related information");
    await executeCommand("undo");
    await waitForDiagnostics(document.uri, (all) => all.length === 0);
  });
});

describe("reading", () => {
  after(closeAll);

  it("shows a node's routes on hover", async () => {
    const document = await openFixture("two-nodes.knet");
    const text = await hoverText(document.uri, positionOf(document, "node n|1"));
    assert.match(text, /192\.168\.10\.11/);
    assert.match(text, /10\.1\.1\.0\/24 via 10\.1\.1\.0 dev flannel\.1 onlink/);
    assert.match(text, /default via 192\.168\.10\.1 dev eth0/);
  });

  it("completes the keywords of a block", async () => {
    const document = await openFixture("two-nodes.knet");
    const inside = positionOf(document, "|backend vxlan");
    assert.ok((await completions(document.uri, inside)).includes("ip-masq"));
  });

  it("finds the definition of a node from a pod, and formats", async () => {
    const document = await openFixture("two-nodes.knet");
    const places = await executeCommand<(vscode.Location | vscode.LocationLink)[]>(
      "vscode.executeDefinitionProvider",
      document.uri,
      positionOf(document, "web on n|1"),
    );
    const place = places[0];
    assert.ok(place);
    const range = "range" in place ? place.range : place.targetRange;
    assert.match(document.lineAt(range.start.line).text, /node n1/);
    const edits = await executeCommand<vscode.TextEdit[] | undefined>(
      "vscode.executeFormatDocumentProvider",
      document.uri,
      { tabSize: 2, insertSpaces: true },
    );
    assert.deepEqual(edits ?? [], []);
  });
});
