/** Further language features, requested from the server process. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CallHierarchyIncomingCall,
  type CallHierarchyItem,
  type CallHierarchyOutgoingCall,
  type CodeAction,
  type CodeLens,
  type CompletionList,
  type DocumentLink,
  type Hover,
  type InlayHint,
  InlayHintKind,
  type LinkedEditingRanges,
  type LocationLink,
  type SemanticTokens,
  type SemanticTokensDelta,
  type SignatureHelp,
  type TextEdit,
  type WorkspaceEdit,
} from "vscode-languageserver-protocol";
import { CAPABILITIES, type Client, startClient } from "./client.ts";
import { positionOf, rangeOf, TWO_NODES } from "./texts.ts";

let client: Client;
const uri = "untitled:main.knet";
const textDocument = { uri };
const everything = { start: { line: 0, character: 0 }, end: { line: 999, character: 0 } };

const at = (piece: string, inside = 1): object => ({ textDocument, position: positionOf(TWO_NODES, piece, inside) });
const lineOf = ({ line }: { line: number }): string => (TWO_NODES.split("\n")[line] ?? "").trim();

beforeAll(async () => {
  client = await startClient({
    initializationOptions: { push: true, commands: true },
    settings: { codeLens: { usage: true } },
    capabilities: {
      ...CAPABILITIES,
      textDocument: {
        ...CAPABILITIES.textDocument,
        diagnostic: {},
        typeDefinition: { linkSupport: true },
        implementation: { linkSupport: true },
        completion: { completionItem: { snippetSupport: true, commitCharactersSupport: true } },
      },
      workspace: {
        ...CAPABILITIES.workspace,
        configuration: true,
        inlayHint: { refreshSupport: true },
        codeLens: { refreshSupport: true },
      },
    },
  });
  await client.open(uri, TWO_NODES);
  await client.diagnostics(uri, 1);
});
afterAll(async () => {
  expect(await client.stop()).toBe(0);
});

describe("hints, lenses, and links", () => {
  it("inlay hints", async () => {
    const hints = await client.request<InlayHint[]>("textDocument/inlayHint", { textDocument, range: everything });
    // Defaults are parameters; they depend on the schema.
    const own = hints.filter(({ kind }) => kind === InlayHintKind.Type);
    expect(own.length).toBeLessThan(hints.length);
    expect(own.map(({ position, label }) => `${lineOf(position)} ‹${String(label)}›`)).toMatchInlineSnapshot(`
      [
        "segment lan { ‹gateway 192.168.10.1›",
        "cni flannel { ‹flannel.1 mtu 1450, cni0 mtu 1450›",
        "node n1 { attach lan 192.168.10.11 } ‹pod-cidr 10.244.0.0/24›",
        "node n2 { attach lan 192.168.10.12 } ‹pod-cidr 10.244.1.0/24›",
        "pod web on n1 { ‹10.244.0.2›",
        "deployment api replicas 2 { ‹10.244.0.3 on n1, …›",
      ]
    `);
  });

  it("code lenses, computed when they scroll into view", async () => {
    const lenses = await client.request<CodeLens[]>("textDocument/codeLens", { textDocument });
    const resolved = await Promise.all(lenses.map((lens) => client.request<CodeLens>("codeLens/resolve", lens)));
    const expectation = resolved.at(-1);
    expect(expectation?.command).toEqual({
      title: "✓ passed · Trace",
      command: "knet.trace",
      arguments: [{ uri, from: "shop/web", to: "shop/api-1", proto: "tcp", port: 9090 }],
    });
    expect(resolved[0]?.command).toEqual({ title: "251 of 254 free", command: "" });
    expect(resolved.find(({ command }) => command?.title === "Routes")?.command).toEqual({
      title: "Routes",
      command: "knet.showRoutes",
      arguments: [{ uri, where: "edge" }],
    });
  });

  it("follow the settings, and the client must refresh", async () => {
    const own = await startClient({
      settings: { inlayHints: { addresses: false, defaults: false } },
      capabilities: {
        ...CAPABILITIES,
        workspace: { configuration: true, inlayHint: { refreshSupport: true } },
      },
    });
    await own.next("workspace/inlayHint/refresh", () => true);
    await own.open(uri, TWO_NODES);
    const hints = await own.request<InlayHint[]>("textDocument/inlayHint", { textDocument, range: everything });
    expect(hints.map(({ label }) => label)).toEqual(["flannel.1 mtu 1450, cni0 mtu 1450"]);
    await own.stop();
  });

  it("document links", async () => {
    const other = "untitled:links.knet";
    await client.open(other, "# KN101 is known\n");
    const links = await client.request<DocumentLink[]>("textDocument/documentLink", { textDocument: { uri: other } });
    expect(links[0]?.target).toMatch(/diagnostics\.md#kn101$/);
    await client.close(other);
  });
});

describe("typing", () => {
  it("signature help", async () => {
    const help = await client.request<SignatureHelp>("textDocument/signatureHelp", at("attach lan 192.168.10.12", 11));
    expect(help.signatures[0]?.label).toBe("attach segment [addresses…]");
    expect(help.activeParameter).toBe(1);
    expect(await client.request("textDocument/signatureHelp", at("cluster", 1))).toBeNull();
  });

  it("completion with commit characters", async () => {
    const { items } = await client.request<CompletionList>("textDocument/completion", at("expect shop", 8));
    expect(items.find(({ label }) => label === "web")?.commitCharacters).toEqual([" "]);
  });

  it("formatting of the block that was just completed", async () => {
    const other = "untitled:typed.knet";
    const text = "segment   lan{\ncidr   10.0.0.0/24\n}\nhost   a {}\n";
    await client.open(other, text);
    const edits = await client.request<TextEdit[]>("textDocument/onTypeFormatting", {
      textDocument: { uri: other },
      position: { line: 2, character: 1 },
      ch: "}",
      options: { tabSize: 2, insertSpaces: true },
    });
    expect(new Set(edits.map(({ range }) => range.start.line))).toEqual(new Set([0, 1]));
    await client.close(other);
  });

  it("linked editing", async () => {
    const linked = await client.request<LinkedEditingRanges>("textDocument/linkedEditingRange", at("segment lan", 9));
    expect(linked.ranges.map(({ start }) => lineOf(start))).toEqual([
      "segment lan {",
      "router edge { attach lan 192.168.10.1 }",
      "node n1 { attach lan 192.168.10.11 }",
      "node n2 { attach lan 192.168.10.12 }",
    ]);
  });

  it("semantic tokens as a difference", async () => {
    const other = "untitled:tokens.knet";
    await client.open(other, TWO_NODES);
    const first = await client.request<SemanticTokens>("textDocument/semanticTokens/full", {
      textDocument: { uri: other },
    });
    await client.change(other, 2, [{ range: rangeOf(TWO_NODES, "192.168.10.12"), text: "" }]);
    const delta = await client.request<SemanticTokensDelta>("textDocument/semanticTokens/full/delta", {
      textDocument: { uri: other },
      previousResultId: first.resultId,
    });
    expect(delta.edits).toHaveLength(1);
    const data = [...first.data];
    for (const { start, deleteCount, data: more } of delta.edits) data.splice(start, deleteCount, ...(more ?? []));
    const fresh = await client.request<SemanticTokens>("textDocument/semanticTokens/full", {
      textDocument: { uri: other },
    });
    expect(data).toEqual(fresh.data);
    expect(fresh.data.length).toBe(first.data.length - 5);
    const unknown = await client.request<SemanticTokens>("textDocument/semanticTokens/full/delta", {
      textDocument: { uri: other },
      previousResultId: "unknown",
    });
    expect(unknown.data).toEqual(fresh.data);
    await client.close(other);
  });
});

describe("navigation", () => {
  it("type definition and implementation", async () => {
    const type = await client.request<LocationLink[]>("textDocument/typeDefinition", at("shop/web ->", 6));
    expect(type.map(({ targetRange }) => lineOf(targetRange.start))).toEqual(["node n1 { attach lan 192.168.10.11 }"]);
    const inside = await client.request<LocationLink[]>("textDocument/implementation", at("cluster prod", 9));
    expect(inside.map(({ targetSelectionRange }) => targetSelectionRange)).toEqual([
      rangeOf(TWO_NODES, "n1"),
      rangeOf(TWO_NODES, "n2"),
    ]);
  });

  it("call hierarchy: what reaches a pod, and what it reaches", async () => {
    const [item] = await client.request<CallHierarchyItem[]>("textDocument/prepareCallHierarchy", at("pod web", 5));
    expect(item).toMatchObject({ name: "web", detail: "prod/shop/web", uri });
    const incoming = await client.request<CallHierarchyIncomingCall[]>("callHierarchy/incomingCalls", { item });
    expect(incoming.map(({ from }) => from.detail)).toEqual([
      "prod/n1 · 8080/tcp",
      "prod/n2 · 8080/tcp",
      "prod/shop/api-0 · 8080/tcp",
    ]);
    const outgoing = await client.request<CallHierarchyOutgoingCall[]>("callHierarchy/outgoingCalls", { item });
    expect(outgoing.map(({ to }) => to.detail)).toContain("prod/shop/api-0 · 9090/tcp");
  });

  it("commands in hovers", async () => {
    const hover = await client.request<Hover>("textDocument/hover", at("pod web", 5));
    const { value } = hover.contents as { value: string };
    const link = /\[Routes\]\(command:knet\.showRoutes\?([^)]*)\)/.exec(value);
    expect(JSON.parse(decodeURIComponent(link?.[1] ?? ""))).toEqual([{ uri, where: "prod/shop/web" }]);
  });
});

describe("the drawing of a topology", () => {
  it("has all items with their location in the text", async () => {
    const answer = await client.knet("knet/topology", { uri });
    if (!("drawing" in answer)) throw new Error(answer.error);
    const { stations, segments, text } = answer.drawing;
    expect(stations.map(({ path, location }) => [path, location && lineOf(location.range.start)])).toEqual([
      ["edge", "router edge { attach lan 192.168.10.1 }"],
      ["prod/n1", "node n1 { attach lan 192.168.10.11 }"],
      ["prod/n2", "node n2 { attach lan 192.168.10.12 }"],
    ]);
    expect(segments.map(({ name }) => name)).toEqual(["lan"]);
    expect(text).toContain("pod shop/api-1 10.244.1.2");
    expect(await client.knet("knet/topology", { uri: "untitled:never" })).toMatchObject({ error: expect.any(String) });
  });
});

describe("code actions", () => {
  const actions = (piece: string, only?: string[]): Promise<CodeAction[]> =>
    client.request("textDocument/codeAction", {
      textDocument,
      range: { start: positionOf(TWO_NODES, piece, 1), end: positionOf(TWO_NODES, piece, 1) },
      context: { diagnostics: [], ...(only ? { only } : {}) },
    });
  it("refactor the statement under the cursor", async () => {
    const found = await actions("pod web");
    expect(found.map(({ title, kind }) => `${kind}: ${title}`)).toEqual([
      "refactor.rewrite: Write out the allocated addresses of `web`",
      "refactor.rewrite: Write out all allocated addresses in this file",
    ]);
    expect(await actions("pod web", ["refactor.inline"])).toEqual([]);
    expect(await actions("pod web", ["quickfix"])).toEqual([]);
  });
  it("fix a whole file on request", async () => {
    const other = "untitled:fix-all.knet";
    await client.open(other, "hots a {\n}\nhsot b {\n}\n");
    const found = await client.request<CodeAction[]>("textDocument/codeAction", {
      textDocument: { uri: other },
      range: everything,
      context: { diagnostics: [], only: ["source.fixAll"] },
    });
    expect(found.map(({ kind }) => kind)).toEqual(["source.fixAll.knet"]);
    const change = found[0]?.edit?.documentChanges?.[0] as { edits: TextEdit[] };
    expect(change.edits).toHaveLength(1);
    expect(change.edits[0]?.newText).toBe("st a {\n}\nhos");
    await client.close(other);
  });
});

describe("files", () => {
  let folder: string;
  const file = (name: string): string => pathToFileURL(join(folder, name)).href;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "knet rename "));
    writeFileSync(join(folder, "fabric.knet"), "segment lan { cidr 10.0.0.0/24 }\n");
    writeFileSync(join(folder, "other.knet"), 'import "fabric.knet"\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("that are renamed keep their imports, and so do their importers", async () => {
    const main = file("main.knet");
    await client.open(main, 'import "fabric.knet"\nhost a { attach lan }\n');
    const rename = (oldUri: string, newUri: string): Promise<WorkspaceEdit> =>
      client.request("workspace/willRenameFiles", { files: [{ oldUri, newUri }] });
    const texts = (edit: WorkspaceEdit): unknown =>
      edit.documentChanges?.map((change) =>
        "textDocument" in change
          ? [change.textDocument.uri, (change as { edits: TextEdit[] }).edits.map(({ newText }) => newText)]
          : [],
      );
    expect(texts(await rename(file("fabric.knet"), file("net/core.knet")))).toEqual([
      [main, ["net/core.knet"]],
      [file("other.knet"), ["net/core.knet"]],
    ]);
    expect(texts(await rename(main, file("sub/main.knet")))).toEqual([[main, ["../fabric.knet"]]]);
    expect(texts(await rename(file("fabric.knet"), file('the "new" one.knet')))).toEqual([
      [main, ['the \\"new\\" one.knet']],
      [file("other.knet"), ['the \\"new\\" one.knet']],
    ]);
    expect(await rename(file("unrelated.knet"), file("x.knet"))).toBeNull();
    await client.close(main);
  });
});
