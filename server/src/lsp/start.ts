/**
 * Connects the server to standard input and output or to a parent process. Two threads: the main thread only relays messages
 * and counts the change notifications; the server runs in the worker thread and detects from that number, even during an
 * analysis, that the text has changed.
 */
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import {
  createConnection,
  IPCMessageReader,
  IPCMessageWriter,
  type Message,
  type MessageReader,
  type MessageWriter,
  PortMessageReader,
  PortMessageWriter,
  ProposedFeatures,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver/node";
import { visible } from "../text/visible.ts";
import { startServer } from "./server.ts";

/** Passed to the worker thread. */
interface Shared {
  /** One number: the received didChange notifications. */
  readonly changes: SharedArrayBuffer;
}

/** `knet lsp --stdio`. */
export function startStdio(): void {
  start(() => {
    // The reader waits for `close`. At the end of a file or a device, such as /dev/null, Node emits only `end` (nodejs/node,
    // is_main_thread.js, getStdin: `autoClose: false`).
    process.stdin.once("end", () => process.stdin.destroy());
    return [new StreamMessageReader(process.stdin), new StreamMessageWriter(process.stdout)];
  });
}

/** The arguments of dist/server.cjs: `--stdio` (default), `--node-ipc`, `--socket=…`, `--pipe=…`. */
export function startFromArguments(): void {
  if (process.argv.some((arg) => /^--(?:socket|pipe)\b/.test(arg))) startServer(createConnection(ProposedFeatures.all));
  else if (process.argv.includes("--node-ipc"))
    start(() => [new IPCMessageReader(process), new IPCMessageWriter(process)]);
  else startStdio();
}

function start(transport: () => readonly [MessageReader, MessageWriter]): void {
  const shared = isMainThread ? undefined : sharedOf(workerData);
  if (shared) serve(shared);
  else relay(...transport());
}

function serve({ changes }: Shared): void {
  if (!parentPort) return;
  const counter = new Int32Array(changes);
  const connection = createConnection(
    ProposedFeatures.all,
    new PortMessageReader(parentPort),
    new PortMessageWriter(parentPort),
  );
  startServer(connection, { changesReceived: () => Atomics.load(counter, 0) });
}

function relay(reader: MessageReader, writer: MessageWriter): void {
  const changes = new SharedArrayBuffer(4);
  const counter = new Int32Array(changes);
  // The worker runs this same bundle with the same arguments, so it enters `start` again.
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: { changes } satisfies Shared,
    argv: process.argv.slice(2),
  });
  let leaving = false;
  const leave = (code: number): void => {
    if (leaving) return;
    leaving = true;
    // Exits after all earlier output is flushed.
    process.stdout.write("", () => process.exit(code));
  };
  worker.on("message", (message: Message) => void writer.write(message).catch(() => leave(1)));
  worker.on("error", (error) => {
    process.stderr.write(`knet: the language server failed: ${error.stack ?? error.message}\n`);
    leave(1);
  });
  worker.on("exit", leave);
  reader.onError((error) => {
    process.stderr.write(`knet: ${visible(error.message)}\n`);
    // A body that is not JSON is one lost message. After any other error, such as a header without Content-Length, the start of
    // the next message is unknown, and the server would never respond again.
    if (!(error instanceof SyntaxError)) leave(1);
  });
  reader.onClose(() => leave(1));
  process.on("disconnect", () => leave(1));
  reader.listen((message: unknown) => {
    // Any valid JSON arrives here.
    if (typeof message !== "object" || message === null) return;
    // Only notifications, which the server also counts: a request with this name is not a change.
    if ("method" in message && message.method === "textDocument/didChange" && !("id" in message))
      Atomics.add(counter, 0, 1);
    worker.postMessage(message);
  });
}

function sharedOf(data: unknown): Shared | undefined {
  if (typeof data !== "object" || data === null || !("changes" in data)) return undefined;
  return data.changes instanceof SharedArrayBuffer ? { changes: data.changes } : undefined;
}
