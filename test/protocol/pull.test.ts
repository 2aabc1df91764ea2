/** Diagnostics for a client that pulls them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  DocumentDiagnosticReport,
  RelatedFullDocumentDiagnosticReport,
  WorkspaceDiagnosticReport,
  WorkspaceDiagnosticReportPartialResult,
} from "vscode-languageserver-protocol";
import type { AnalysisDoneParams } from "../../server/src/lsp/protocol.ts";
import { CAPABILITIES, type Client, startClient } from "./client.ts";

let client: Client;
let folder: string;
const file = (name: string): string => pathToFileURL(join(folder, name)).href;
const pull = (uri: string, previousResultId?: string): Promise<DocumentDiagnosticReport> =>
  client.request("textDocument/diagnostic", {
    textDocument: { uri },
    ...(previousResultId === undefined ? {} : { previousResultId }),
  });
const codesIn = (report: unknown): unknown[] =>
  ((report as RelatedFullDocumentDiagnosticReport).items ?? []).map(({ code }) => code);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "knet pull "));
  writeFileSync(join(folder, "good.knet"), "segment lan { cidr 10.0.0.0/24 }\n");
  writeFileSync(join(folder, "bad.knet"), "segmnt lan {}\n");
  writeFileSync(join(folder, "worse.knet"), "segment wan { cidr 10.0.0.0/99 }\n");
  client = await startClient({
    folders: [pathToFileURL(folder).href],
    capabilities: { ...CAPABILITIES, textDocument: { ...CAPABILITIES.textDocument, diagnostic: {} } },
  });
});
afterAll(async () => {
  expect(await client.stop()).toBe(0);
  rmSync(folder, { recursive: true });
});

describe("pulled diagnostics", () => {
  it("replace pushed diagnostics", async () => {
    expect(client.initialized.capabilities.diagnosticProvider).toEqual({
      identifier: "knet",
      interFileDependencies: true,
      workspaceDiagnostics: true,
    });
    const uri = "untitled:pulled.knet";
    const done = client.next<AnalysisDoneParams>("knet/analysisDone", (params) => params.uri === uri);
    await client.open(uri, "segmnt lan {}\n");
    await done;
    expect(client.published).toEqual([]);
    expect(codesIn(await pull(uri))).toEqual(["KN002"]);
    await client.close(uri);
  });

  it("match the current text, and identical lists have the same result id", async () => {
    const uri = "untitled:typed.knet";
    await client.open(uri, "segmnt lan { cidr 10.0.0.0/24 }\n");
    const first = await pull(uri);
    expect(first.kind).toBe("full");
    expect(await pull(uri, first.resultId)).toEqual({ kind: "unchanged", resultId: first.resultId });
    await client.change(uri, 2, [{ text: "segment lan { cidr 10.0.0.0/24 }\n" }]);
    const second = await pull(uri, first.resultId);
    expect(second).toMatchObject({ kind: "full", items: [] });
    await client.close(uri);
  });

  it("include the diagnostics of imported files", async () => {
    const main = file("main.knet");
    await client.open(main, 'import "worse.knet"\nhost a { attach wan }\n');
    const report = (await pull(main)) as RelatedFullDocumentDiagnosticReport;
    expect(codesIn(report.relatedDocuments?.[file("worse.knet")])).toEqual(["KN006"]);
    await client.change(main, 2, [{ text: "host a {}\n" }]);
    const without = (await pull(main)) as RelatedFullDocumentDiagnosticReport;
    expect(without.relatedDocuments?.[file("worse.knet")]).toMatchObject({ kind: "full", items: [] });
    expect((await pull(main)) as RelatedFullDocumentDiagnosticReport).not.toHaveProperty("relatedDocuments");
    await client.close(main);
  });

  it("of the workspace are reported by file, in parts if the client supports them", async () => {
    const whole = await client.request<WorkspaceDiagnosticReport>("workspace/diagnostic", { previousResultIds: [] });
    const byFile = new Map(whole.items.map((item) => [item.uri, codesIn(item)]));
    expect([...byFile.keys()].sort()).toEqual([file("bad.knet"), file("good.knet"), file("worse.knet")]);
    expect(byFile.get(file("bad.knet"))).toContain("KN002");
    expect(byFile.get(file("good.knet"))).toEqual([]);

    const parts: WorkspaceDiagnosticReport["items"] = [];
    client.connection.onNotification("$/progress", ({ token, value }: { token: unknown; value: unknown }) => {
      if (token === "parts") parts.push(...(value as WorkspaceDiagnosticReportPartialResult).items);
    });
    const previousResultIds = whole.items.map(({ uri, resultId }) => ({ uri, value: resultId ?? "" }));
    const rest = await client.request<WorkspaceDiagnosticReport>("workspace/diagnostic", {
      previousResultIds,
      partialResultToken: "parts",
    });
    expect(parts.length).toBeGreaterThan(0);
    const all = [...parts, ...rest.items];
    expect(all.map(({ kind }) => kind)).toEqual(["unchanged", "unchanged", "unchanged"]);
  });
});
