import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  CodeAction,
  CompletionList,
  DocumentSymbol,
  FoldingRange,
  Hover,
  Location,
  LocationLink,
  SemanticTokens,
  SymbolInformation,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver-protocol";
import type { AnalysisDoneParams } from "../../server/src/lsp/protocol.ts";
import { type Client, startClient } from "./client.ts";
import { positionOf, rangeOf, TWO_NODES } from "./texts.ts";

let client: Client;
let number = 0;
/** A separate document for each test. */
const fresh = (): string => `untitled:test-${number++}.knet`;
const codes = (diagnostics: readonly { code?: unknown }[]): unknown[] => diagnostics.map(({ code }) => code);

beforeAll(async () => {
  client = await startClient();
});
afterAll(async () => {
  expect(await client.stop()).toBe(0);
});

describe("initialize", () => {
  it("returns the capabilities", () => {
    const { capabilities, serverInfo } = client.initialized;
    expect(serverInfo?.name).toBe("knet");
    expect(capabilities.positionEncoding).toBe("utf-16");
    expect(capabilities.textDocumentSync).toEqual({ openClose: true, change: 2 });
    expect(
      Object.keys(capabilities)
        .filter((name) => name.endsWith("Provider"))
        .sort(),
    ).toMatchInlineSnapshot(`
      [
        "callHierarchyProvider",
        "codeActionProvider",
        "codeLensProvider",
        "completionProvider",
        "definitionProvider",
        "documentFormattingProvider",
        "documentHighlightProvider",
        "documentLinkProvider",
        "documentOnTypeFormattingProvider",
        "documentRangeFormattingProvider",
        "documentSymbolProvider",
        "foldingRangeProvider",
        "hoverProvider",
        "implementationProvider",
        "inlayHintProvider",
        "linkedEditingRangeProvider",
        "referencesProvider",
        "renameProvider",
        "selectionRangeProvider",
        "semanticTokensProvider",
        "signatureHelpProvider",
        "typeDefinitionProvider",
        "workspaceSymbolProvider",
      ]
    `);
  });
});

describe("diagnostics", () => {
  it("carry the analyzed version, and disappear with the mistake", async () => {
    const uri = fresh();
    await client.open(uri, TWO_NODES);
    expect(await client.diagnostics(uri, 1)).toEqual([]);
    // The pod CIDR inside the service CIDR.
    const range = rangeOf(TWO_NODES, "10.244.0.0/16");
    await client.change(uri, 2, [{ range, text: "10.100.0.0/16" }]);
    const found = await client.diagnostics(uri, 2);
    expect(found.length).toBeGreaterThan(0);
    const first = found.find(({ message }) => String(message).includes("10.96.0.0/12"));
    expect(first?.source).toBe("knet");
    expect(first?.code).toMatch(/^KN\d{3}$/);
    expect(first?.relatedInformation?.[0]?.location.uri).toBe(uri);
    const changed = { start: range.start, end: { line: range.start.line, character: range.start.character + 13 } };
    await client.change(uri, 3, [{ range: changed, text: "10.244.0.0/16" }]);
    expect(await client.diagnostics(uri, 3)).toEqual([]);
    await client.close(uri);
  });

  it("are cleared when the file is closed", async () => {
    const uri = fresh();
    await client.open(uri, "segmnt lan {}\n");
    expect(codes(await client.diagnostics(uri, 1))).toContain("KN002");
    await client.close(uri);
    expect(await client.diagnostics(uri, ({ version }) => version === undefined)).toEqual([]);
  });

  it("after rapid typing are for the last version", async () => {
    const uri = fresh();
    const typed = "segment lan { cidr 10.0.0.0/24 }\n";
    await client.open(uri, "");
    await client.diagnostics(uri, 1);
    const before = client.published.length;
    const last = typed.length;
    const done = client.next<AnalysisDoneParams>("knet/analysisDone", (one) => one.uri === uri && one.version === last);
    const sent: Promise<void>[] = [];
    for (const [at, text] of [...typed].entries()) {
      const character = at;
      if (text === "\n") continue;
      const here = { line: 0, character };
      sent.push(client.change(uri, at + 2, [{ range: { start: here, end: here }, text }]));
    }
    await Promise.all(sent);
    await done;
    const versions = client.published
      .slice(before)
      .filter((one) => one.uri === uri)
      .map(({ version }) => version);
    expect(versions).toEqual([last]);
    expect(await client.diagnostics(uri, last)).toEqual([]);
    await client.close(uri);
  });

  it("notify the client when an analysis is done", async () => {
    const uri = fresh();
    const done = client.next<AnalysisDoneParams>("knet/analysisDone", (params) => params.uri === uri);
    await client.open(uri, "segmnt lan {}\n", 7);
    expect(await done).toMatchObject({ uri, version: 7, errors: 1, warnings: 0 });
    await client.close(uri);
  });
});

