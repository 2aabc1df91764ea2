/** Check settings of a project in the editor: settings, knet.json, suppression comments; and fixes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CodeAction, Diagnostic, TextDocumentEdit, TextEdit } from "vscode-languageserver-protocol";
import { lineIndex } from "../../server/src/text/line-index.ts";
import { type Client, startClient } from "./client.ts";

const OVERLAP = `cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.244.0.0/24
  cni flannel { backend vxlan }
}
`;
const codes = (diagnostics: readonly Diagnostic[]): unknown[] => diagnostics.map(({ code }) => code);

let client: Client;
let folder: string;
let number = 0;
const at = (name: string): string => pathToFileURL(join(folder, name)).href;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "knet decisions "));
  client = await startClient({ folders: [pathToFileURL(folder).href] });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  expect(await client.stop()).toBe(0);
});

describe("the severity of a check", () => {
  it("is read from the settings", async () => {
    const uri = `untitled:levels-${number++}`;
    await client.notify("workspace/didChangeConfiguration", { settings: { knet: { checks: { KN101: "hint" } } } });
    await client.open(uri, OVERLAP);
    expect((await client.diagnostics(uri, 1)).map(({ severity }) => severity)).toEqual([4]);
    const off = client.next<{ uri: string; diagnostics: Diagnostic[] }>(
      "textDocument/publishDiagnostics",
      (one) => one.uri === uri,
    );
    await client.notify("workspace/didChangeConfiguration", { settings: { knet: { checks: { KN101: "off" } } } });
    expect((await off).diagnostics).toEqual([]);
    await client.notify("workspace/didChangeConfiguration", { settings: { knet: {} } });
    await client.close(uri);
  });

  it("is read from knet.json, which is watched for changes and whose errors are reported in it", async () => {
    const uri = at("main.knet");
    const config = at("knet.json");
    writeFileSync(join(folder, "knet.json"), `{ "checks": { "KN101": "warning" } }\n`);
    await client.open(uri, OVERLAP);
    expect((await client.diagnostics(uri, 1)).map(({ severity }) => severity)).toEqual([2]);
    const published = client.next<{ uri: string; diagnostics: Diagnostic[] }>(
      "textDocument/publishDiagnostics",
      (one) => one.uri === config,
    );
    writeFileSync(join(folder, "knet.json"), `{\n  "checks": { "KN999": "warning" }\n}\n`);
    await client.notify("workspace/didChangeWatchedFiles", { changes: [{ uri: config, type: 2 }] });
    const [problem] = (await published).diagnostics;
    expect([problem?.code, problem?.range]).toEqual([
      "KN017",
      { start: { line: 1, character: 14 }, end: { line: 1, character: 21 } },
    ]);
    rmSync(join(folder, "knet.json"));
    await client.notify("workspace/didChangeWatchedFiles", { changes: [{ uri: config, type: 3 }] });
    await client.close(uri);
  });
});

describe("fixes", () => {
  const broken = new URL("../../samples/broken/", import.meta.url);
  const actionsFor = (uri: string, diagnostic: Diagnostic): Promise<CodeAction[] | null> =>
    client.request("textDocument/codeAction", {
      textDocument: { uri },
      range: diagnostic.range,
      context: { diagnostics: [diagnostic], only: ["quickfix"] },
    });

  for (const name of readdirSync(broken).filter((one) => one.endsWith(".knet"))) {
    it(`${name}: each offered fix resolves its finding and adds no error`, async () => {
      const text = readFileSync(new URL(name, broken), "utf8");
      const uri = `untitled:${name}-${number++}`;
      await client.open(uri, text);
      const found = await client.diagnostics(uri, 1);
      const before = found.filter(({ severity }) => severity === 1).length;
      const intended = /^# expect (KN\d+)/.exec(text)?.[1];
      let version = 1;
      for (const diagnostic of found.filter(({ code }) => code === intended)) {
        for (const action of (await actionsFor(uri, diagnostic)) ?? []) {
          if (!action.diagnostics?.some(({ code }) => code === intended)) continue;
          const edited = applied(text, action);
          await client.change(uri, ++version, [{ text: edited }]);
          const after = await client.diagnostics(uri, version);
          const same = (list: readonly Diagnostic[]) =>
            list.filter(({ code, message }) => code === intended && message === diagnostic.message).length;
          expect(same(after), action.title).toBeLessThan(same(found));
          expect(after.filter(({ severity }) => severity === 1).length, action.title).toBeLessThanOrEqual(before);
          await client.change(uri, ++version, [{ text }]);
          await client.diagnostics(uri, version);
        }
      }
      await client.close(uri);
    });
  }

  it("include a suppression comment", async () => {
    const uri = `untitled:suppress-${number++}`;
    await client.open(uri, OVERLAP);
    const [diagnostic] = await client.diagnostics(uri, 1);
    if (!diagnostic) throw new Error("nothing found");
    const action = (await actionsFor(uri, diagnostic))?.find(({ title }) => title === "Suppress KN101 here");
    if (!action) throw new Error("not offered");
    const edited = applied(OVERLAP, action);
    expect(edited).toContain("\n  # knet-ignore KN101 (reason)\n  services");
    await client.change(uri, 2, [{ text: edited }]);
    expect(codes(await client.diagnostics(uri, 2))).toEqual([]);
    await client.close(uri);
  });

  it("include one action for all problems of a code", async () => {
    const uri = `untitled:all-${number++}`;
    const text = "segmnt a { cidr 10.0.0.0/24 }\nsegmnt b { cidr 10.0.1.0/24 }\n";
    await client.open(uri, text);
    const [diagnostic] = await client.diagnostics(uri, 1);
    if (!diagnostic) throw new Error("nothing found");
    const action = (await actionsFor(uri, diagnostic))?.find(({ title }) => title.startsWith("Fix all"));
    expect(action?.title).toBe("Fix all 2 KN002 problems in this file");
    expect(action && applied(text, action)).toBe(text.replaceAll("segmnt", "segment"));
    await client.close(uri);
  });
});

function applied(text: string, action: CodeAction): string {
  const changes = (action.edit?.documentChanges ?? []) as TextDocumentEdit[];
  const lines = lineIndex(text);
  const edits = changes.flatMap((change) => change.edits as TextEdit[]);
  return edits
    .map(({ range, newText }) => ({ start: lines.offsetAt(range.start), end: lines.offsetAt(range.end), newText }))
    .sort((a, b) => b.start - a.start)
    .reduce((now, { start, end, newText }) => now.slice(0, start) + newText + now.slice(end), text);
}
