/** The workspace around the open files: added and removed folders, and changes of files and of knet.json on disk. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Diagnostic, SymbolInformation, WorkspaceDiagnosticReport } from "vscode-languageserver-protocol";
import type { AnalysisDoneParams } from "../../server/src/lsp/protocol.ts";
import { CAPABILITIES, type Client, startClient } from "./client.ts";

const OVERLAP = "cluster prod { pods 10.244.0.0/16; services 10.244.0.0/24 }\n";
const FABRIC = "segment lan { cidr 10.0.0.0/24 }\n";
const WATCHING = {
  ...CAPABILITIES,
  workspace: {
    ...CAPABILITIES.workspace,
    didChangeWatchedFiles: { dynamicRegistration: true },
    inlayHint: { refreshSupport: true },
  },
};

let base: string;
let client: Client;
const at = (path: string): string => pathToFileURL(join(base, path)).href;
const write = (path: string, text: string): void => writeFileSync(join(base, path), text);
const codes = (diagnostics: readonly Diagnostic[]): unknown[] => diagnostics.map(({ code }) => code);
/** The codes of a file after `work`. */
async function codesAfter(uri: string, work: () => Promise<void>): Promise<unknown[]> {
  const done = client.next<AnalysisDoneParams>("knet/analysisDone", (one) => one.uri === uri);
  await work();
  await done;
  return codes(client.published.findLast((one) => one.uri === uri)?.diagnostics ?? []);
}
const notifyChange = (path: string, type: 1 | 2 | 3): Promise<void> =>
  client.notify("workspace/didChangeWatchedFiles", { changes: [{ uri: at(path), type }] });

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "knet workspace "));
  for (const folder of ["a", "b"]) mkdirSync(join(base, folder));
});
afterEach(async () => {
  expect(await client.stop()).toBe(0);
  rmSync(base, { recursive: true });
});

describe("folders", () => {
  it("permit imports after they are added, and not after they are removed", async () => {
    write("b/fabric.knet", FABRIC);
    client = await startClient({ folders: [at("a")], capabilities: WATCHING });
    const main = at("a/main.knet");
    expect(
      await codesAfter(main, () => client.open(main, 'import "../b/fabric.knet"\nhost h { attach lan }\n')),
    ).toEqual(["KN015", "KN012"]);
    expect(await codesAfter(main, () => client.setFolders([at("a"), at("b")]))).toEqual([]);
    expect(await codesAfter(main, () => client.setFolders([at("a")]))).toContain("KN015");
  });

  it("are searched regardless of the first opened file", async () => {
    write("a/fabric.knet", FABRIC);
    write("b/other.knet", "segmnt x\nsegment outside { cidr 10.1.0.0/24 }\n");
    client = await startClient({
      folders: [at("a")],
      capabilities: { ...WATCHING, textDocument: { diagnostic: {} } },
    });
    await client.open("untitled:first", "segment lab { cidr 10.2.0.0/24 }\n");
    await client.open(at("b/mine.knet"), "segment mine { cidr 10.3.0.0/24 }\n");
    const found = await client.request<SymbolInformation[]>("workspace/symbol", { query: "" });
    expect(found.map(({ name }) => name).sort()).toEqual(["lab", "lan", "mine", "outside"]);
    const { items } = await client.request<WorkspaceDiagnosticReport>("workspace/diagnostic", {
      previousResultIds: [],
    });
    expect(items.map(({ uri }) => uri).sort()).toEqual(
      [at("a/fabric.knet"), at("b/mine.knet"), at("b/other.knet"), "untitled:first"].sort(),
    );
  });

  it("that are deleted also remove their files", async () => {
    mkdirSync(join(base, "a/net"));
    write("a/net/fabric.knet", FABRIC);
    client = await startClient({ folders: [at("a")], capabilities: WATCHING });
    const main = at("a/main.knet");
    expect(
      await codesAfter(main, () => client.open(main, 'import "net/fabric.knet"\nhost h { attach lan }\n')),
    ).toEqual([]);
    const importable = async (): Promise<unknown> => {
      const found = await client.request<{ items: { label: string }[] }>("textDocument/completion", {
        textDocument: { uri: main },
        position: { line: 0, character: 8 },
      });
      return found.items.map(({ label }) => label);
    };
    expect(await importable()).toEqual(["net/fabric.knet"]);
    rmSync(join(base, "a/net"), { recursive: true });
    expect(await codesAfter(main, () => notifyChange("a/net", 3))).toContain("KN015");
    expect(await importable()).toEqual([]);
  });
});

describe("knet.json", () => {
  it("is read when it appears, changes, is invalid, or disappears", async () => {
    client = await startClient({ folders: [at("a")], capabilities: WATCHING });
    const main = at("a/main.knet");
    const severity = async (work: () => Promise<void>): Promise<unknown> => {
      await codesAfter(main, work);
      const { diagnostics } = client.published.findLast(({ uri }) => uri === main) ?? {};
      return diagnostics?.find(({ code }) => code === "KN101")?.severity;
    };
    expect(await severity(() => client.open(main, OVERLAP))).toBe(1);
    write("a/knet.json", `{ "checks": { "KN101": "warning" } }`);
    expect(await severity(() => notifyChange("a/knet.json", 1))).toBe(2);
    write("a/knet.json", `{ "checks": { "KN101": "hint" } }`);
    expect(await severity(() => notifyChange("a/knet.json", 2))).toBe(4);
    write("a/knet.json", "{ checks");
    expect(await severity(() => notifyChange("a/knet.json", 2))).toBe(1);
    expect(codes(await client.diagnostics(at("a/knet.json")))).toEqual(["KN017"]);
    rmSync(join(base, "a/knet.json"));
    expect(await severity(() => notifyChange("a/knet.json", 3))).toBe(1);
    await client.diagnostics(at("a/knet.json"), ({ diagnostics }) => diagnostics.length === 0);
  });

  it("is searched again when a client without file watching opens a file", async () => {
    client = await startClient({ folders: [at("a")] });
    const main = at("a/main.knet");
    await codesAfter(main, () => client.open(main, OVERLAP));
    write("a/knet.json", `{ "checks": { "KN101": "off" } }`);
    expect(await codesAfter(main, () => client.open(at("a/other.knet"), FABRIC))).toEqual([]);
  });
});

describe("files that import each other", () => {
  it("refresh the client's hints when the imported file changes", async () => {
    client = await startClient({ folders: [at("a")], capabilities: WATCHING });
    const [main, fabric] = [at("a/main.knet"), at("a/fabric.knet")];
    await client.open(fabric, FABRIC);
    await codesAfter(main, () => client.open(main, 'import "fabric.knet"\nhost h { attach lan }\n'));
    const hints = async (): Promise<unknown> => {
      const range = { start: { line: 0, character: 0 }, end: { line: 9, character: 0 } };
      const found = await client.request<{ label: string }[]>("textDocument/inlayHint", {
        textDocument: { uri: main },
        range,
      });
      return found.map(({ label }) => label);
    };
    expect(await hints()).toEqual(["10.0.0.1"]);
    const again = client.next("workspace/inlayHint/refresh", () => true);
    await client.change(fabric, 2, [{ text: "segment lan { cidr 10.7.0.0/24 }\n" }]);
    await again;
    expect(await hints()).toEqual(["10.7.0.1"]);
    const closed = client.next("workspace/inlayHint/refresh", () => true);
    write("a/fabric.knet", FABRIC);
    await client.close(fabric);
    await closed;
    expect(await hints()).toEqual(["10.0.0.1"]);
  });
});
