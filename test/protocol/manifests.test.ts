/** Kubernetes manifests in the editor: those that a `.knet` file of the workspace reads, and others if the user wants it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "fflate";
import { createTar } from "nanotar";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { CodeAction, Hover, LocationLink, RegistrationParams } from "vscode-languageserver-protocol";
import { CAPABILITIES, type Client, startClient } from "./client.ts";

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
metadata: {name: web, namespace: shop}
spec:
  selector: {app: wep}   # a typo
  ports: [{port: 80}]
`;
const PROD = `segment racks { cidr 192.168.10.0/24 }
cluster prod { services 10.96.0.0/12; manifests "dump" }
expect web -> shop/web:80 reachable
`;
const DYNAMIC = {
  ...CAPABILITIES,
  textDocument: {
    ...CAPABILITIES.textDocument,
    synchronization: { dynamicRegistration: true },
    hover: { dynamicRegistration: true },
  },
};

let base: string;
let client: Client;
const at = (path: string): string => pathToFileURL(join(base, path)).href;
const start = async (settings: unknown = null): Promise<void> => {
  client = await startClient({
    folders: [pathToFileURL(base).href],
    settings,
    capabilities: { ...DYNAMIC, workspace: { ...DYNAMIC.workspace, configuration: true } },
  });
};
const open = (path: string, text: string, languageId: string): Promise<void> =>
  client.notify("textDocument/didOpen", { textDocument: { uri: at(path), languageId, version: 1, text } });
const codesOf = async (path: string, code: string): Promise<readonly unknown[]> => {
  const found = await client.diagnostics(at(path), ({ diagnostics }) => diagnostics.some((one) => one.code === code));
  return found.map((one) => `${one.range.start.line + 1}:${one.range.start.character + 1} ${one.code}`);
};

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "knet manifests "));
  mkdirSync(join(base, "dump"));
  writeFileSync(join(base, "dump/nodes.yaml"), NODES);
  writeFileSync(join(base, "dump/shop.yaml"), SHOP);
});
afterEach(async () => {
  expect(await client.stop()).toBe(0);
  rmSync(base, { recursive: true });
});

it("have diagnostics while the `.knet` file that reads them is open", async () => {
  await start();
  const asked = client.next<RegistrationParams>("client/registerCapability", ({ registrations }) =>
    registrations.some(({ method }) => method === "textDocument/didOpen"),
  );
  await client.open(at("prod.knet"), PROD);
  expect(await codesOf("dump/shop.yaml", "KN501")).toEqual(["11:13 KN501"]);
  const { registrations } = await asked;
  expect(registrations.map(({ registerOptions }) => registerOptions)).toEqual([
    expect.objectContaining({ documentSelector: expect.arrayContaining([{ language: "yaml", scheme: "file" }]) }),
  ]);
});

it("have diagnostics, hovers, and definitions in an open manifest, also if the `.knet` file is not open", async () => {
  writeFileSync(join(base, "prod.knet"), PROD);
  await start();
  await open("dump/shop.yaml", SHOP, "yaml");
  expect(await codesOf("dump/shop.yaml", "KN501")).toEqual(["11:13 KN501"]);
  const hover = await client.request<Hover>("textDocument/hover", {
    textDocument: { uri: at("dump/shop.yaml") },
    position: { line: 8, character: 18 },
  });
  expect(JSON.stringify(hover.contents)).toContain("ClusterIP 10.96.1.0");
  // The edit of an open manifest concerns the whole topology.
  await client.change(at("dump/shop.yaml"), 2, [
    { range: { start: { line: 10, character: 18 }, end: { line: 10, character: 21 } }, text: "web" },
  ]);
  expect(await client.diagnostics(at("dump/shop.yaml"), ({ version }) => version === 2)).toEqual([]);
  const links = await client.request<readonly LocationLink[]>("textDocument/definition", {
    textDocument: { uri: at("dump/shop.yaml") },
    position: { line: 8, character: 18 },
  });
  expect(links.map(({ targetUri }) => targetUri)).toEqual([at("dump/shop.yaml")]);
});

it("are read from an archive", async () => {
  writeFileSync(
    join(base, "dump.tar.gz"),
    gzipSync(
      createTar(Object.entries({ "a/nodes.yaml": NODES, "a/shop.yaml": SHOP }).map(([name, data]) => ({ name, data }))),
    ),
  );
  await start();
  await client.open(at("prod.knet"), PROD.replace('"dump"', '"dump.tar.gz"'));
  expect(await codesOf("dump.tar.gz/a/shop.yaml", "KN501")).toEqual(["11:13 KN501"]);
});

it("are converted to `.knet` text, from files and from the clipboard", async () => {
  await start();
  const files = await client.knet("knet/import", { uris: [at("dump")] });
  expect("text" in files && files.text).toMatch(/^# Imported from dump\n[\s\S]*segment nodes[\s\S]*service web/);
  const clipboard = await client.knet("knet/import", { text: SHOP });
  expect("text" in clipboard && clipboard.text).toMatch(/^# Imported from the clipboard\n[\s\S]*service web/);
  expect(await client.knet("knet/import", { text: "hello" })).toEqual({
    error: "no Kubernetes object or cloud network found",
  });
  expect(await client.knet("knet/import", { uris: [at("missing")] })).toHaveProperty("error");
});

it("that no `.knet` file reads have diagnostics only with `knet.kubernetes.enable`", async () => {
  await start({ kubernetes: { enable: true } });
  await open("other.yaml", "a: 1\n", "yaml");
  await open("shop.yaml", SHOP, "yaml");
  expect(await codesOf("shop.yaml", "KN501")).toContain("11:13 KN501");
  expect(client.published.filter(({ uri }) => uri === at("other.yaml"))).toEqual([]);
});

it("have quick fixes that change the manifest and keep its comments", async () => {
  writeFileSync(join(base, "prod.knet"), PROD);
  await start();
  await open("dump/shop.yaml", SHOP, "yaml");
  await codesOf("dump/shop.yaml", "KN501");
  const range = { start: { line: 10, character: 14 }, end: { line: 10, character: 14 } };
  const actions = await client.request<readonly CodeAction[]>("textDocument/codeAction", {
    textDocument: { uri: at("dump/shop.yaml") },
    range,
    context: { diagnostics: [] },
  });
  const edits = actions.flatMap(({ title, edit }) => [title, JSON.stringify(edit?.documentChanges)]);
  expect(edits.join("\n")).toContain('"newText":"web"');
});
