/** Bad input: the server responds, survives, and reaches the same results as a new server. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Diagnostic } from "vscode-languageserver-protocol";
import { lineIndex } from "../../server/src/text/line-index.ts";
import { type Client, startClient } from "./client.ts";
import { TWO_NODES } from "./texts.ts";

let client: Client;
let number = 0;
const fresh = (): string => `untitled:robust-${number++}.knet`;

beforeAll(async () => {
  client = await startClient();
});
afterAll(async () => {
  expect(await client.stop()).toBe(0);
});

/** An edit of the current text. */
interface Edit {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

const pieces = [
  "{",
  "}",
  "\n",
  " ",
  "attach ",
  "lan",
  "10.0.0.0/8",
  '"',
  "/*",
  "*/",
  "[",
  "]",
  "#",
  "->",
  "\r\n",
  ";",
  "node n9 ",
  "😀",
  "expect ",
  "\u0000",
];
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  length: fc.oneof({ weight: 4, arbitrary: fc.nat(6) }, { weight: 1, arbitrary: fc.nat(300) }),
  text: fc.array(fc.constantFrom(...pieces), { maxLength: 4 }).map((parts) => parts.join("")),
});

describe("random edits", () => {
  it("produce the same results as a new server for the same text", async () => {
    const other = await startClient();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 }),
        async (batches) => {
          const uri = fresh();
          let text = TWO_NODES;
          await client.open(uri, text);
          let version = 1;
          for (const batch of batches) {
            version += 1;
            const changes = batch.map((one) => {
              const index = lineIndex(text);
              const start = one.at % (text.length + 1);
              const range = { start: index.positionAt(start), end: index.positionAt(start + one.length) };
              // The effective offsets: a position cannot be inside a line break.
              const from = index.offsetAt(range.start);
              const to = index.offsetAt(range.end);
              text = text.slice(0, from) + one.text + text.slice(to);
              return { range, text: one.text };
            });
            void client.change(uri, version, changes);
            if (version % 4 === 0)
              await client.request("textDocument/hover", {
                textDocument: { uri },
                position: { line: 5, character: 4 },
              });
            if (version % 5 === 0)
              await client.request("textDocument/completion", {
                textDocument: { uri },
                position: { line: 9, character: 3 },
              });
          }
          const found = await client.diagnostics(uri, version);
          await other.open(uri, text, version);
          expect(plain(found)).toEqual(plain(await other.diagnostics(uri, version)));
          await client.close(uri);
          await other.close(uri);
        },
      ),
      { numRuns: 40 },
    );
    expect(client.logged).toEqual([]);
    expect(await other.stop()).toBe(0);
  });
});

function plain(diagnostics: readonly Diagnostic[]): unknown[] {
  return diagnostics.map(({ code, message, range }) => ({ code, message, range }));
}

describe("any request at any position of an incomplete text", () => {
  const methods = [
    "hover",
    "completion",
    "definition",
    "references",
    "documentHighlight",
    "prepareRename",
    "rename",
    "documentSymbol",
    "foldingRange",
    "selectionRange",
    "semanticTokens/full",
    "formatting",
    "codeAction",
  ];
  it("causes no log message", async () => {
    for (let cut = 5; cut < TWO_NODES.length; cut += 23) {
      const uri = fresh();
      const text = TWO_NODES.slice(0, cut);
      await client.open(uri, text);
      const position = lineIndex(text).positionAt(cut);
      const range = { start: position, end: position };
      await Promise.allSettled(
        methods.map((method) =>
          client.request(`textDocument/${method}`, {
            textDocument: { uri },
            position,
            positions: [position],
            range,
            newName: "other",
            options: { tabSize: 2, insertSpaces: true },
            context: { diagnostics: [], includeDeclaration: true },
          }),
        ),
      );
      await client.knet("knet/endpoints", { uri });
      await client.knet("knet/endpointAt", { uri, position });
      await client.close(uri);
    }
    expect(client.logged).toEqual([]);
  });
});