describe("the features", () => {
  const uri = "untitled:features.knet";
  const textDocument = { uri };
  const request = <T>(method: string, piece: string, inside = 1, more: object = {}): Promise<T> =>
    client.request<T>(`textDocument/${method}`, {
      textDocument,
      position: positionOf(TWO_NODES, piece, inside),
      ...more,
    });
  beforeAll(async () => {
    await client.open(uri, TWO_NODES);
    await client.diagnostics(uri, 1);
  });

  it("hover explains the routes", async () => {
    const hover = await request<Hover>("hover", "node n1", 6);
    const { value } = hover.contents as { value: string };
    expect(value).toContain("10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink");
    expect(hover.range).toEqual(rangeOf(TWO_NODES, "n1"));
  });

  it("completion depends on the context", async () => {
    const top = await client.request<CompletionList>("textDocument/completion", {
      textDocument,
      position: { line: 0, character: 0 },
    });
    expect(top.items.map(({ label }) => label)).toContain("segment");
    const attach = await request<CompletionList>("completion", "attach lan 192.168.10.12", 11);
    expect(attach.items.map(({ label }) => label)).toEqual(["192.168.10.12", "192.168.10.2"]);
  });

  it("definition, references, and highlights of a name", async () => {
    const [link] = await request<LocationLink[]>("definition", "shop/web ->", 6);
    expect(link?.targetSelectionRange).toEqual(rangeOf(TWO_NODES, "web"));
    const references = await request<Location[]>("references", "segment lan", 9, {
      context: { includeDeclaration: true },
    });
    expect(references).toHaveLength(4);
    expect(await request<unknown[]>("documentHighlight", "segment lan", 9)).toHaveLength(4);
  });

  it("rename changes every use, and rejects invalid names", async () => {
    expect(await request("prepareRename", "segment lan", 9)).toEqual({
      range: rangeOf(TWO_NODES, "lan"),
      placeholder: "lan",
    });
    expect(await request("prepareRename", "cidr", 1)).toBeNull();
    const edit = await request<WorkspaceEdit>("rename", "segment lan", 9, { newName: "office" });
    const [change] = edit.documentChanges ?? [];
    expect(change).toMatchObject({ textDocument: { uri, version: 1 } });
    expect((change as { edits: TextEdit[] }).edits.map(({ newText }) => newText)).toEqual(Array(4).fill("office"));
    await expect(request("rename", "segment lan", 9, { newName: "no/name" })).rejects.toThrow("no/name");
  });

  it("formatting does not change formatted text", async () => {
    const options = { tabSize: 2, insertSpaces: true };
    expect(await client.request("textDocument/formatting", { textDocument, options })).toEqual([]);
    const other = fresh();
    await client.open(other, "segment   lan{\ncidr 10.0.0.0/24\n}\n");
    const edits = await client.request<TextEdit[]>("textDocument/formatting", {
      textDocument: { uri: other },
      options,
    });
    expect(edits.length).toBeGreaterThan(0);
    await client.close(other);
  });

  it("outline, folds, selections, and semantic tokens", async () => {
    const outline = await client.request<DocumentSymbol[]>("textDocument/documentSymbol", { textDocument });
    expect(outline.map(({ name }) => name)).toEqual(["lan", "edge", "prod", "shop/web -> shop/api-1:9090 reachable"]);
    const folds = await client.request<FoldingRange[]>("textDocument/foldingRange", { textDocument });
    expect(folds[0]).toEqual({ startLine: 0, endLine: 1 });
    const tokens = await client.request<SemanticTokens>("textDocument/semanticTokens/full", { textDocument });
    expect(tokens.data.length % 5).toBe(0);
    const part = await client.request<SemanticTokens>("textDocument/semanticTokens/range", {
      textDocument,
      range: { start: { line: 0, character: 0 }, end: { line: 2, character: 0 } },
    });
    expect(part.data.length).toBeLessThan(tokens.data.length);
    expect(tokens.data.slice(0, 10)).toEqual(part.data.slice(0, 10));
    const found = await client.request<SymbolInformation[]>("workspace/symbol", { query: "api" });
    expect(found.map(({ name }) => name)).toContain("api");
    const selections = await client.request<unknown[]>("textDocument/selectionRange", {
      textDocument,
      positions: [positionOf(TWO_NODES, "8080", 1)],
    });
    expect(selections).toHaveLength(1);
  });

  it("traces, endpoints, and routes", async () => {
    const endpoints = await client.knet("knet/endpoints", { uri, filter: "shop api" });
    expect(endpoints.map(({ path }) => path)).toEqual(["prod/shop/api-0", "prod/shop/api-1"]);
    expect(endpoints[0]).toMatchObject({ kind: "pod", ports: [{ port: 9090, proto: "tcp", name: "api" }] });
    expect(await client.knet("knet/endpoints", { uri, limit: 1 })).toHaveLength(1);
    const good = await client.knet("knet/trace", {
      uri,
      query: { from: "shop/web", to: "shop/api-1", proto: "tcp", port: 9090 },
    });
    expect("trace" in good && [good.trace.verdict, good.trace.answered]).toEqual(["delivered", true]);
    expect("trace" in good && good.trace.paths[0]?.hops.find(({ rule }) => rule?.location)?.rule?.location?.file).toBe(
      uri,
    );
    const bad = await client.knet("knet/trace", { uri, query: { from: "shop/web", to: "shop/wbe", proto: "icmp" } });
    expect(bad).toMatchObject({ error: expect.stringContaining("shop/wbe") });
    const routes = await client.knet("knet/routes", { uri, where: "n1" });
    expect("text" in routes && routes.text).toContain("flannel.1");
    expect(await client.knet("knet/endpointAt", { uri, position: positionOf(TWO_NODES, "nginx", 1) })).toEqual({
      path: "prod/shop/web/nginx",
    });
    expect(await client.knet("knet/endpointAt", { uri, position: positionOf(TWO_NODES, "cidr") })).toBeNull();
  });

  it("only proven fixes", async () => {
    const other = fresh();
    const text = "segmnt lan {\n  cidr 10.0.0.0/24\n}\n";
    await client.open(other, text);
    const diagnostics = await client.diagnostics(other, 1);
    const actions = await client.request<CodeAction[]>("textDocument/codeAction", {
      textDocument: { uri: other },
      range: rangeOf(text, "segmnt"),
      context: { diagnostics },
    });
    expect(actions.map(({ title }) => title)).toEqual([expect.any(String), "Suppress KN002 here"]);
    const change = actions[0]?.edit?.documentChanges?.[0] as { edits: TextEdit[] };
    expect(change.edits).toEqual([{ range: rangeOf(text, "segmnt"), newText: "segment" }]);
    expect(actions[0]?.diagnostics).toHaveLength(1);
    await client.close(other);
  });
});

