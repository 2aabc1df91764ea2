/** Work that an edit makes obsolete is canceled, so later requests do not wait for it. */
import { expect, it } from "vitest";
import { type Hover, LSPErrorCodes, ResponseError } from "vscode-languageserver-protocol";
import { CAPABILITIES, type Client, startClient } from "./client.ts";
import { TWO_NODES } from "./texts.ts";

/** Evaluating this many expectations takes far longer than delivering messages that are sent together. */
const LONG = `${TWO_NODES}\n${"expect shop/web -> shop/api:9090 reachable\n".repeat(40_000)}`;
const uri = "untitled:long.knet";

async function pulling(): Promise<Client> {
  const client = await startClient({
    capabilities: { ...CAPABILITIES, textDocument: { ...CAPABILITIES.textDocument, diagnostic: {} } },
  });
  await client.open(uri, LONG);
  return client;
}

it("a hover does not wait for an obsolete analysis", async () => {
  const client = await pulling();
  const order: string[] = [];
  const analysis = client
    .request("textDocument/diagnostic", { textDocument: { uri } })
    .catch((error: unknown) => error)
    .finally(() => order.push("analysis"));
  const hover = client
    .request<Hover | null>("textDocument/hover", { textDocument: { uri }, position: { line: 0, character: 2 } })
    .finally(() => order.push("hover"));
  await client.change(uri, 2, [{ text: TWO_NODES }]);
  const ended = await analysis;
  expect(ended).toBeInstanceOf(ResponseError);
  expect(ended).toMatchObject({ code: LSPErrorCodes.ServerCancelled, data: { retriggerRequest: true } });
  expect(JSON.stringify(await hover)).toContain("segment");
  expect(order).toEqual(["analysis", "hover"]);
  // The new text is analyzed as usual.
  expect(await client.request("textDocument/diagnostic", { textDocument: { uri } })).toMatchObject({ items: [] });
  await client.stop();
});

it("a request named like the edit notification cancels nothing", async () => {
  const client = await startClient();
  await client.request("textDocument/didChange", {}).catch(() => undefined);
  await client.open(uri, "segmnt a\n");
  expect((await client.diagnostics(uri, 1)).length).toBeGreaterThan(0);
  await client.stop();
});
