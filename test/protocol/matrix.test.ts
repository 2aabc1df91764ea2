/** The matrix over the protocol: its content, its cancellation, and that it does not block other requests. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CancellationTokenSource } from "vscode-jsonrpc/node";
import { LSPErrorCodes } from "vscode-languageserver-protocol";
import { type Client, startClient } from "./client.ts";
import { TWO_NODES } from "./texts.ts";

/** Each pod has a separate policy and separate ports, so all pods differ and every pair must be evaluated. */
const pods = Array.from(
  { length: 150 },
  (_, n) => `    pod p${n} on n${1 + (n % 2)} { labels app=p${n}; listen ${1000 + n}/tcp ${3000 + n}/udp }
    policy p${n} { select app=p${n}; ingress from any to ${1000 + n}/tcp }`,
).join("\n");
const LONG = TWO_NODES.replace("  cni flannel {", "  network-policy kube-router\n  cni flannel {").replace(
  "  namespace shop {",
  `  namespace many {\n${pods}\n  }\n  namespace shop {`,
);

let client: Client;
beforeAll(async () => {
  client = await startClient();
});
afterAll(async () => {
  await client.stop();
});

describe("knet/matrix", () => {
  it("contains endpoints, cells, and locations", async () => {
    const uri = "untitled:small.knet";
    await client.open(uri, TWO_NODES);
    const answer = await client.knet("knet/matrix", { uri, by: "packets", to: "shop/api" });
    if ("error" in answer) throw new Error(answer.error);
    const { matrix } = answer;
    expect(matrix.rows.map((number) => matrix.ends[number]?.name)).toEqual(["shop/web", "shop/api"]);
    expect(matrix.columns.map((number) => matrix.ends[number]?.name)).toEqual(["shop/api"]);
    expect(matrix.cells.slice(0, 4)).toEqual([0, 0, 1, 0]);
    expect(matrix.ports[0]).toEqual([
      { proto: "tcp", ports: "9090" },
      { proto: "icmp", ports: "" },
    ]);
    expect(matrix.ends[0]).toMatchObject({ path: "prod/shop/web", location: { file: uri } });
    expect(matrix.namespaces).toEqual(["shop"]);
    expect(matrix.text).toContain("shop/api");
    expect(await client.knet("knet/matrix", { uri, by: "policies", from: "missing" })).toMatchObject({
      namespaces: ["shop"],
    });
    await client.close(uri);
  });

  it("does not block other requests, and ends when it is canceled or out of date", async () => {
    const uri = "untitled:long.knet";
    await client.open(uri, LONG);
    const order: string[] = [];
    const request = (token?: CancellationTokenSource["token"]): Promise<unknown> =>
      client.connection
        .sendRequest("knet/matrix", { uri, by: "packets" }, ...(token ? [token] : []))
        .catch((error: unknown) => error)
        .finally(() => order.push("matrix"));
    const source = new CancellationTokenSource();
    const canceled = request(source.token);
    await client
      .request("textDocument/hover", { textDocument: { uri }, position: { line: 0, character: 2 } })
      .finally(() => order.push("hover"));
    source.cancel();
    expect(await canceled).toMatchObject({ code: LSPErrorCodes.RequestCancelled });
    expect(order).toEqual(["hover", "matrix"]);
    const obsolete = request();
    await client.change(uri, 2, [{ text: TWO_NODES }]);
    expect(await obsolete).toMatchObject({ code: LSPErrorCodes.ContentModified });
    expect(await client.knet("knet/matrix", { uri, by: "packets" })).toHaveProperty("matrix");
    await client.close(uri);
  });
});