describe("files", () => {
  let folder: string;
  const at = (name: string): string => pathToFileURL(join(folder, name)).href;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "knet files "));
    writeFileSync(join(folder, "fabric.knet"), "segment lan { cidr 10.0.0.0/24 }\n");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("import other files, report their problems, and follow their changes", async () => {
    const main = at("main file.knet");
    await client.open(main, 'import "fabric.knet"\nhost a { attach lan }\n');
    expect(await client.diagnostics(main, 1)).toEqual([]);
    const links = await client.request<LocationLink[]>("textDocument/definition", {
      textDocument: { uri: main },
      position: { line: 1, character: 17 },
    });
    expect(links[0]?.targetUri).toBe(at("fabric.knet"));
    writeFileSync(join(folder, "fabric.knet"), "segment wan { cidr 10.0.0.0/99 }\n");
    const broken = client.next<{ uri: string; diagnostics: unknown[] }>(
      "textDocument/publishDiagnostics",
      ({ uri }) => uri === at("fabric.knet"),
    );
    await client.notify("workspace/didChangeWatchedFiles", { changes: [{ uri: at("fabric.knet"), type: 2 }] });
    expect((await broken).diagnostics.length).toBeGreaterThan(0);
    const gone = client.next<{ uri: string; diagnostics: unknown[] }>(
      "textDocument/publishDiagnostics",
      ({ uri }) => uri === at("fabric.knet"),
    );
    await client.close(main);
    expect((await gone).diagnostics).toEqual([]);
  });

  it("are changed by a rename, open or not", async () => {
    writeFileSync(join(folder, "fabric.knet"), "segment lan { cidr 10.0.0.0/24 }\n");
    writeFileSync(join(folder, "main.knet"), 'import "fabric.knet"\nhost a { attach lan }\n');
    const fabric = at("fabric.knet");
    await client.notify("workspace/didChangeWatchedFiles", {
      changes: [
        { uri: fabric, type: 2 },
        { uri: at("main.knet"), type: 1 },
      ],
    });
    await client.open(fabric, "segment lan { cidr 10.0.0.0/24 }\n");
    await client.diagnostics(fabric, 1);
    const edit = await client.request<WorkspaceEdit>("textDocument/rename", {
      textDocument: { uri: fabric },
      position: { line: 0, character: 9 },
      newName: "office",
    });
    expect(edit.documentChanges?.map((change) => ("textDocument" in change ? change.textDocument.uri : ""))).toEqual([
      fabric,
      at("main.knet"),
    ]);
    await client.close(fabric);
  });

  it("outside the workspace and the importing file's folder are not read", async () => {
    const main = at("sub/main.knet");
    await client.open(main, 'import "../fabric.knet"\n');
    expect(codes(await client.diagnostics(main, 1))).toEqual(["KN015"]);
    await client.close(main);
  });
});
