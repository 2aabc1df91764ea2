/** A client that communicates with the server like an editor: a real process, over standard input and output. Never sleeps. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import type {
  Diagnostic,
  InitializeParams,
  InitializeResult,
  PublishDiagnosticsParams,
  TextDocumentContentChangeEvent,
} from "vscode-languageserver-protocol";
import type { KnetMethod, KnetParams, KnetResult } from "../../server/src/lsp/protocol.ts";

export const SERVER = fileURLToPath(new URL("../../dist/server.cjs", import.meta.url));
const PATIENCE_MS = 10_000;

export interface Client {
  readonly connection: MessageConnection;
  readonly process: ChildProcess;
  readonly initialized: InitializeResult;
  /** All published diagnostics, in order. */
  readonly published: readonly PublishDiagnosticsParams[];
  readonly logged: readonly string[];
  request<T = unknown>(method: string, params: unknown): Promise<T>;
  knet<M extends KnetMethod>(method: M, params: KnetParams<M>): Promise<KnetResult<M>>;
  notify(method: string, params: unknown): Promise<void>;
  open(uri: string, text: string, version?: number): Promise<void>;
  change(uri: string, version: number, changes: readonly TextDocumentContentChangeEvent[]): Promise<void>;
  close(uri: string): Promise<void>;
  /** Replaces the folders of the workspace. */
  setFolders(uris: readonly string[]): Promise<void>;
  /** The diagnostics of the next or an earlier publication that matches. */
  diagnostics(
    uri: string,
    fits?: number | ((params: PublishDiagnosticsParams) => boolean),
  ): Promise<readonly Diagnostic[]>;
  /** The next notification that matches. */
  next<T>(method: string, fits: (params: T) => boolean): Promise<T>;
  stop(): Promise<number | null>;
}

export interface ClientOptions {
  readonly folders?: readonly string[];
  readonly capabilities?: InitializeParams["capabilities"];
  readonly args?: readonly string[];
  readonly settings?: unknown;
  readonly initializationOptions?: unknown;
  /** The program to start instead of the server. */
  readonly program?: string;
}

export const CAPABILITIES: InitializeParams["capabilities"] = {
  textDocument: {
    completion: { completionItem: { snippetSupport: true } },
    definition: { linkSupport: true },
    publishDiagnostics: {
      relatedInformation: true,
      versionSupport: true,
      codeDescriptionSupport: true,
      dataSupport: true,
    },
  },
  workspace: { workspaceEdit: { documentChanges: true }, workspaceFolders: true },
};

export async function startClient(options: ClientOptions = {}): Promise<Client> {
  const program = options.program ?? SERVER;
  if (!existsSync(program)) throw new Error(`${program} is missing: run npm run build`);
  const child = spawn(process.execPath, [program, ...(options.args ?? ["--stdio"])], {
    stdio: ["pipe", "pipe", "inherit", ...(options.args?.includes("--node-ipc") ? (["ipc"] as const) : [])],
  });
  const connection = options.args?.includes("--node-ipc")
    ? createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child))
    : createMessageConnection(
        new StreamMessageReader(piped(child.stdout)),
        new StreamMessageWriter(piped(child.stdin)),
      );
  const published: PublishDiagnosticsParams[] = [];
  const logged: string[] = [];
  const waiting = new Set<{ readonly method: string; readonly take: (params: unknown) => boolean }>();
  const deliver = (method: string, params: unknown): void => {
    for (const one of [...waiting]) if (one.method === method && one.take(params)) waiting.delete(one);
  };
  connection.onNotification((method, params) => {
    if (method === "textDocument/publishDiagnostics") published.push(params as unknown as PublishDiagnosticsParams);
    if (method === "window/logMessage") logged.push((params as unknown as { message: string }).message);
    deliver(method, params);
  });
  connection.onRequest("workspace/configuration", () => [options.settings ?? null]);
  const foldersOf = (uris: readonly string[]) => uris.map((uri) => ({ uri, name: uri }));
  let folders = foldersOf(options.folders ?? []);
  connection.onRequest("workspace/workspaceFolders", () => folders);
  connection.onRequest("client/registerCapability", (params) => {
    deliver("client/registerCapability", params);
    return null;
  });
  for (const method of ["diagnostic", "inlayHint", "codeLens"])
    connection.onRequest(`workspace/${method}/refresh`, () => {
      deliver(`workspace/${method}/refresh`, null);
      return null;
    });
  connection.listen();

  const next = <T>(method: string, fits: (params: T) => boolean): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(
              `no ${method} received; logged: ${logged.join("\n")}; published: ${JSON.stringify(published.slice(-3))}`,
            ),
          ),
        PATIENCE_MS,
      );
      waiting.add({
        method,
        take: (params) => {
          if (!fits(params as T)) return false;
          clearTimeout(timer);
          resolve(params as T);
          return true;
        },
      });
    });

  const initialized: InitializeResult = await connection.sendRequest("initialize", {
    processId: process.pid,
    rootUri: null,
    capabilities: options.capabilities ?? CAPABILITIES,
    initializationOptions: options.initializationOptions ?? null,
    workspaceFolders: options.folders ? folders : null,
  });
  await connection.sendNotification("initialized", {});

  return {
    connection,
    process: child,
    initialized,
    published,
    logged,
    request: (method, params) => connection.sendRequest(method, params),
    knet: (method, params) => connection.sendRequest(method, params),
    notify: (method, params) => connection.sendNotification(method, params),
    open: (uri, text, version = 1) =>
      connection.sendNotification("textDocument/didOpen", {
        textDocument: { uri, languageId: "knet", version, text },
      }),
    change: (uri, version, contentChanges) =>
      connection.sendNotification("textDocument/didChange", { textDocument: { uri, version }, contentChanges }),
    close: (uri) => connection.sendNotification("textDocument/didClose", { textDocument: { uri } }),
    setFolders(uris) {
      const removed = folders;
      folders = foldersOf(uris);
      return connection.sendNotification("workspace/didChangeWorkspaceFolders", { event: { added: folders, removed } });
    },
    async diagnostics(uri, fits = () => true) {
      const accept = (params: PublishDiagnosticsParams): boolean =>
        params.uri === uri && (typeof fits === "number" ? params.version === fits : fits(params));
      const known = published.findLast(accept);
      const params = known ?? (await next<PublishDiagnosticsParams>("textDocument/publishDiagnostics", accept));
      return params.diagnostics;
    },
    next,
    async stop() {
      const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
      if (child.exitCode !== null) return child.exitCode;
      await connection.sendRequest("shutdown");
      await connection.sendNotification("exit");
      const code = await exit;
      connection.dispose();
      return code;
    },
  };
}

function piped<T>(stream: T | null): T {
  if (stream === null) throw new Error("the server's standard streams are pipes");
  return stream;
}
