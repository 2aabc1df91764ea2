/** The server as a process: start, exit, and input that is not a valid message. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import type { Location } from "vscode-languageserver-protocol";
import { SERVER, startClient } from "./client.ts";
import { TWO_NODES } from "./texts.ts";

const KNET = fileURLToPath(new URL("../../dist/knet.cjs", import.meta.url));

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once("exit", resolve));
}

describe("start and exit", () => {
  it("uses --stdio by default", async () => {
    const client = await startClient({ args: [] });
    expect(client.initialized.serverInfo?.name).toBe("knet");
    expect(await client.stop()).toBe(0);
  });

  it("is started by `knet lsp`", async () => {
    const client = await startClient({ program: KNET, args: ["lsp", "--stdio"] });
    await client.open("untitled:a.knet", TWO_NODES);
    expect(await client.diagnostics("untitled:a.knet", 1)).toEqual([]);
    expect(await client.stop()).toBe(0);
  });

  it("communicates over the IPC channel of the parent process, like in VS Code", async () => {
    const client = await startClient({ args: ["--node-ipc"] });
    await client.open("untitled:a.knet", TWO_NODES);
    expect(await client.diagnostics("untitled:a.knet", 1)).toEqual([]);
    const exit = exitOf(client.process);
    client.process.disconnect();
    expect(await exit).toBe(1);
  });

  it("exits with its client", async () => {
    const child = spawn(process.execPath, [SERVER, "--stdio"], { stdio: ["pipe", "ignore", "inherit"] });
    const exit = exitOf(child);
    child.stdin.end();
    expect(await exit).toBe(1);
  });

  it.each([
    [SERVER, ["--stdio"]],
    [KNET, ["lsp", "--stdio"]],
  ])("exits at the end of a device or a file: %s", async (program, args) => {
    const exits = ["/dev/null", fileURLToPath(import.meta.url)].map((input) => {
      const descriptor = openSync(input, "r");
      const child = spawn(process.execPath, [program, ...args], { stdio: [descriptor, "ignore", "ignore"] });
      closeSync(descriptor);
      return exitOf(child);
    });
    expect(await Promise.all(exits)).toEqual([1, 1]);
  });

  it("survives input that is not a valid message", async () => {
    const client = await startClient();
    const { stdin } = client.process;
    for (const body of ["{bad", "[]", "3", "null", '"text"', '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","method":3}']) {
      stdin?.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    }
    await client.open("untitled:a.knet", "segmnt a\n");
    expect((await client.diagnostics("untitled:a.knet", 1)).length).toBeGreaterThan(0);
    await client.stop();
  });
});

describe("a header that is not valid", () => {
  it.each([
    ["without Content-Length", "Content-Type: application/vscode-jsonrpc\r\n\r\n{}"],
    ["with a Content-Length that is not a number", "Content-Length: many\r\n\r\n{}"],
    ["without a colon", "Content-Length 2\r\n\r\n{}"],
  ])("%s ends the server with one line: the start of the next message is unknown", async (_, bytes) => {
    const child = spawn(process.execPath, [SERVER, "--stdio"], { stdio: ["pipe", "ignore", "pipe"] });
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (data: string) => {
      err += data;
    });
    const closed = new Promise((resolve) => child.once("close", resolve));
    child.stdin.write(bytes);
    expect(await closed).toBe(1);
    expect(err).toMatch(/^knet: .*\n$/);
  });
});

describe("settings", () => {
  it("are requested, and can be invalid", async () => {
    for (const settings of [{ diagnostics: { delay: 1 } }, { diagnostics: { delay: "soon" } }, null, 7]) {
      const client = await startClient({ settings, capabilities: { workspace: { configuration: true } } });
      await client.notify("workspace/didChangeConfiguration", { settings: null });
      await client.open("untitled:a.knet", "segmnt a\n");
      expect((await client.diagnostics("untitled:a.knet", 1)).length).toBeGreaterThan(0);
      expect(await client.stop()).toBe(0);
    }
  });
});

describe("clients with few capabilities", () => {
  it("receive only supported results", async () => {
    const client = await startClient({ capabilities: {} });
    const uri = "untitled:a.knet";
    await client.open(uri, TWO_NODES);
    expect(await client.diagnostics(uri, 1)).toEqual([]);
    const textDocument = { uri };
    const completion = await client.request<{ items: { insertTextFormat?: number; textEdit: { newText: string } }[] }>(
      "textDocument/completion",
      { textDocument, position: { line: 0, character: 0 } },
    );
    expect(
      completion.items.every(
        ({ insertTextFormat, textEdit }) => insertTextFormat !== 2 && !textEdit.newText.includes("$"),
      ),
    ).toBe(true);
    const [definition] = await client.request<Location[]>("textDocument/definition", {
      textDocument,
      position: { line: 3, character: 22 },
    });
    expect(definition).toHaveProperty("uri", uri);
    const edit = await client.request<{ changes: object }>("textDocument/rename", {
      textDocument,
      position: { line: 0, character: 9 },
      newName: "office",
    });
    expect(Object.keys(edit.changes)).toEqual([uri]);
    expect(await client.stop()).toBe(0);
  });
});

describe("a workspace with several folders", () => {
  it("can import across its folders, but not from outside", async () => {
    const base = mkdtempSync(join(tmpdir(), "knet-"));
    const uri = (path: string): string => pathToFileURL(join(base, path)).href;
    try {
      for (const folder of ["a", "b", "c"]) mkdirSync(join(base, folder));
      writeFileSync(join(base, "b/fabric.knet"), "segment lan { cidr 10.0.0.0/24 }\n");
      writeFileSync(join(base, "c/secret.knet"), "segment wan { cidr 10.0.1.0/24 }\n");
      const client = await startClient({ folders: [uri("a"), uri("b")] });
      await client.open(uri("a/x.knet"), 'import "../b/fabric.knet"\nhost h { attach lan }\n');
      expect(await client.diagnostics(uri("a/x.knet"), 1)).toEqual([]);
      await client.open(uri("a/y.knet"), 'import "../c/secret.knet"\n');
      expect((await client.diagnostics(uri("a/y.knet"), 1)).map(({ code }) => code)).toEqual(["KN015"]);
      const completion = await client.request<{ items: { label: string }[] }>("textDocument/completion", {
        textDocument: { uri: uri("a/y.knet") },
        position: { line: 0, character: 8 },
      });
      expect(completion.items.map(({ label }) => label)).toEqual(["../b/fabric.knet"]);
      expect(await client.stop()).toBe(0);
    } finally {
      rmSync(base, { recursive: true });
    }
  });
});