describe("malformed requests", () => {
  it("receive a response or an error", async () => {
    const uri = fresh();
    await client.open(uri, TWO_NODES);
    const answers = await Promise.allSettled([
      client.request("textDocument/hover", {}),
      client.request("textDocument/hover", { textDocument: { uri }, position: { line: -5, character: 1e9 } }),
      client.request("textDocument/hover", {
        textDocument: { uri: "not a uri" },
        position: { line: 0, character: 0 },
      }),
      client.request("textDocument/completion", { textDocument: { uri: 7 }, position: null }),
      client.request("textDocument/rename", { textDocument: { uri }, position: { line: 0, character: 9 } }),
      client.request("knet/trace", { uri }),
      client.request("knet/trace", { uri, query: { from: "", to: "a/b/c/d/e", proto: "tcp", port: -1 } }),
      client.request("knet/routes", {}),
      client.request("knet/endpoints", { uri: "file:///no/such/file.knet" }),
      client.request("knet/nonsense", {}),
      client.request("no/such/method", []),
    ]);
    expect(answers.map(({ status }) => status).filter((status) => status === "rejected").length).toBeLessThanOrEqual(4);
    await client.notify("textDocument/didChange", {
      textDocument: { uri: fresh(), version: 2 },
      contentChanges: [{ text: "x" }],
    });
    await client.notify("textDocument/didChange", { textDocument: { uri, version: 2 } });
    await client.notify("textDocument/didOpen", {});
    await client.notify("textDocument/didClose", { textDocument: { uri: fresh() } });
    await client.notify("no/such/notification", { a: 1 });
    const hover = await client.request("textDocument/hover", {
      textDocument: { uri },
      position: { line: 0, character: 3 },
    });
    expect(hover).not.toBeNull();
    await client.close(uri);
  });
});

describe("invalid and large texts", () => {
  it.each([
    ["bytes", "\u0000\u0001\uFFFD\uD800".repeat(5000)],
    ["braces", "{".repeat(50_000)],
    ["an unclosed list", "segment a [".repeat(20_000)],
    ["ten thousand errors", "nonsense x\n".repeat(10_000)],
    ["one long line", `segment ${"a".repeat(1_000_000)}`],
    [
      "a huge pool",
      "segment lan { cidr 10.0.0.0/8 }\ncluster c { pods 11.0.0.0/8\n nodes w 1..1000000000 { attach lan } }",
    ],
  ])("%s", async (_, text) => {
    const uri = fresh();
    await client.open(uri, text);
    const found = await client.diagnostics(uri, 1);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(1001);
    await client.request("textDocument/hover", { textDocument: { uri }, position: { line: 0, character: 1 } });
    await client.close(uri);
  });

  it.each([
    ["13 MB of hosts", "host h0 { attach lan }\n", 13],
    ["16 MB of unknown statements", "a\n", 16],
  ])("%s is one note, also after a keystroke, in a heap of 2 GB", async (_, line, size) => {
    const before = process.env.NODE_OPTIONS;
    process.env.NODE_OPTIONS = "--max-old-space-size=2048";
    const small = await startClient();
    if (before === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = before;
    const uri = fresh();
    await small.open(uri, line.repeat(Math.ceil((size * 1e6) / line.length)));
    const here = { line: 3, character: 0 };
    for (let version = 1; version <= 3; version++) {
      const found = await small.diagnostics(uri, version);
      expect(found.map(({ message }) => message)).toEqual([
        expect.stringMatching(/^the file has 1\d,\d{3},\d{3} characters and is not analyzed \(limit: 4,000,000\); /),
      ]);
      await small.change(uri, version + 1, [{ range: { start: here, end: here }, text: "x" }]);
    }
    expect(await small.request("textDocument/hover", { textDocument: { uri }, position: here })).toBeNull();
    expect(await small.stop()).toBe(0);
  });

  it("a file that exceeds the size limit is reported, and analyzed when it is small again", async () => {
    const uri = fresh();
    const line = "# a comment line without any content\n";
    await client.open(uri, line.repeat(500_000));
    const [only] = await client.diagnostics(uri, 1);
    expect(only?.message).toContain("not analyzed");
    const here = { line: 0, character: 0 };
    await client.change(uri, 2, [
      { range: { start: here, end: { line: 499_999, character: 0 } }, text: "segment lan { cidr 10.0.0.0/24 }\n" },
    ]);
    expect(await client.diagnostics(uri, 2)).toEqual([]);
    await client.close(uri);
  });
});
