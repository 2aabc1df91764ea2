/** The comparison with older texts over the protocol: which texts it wants, its content, and traces in the older version. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DiffView, OldFile } from "../../server/src/lsp/protocol.ts";
import { type Client, startClient } from "./client.ts";
import { TWO_NODES } from "./texts.ts";

const BLOCKED = TWO_NODES.replace(
  "node n2 { attach lan 192.168.10.12 }",
  "node n2 { attach lan 192.168.10.12; deny udp port 8472 }",
);
const folder = mkdtempSync(join(tmpdir(), "knet-diff-"));
const uriOf = (name: string): string => pathToFileURL(join(folder, name)).href;

let client: Client;
beforeAll(async () => {
  client = await startClient({ folders: [pathToFileURL(folder).href] });
});
afterAll(async () => {
  await client.stop();
  rmSync(folder, { recursive: true });
});

async function diff(uri: string, old: OldFile[]): Promise<DiffView> {
  const answer = await client.knet("knet/diff", { uri, name: "HEAD", old });
  if (!("diff" in answer)) throw new Error(JSON.stringify(answer));
  return answer.diff;
}

describe("knet/diff", () => {
  it("lists connections, findings, and routes, with their packets and locations", async () => {
    expect(BLOCKED).not.toBe(TWO_NODES);
    const uri = "untitled:blocked.knet";
    await client.open(uri, BLOCKED);
    const view = await diff(uri, [{ uri, text: TWO_NODES }]);
    expect(view.connections[0]).toMatchObject({
      kind: "removed",
      from: "shop/web",
      to: "shop/api on prod/n2",
      old: { from: "prod/shop/web", to: "prod/shop/api-1", proto: "tcp", port: 9090 },
      new: { from: "prod/shop/web", to: "prod/shop/api-1", proto: "tcp", port: 9090 },
    });
    expect(view.findings[0]).toMatchObject({ kind: "added", severity: "error", location: { file: uri } });
    expect(view.machines.map(({ title }) => title)).toEqual(["node prod/n2"]);
    expect(view.machines[0]?.lines).toContainEqual({
      kind: "added",
      text: "-A INPUT -p udp -m udp --dport 8472 -j DROP",
    });
    expect(view.summary[0]).toMatch(/^0 connections opened, \d+ closed, 0 changed$/);
    expect(view.text).toContain("--- HEAD\n+++ now\n");
    await client.close(uri);
  });

  it("is empty if nothing has changed", async () => {
    const uri = "untitled:same.knet";
    await client.open(uri, TWO_NODES);
    expect(await diff(uri, [{ uri, text: `# comment\n${TWO_NODES}` }])).toMatchObject({
      summary: [],
      connections: [],
      endpoints: [],
      findings: [],
      machines: [],
    });
    await client.close(uri);
  });

  it("traces packets in the older version", async () => {
    const uri = "untitled:traced.knet";
    await client.open(uri, BLOCKED);
    const old = [{ uri, text: TWO_NODES }];
    const query = (await diff(uri, old)).connections[0]?.old;
    if (!query) throw new Error("no packet");
    const [before, after] = [
      await client.knet("knet/trace", { uri, query: { ...query, before: true }, old }),
      await client.knet("knet/trace", { uri, query }),
    ];
    expect(before).toMatchObject({ trace: { verdict: "delivered" } });
    expect(after).toMatchObject({ trace: { verdict: "dropped" } });
    // Positions in the old text would be wrong in the editor.
    expect(JSON.stringify(before)).not.toContain('"location"');
    await client.close(uri);
  });

  it("wants the old texts of the importing file, of imports, and of knet.json", async () => {
    const [lan, prod, removed] = [uriOf("lan.knet"), uriOf("prod.knet"), uriOf("old-lan.knet")];
    const [segment = "", ...rest] = TWO_NODES.split(/(?=^cluster)/m);
    writeFileSync(join(folder, "lan.knet"), segment);
    writeFileSync(join(folder, "prod.knet"), `import "lan.knet"\n${rest.join("")}`);
    await client.open(prod, `import "lan.knet"\n${rest.join("")}`);
    await client.open(lan, segment);
    // A request about an import is about the topology that it belongs to.
    const first = await client.knet("knet/diff", { uri: lan, name: "HEAD", old: [{ uri: lan, text: segment }] });
    expect(first).toMatchObject({ wanted: expect.arrayContaining([prod, uriOf("knet.json")]) });
    const old: OldFile[] = [
      { uri: prod, text: `import "old-lan.knet"\n${rest.join("")}` },
      ...("wanted" in first ? first.wanted : [])
        .filter((file) => file !== prod)
        .map((file) => ({ uri: file, text: null })),
    ];
    const second = await client.knet("knet/diff", { uri: prod, name: "HEAD", old });
    expect(second).toMatchObject({ wanted: [removed] });
    old.push({ uri: removed, text: segment });
    expect(await diff(prod, old)).toMatchObject({ summary: [], connections: [], machines: [] });
    expect(
      await client.knet("knet/diff", { uri: prod, name: "HEAD", old: [...old.slice(1), { uri: prod, text: null }] }),
    ).toMatchObject({
      error: "The file does not exist in the last commit.",
    });
    await client.close(lan);
    await client.close(prod);
  });
});
