import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { after, describe, it } from "mocha";
import * as vscode from "vscode";
import { closeAll, codeOf, hoverText, openFile, openText, positionOf, waitForDiagnostics } from "./editor.ts";

const NODES = `apiVersion: v1
kind: Node
metadata: {name: n1, annotations: {flannel.alpha.coreos.com/backend-type: vxlan}}
spec: {podCIDR: 10.244.0.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}
`;
const SHOP = `# the shop
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec:
  selector: {app: wep}   # a typo
  ports: [{port: 80}]
`;
const PROD = `segment racks { cidr 192.168.10.0/24 }
cluster prod { services 10.96.0.0/12; manifests "dump" }
expect web -> shop/front:80 reachable
`;

let manifest: vscode.TextDocument;

describe("manifests that a topology reads", () => {
  after(closeAll);

  it("have diagnostics", async () => {
    const topology = await openText("prod.knet", PROD);
    const dump = join(dirname(topology.uri.fsPath), "dump");
    const write = (name: string, text: string) =>
      vscode.workspace.fs.writeFile(vscode.Uri.file(join(dump, name)), Buffer.from(text));
    await write("nodes.yaml", NODES);
    await write("shop.yaml", SHOP);
    manifest = await openFile(join(dump, "shop.yaml"));
    const found = await waitForDiagnostics(manifest.uri, (all) => all.some((one) => codeOf(one) === "KN501"));
    assert.equal(found.find((one) => codeOf(one) === "KN501")?.range.start.line, 10);
  });

  it("have hovers and definitions", async () => {
    assert.match(await hoverText(manifest.uri, positionOf(manifest, "front")), /ClusterIP/);
    const topology = vscode.workspace.textDocuments.find(({ fileName }) => fileName.endsWith("prod.knet"));
    assert.ok(topology);
    const links = await vscode.commands.executeCommand<vscode.LocationLink[]>(
      "vscode.executeDefinitionProvider",
      topology.uri,
      positionOf(topology, "front"),
    );
    assert.deepEqual(
      links.map(({ targetUri }) => targetUri.fsPath),
      [manifest.uri.fsPath],
    );
  });

  it("have quick fixes that keep comments", async () => {
    const at = positionOf(manifest, "app: wep");
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      "vscode.executeCodeActionProvider",
      manifest.uri,
      new vscode.Range(at, at),
      vscode.CodeActionKind.QuickFix.value,
    );
    const fix = actions.find(({ title }) => title.includes("app=web"));
    assert.ok(fix?.edit);
    await vscode.workspace.applyEdit(fix.edit);
    assert.equal(manifest.getText(), SHOP.replace("wep", "web"));
    await waitForDiagnostics(manifest.uri, (all) => all.length === 0);
  });
});
