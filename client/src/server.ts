/** The language server of this window: start, restart, and requests. */
import * as vscode from "vscode";
import {
  LanguageClient,
  type LanguageClientOptions,
  type ServerOptions,
  State,
  TransportKind,
} from "vscode-languageclient/node";
import type { AnalysisDoneParams, KnetMethod, KnetParams, KnetResult } from "../../server/src/lsp/protocol.ts";
import { installedBundle } from "./l10n.ts";

export type ServerState = "starting" | "running" | "stopped";

/** All knet documents, regardless of their URI scheme. */
export const KNET: vscode.DocumentFilter = { language: "knet" };

export class Server implements vscode.Disposable {
  readonly #client: LanguageClient;
  readonly #done = new vscode.EventEmitter<AnalysisDoneParams>();
  readonly #state = new vscode.EventEmitter<ServerState>();
  readonly #output: vscode.LogOutputChannel;
  #last: ServerState = "stopped";

  constructor(context: vscode.ExtensionContext) {
    const module = context.asAbsolutePath("dist/server.cjs");
    const run = { module, transport: TransportKind.ipc };
    const options: ServerOptions = { run, debug: { ...run, options: { execArgv: ["--nolazy", "--inspect=6009"] } } };
    this.#output = vscode.window.createOutputChannel("knet", { log: true });
    const clientOptions: LanguageClientOptions = {
      documentSelector: [{ language: "knet" }],
      outputChannel: this.#output,
      // The server registers the files to watch.
      synchronize: { configurationSection: "knet" },
      // Pushed diagnostics arrive earlier than pulled ones, and carry their version.
      initializationOptions: { push: true, commands: true, l10n: installedBundle() },
      markdown: { isTrusted: { enabledCommands: ["knet.trace", "knet.showRoutes"] } },
    };
    this.#client = new LanguageClient("knet", "knet", options, clientOptions);
    this.#client.onDidChangeState(({ newState }) => this.#setState(newState));
    this.#client.onNotification("knet/analysisDone", (params: AnalysisDoneParams) => this.#done.fire(params));
  }

  /** After each analysis of an open file. */
  get onAnalysisDone(): vscode.Event<AnalysisDoneParams> {
    return this.#done.event;
  }

  get onStateChange(): vscode.Event<ServerState> {
    return this.#state.event;
  }

  get state(): ServerState {
    return this.#last;
  }

  start(): Promise<void> {
    return this.#client.start();
  }

  async restart(): Promise<void> {
    await this.#client.restart();
  }

  showLog(): void {
    this.#output.show(true);
  }

  async request<M extends KnetMethod>(
    method: M,
    params: KnetParams<M>,
    token?: vscode.CancellationToken,
  ): Promise<KnetResult<M>> {
    await this.start();
    return this.#client.sendRequest<KnetResult<M>>(method, params, token);
  }

  dispose(): void {
    this.#done.dispose();
    this.#state.dispose();
    // Not awaited: the window might be closing.
    void this.#client.dispose();
    this.#output.dispose();
  }

  #setState(state: State): void {
    this.#last = state === State.Running ? "running" : state === State.Starting ? "starting" : "stopped";
    this.#state.fire(this.#last);
  }
}

/** Runs a request; after half a second, shows progress with a cancel button. Undefined if canceled. */
export async function withPatience<T>(
  title: string,
  task: (token: vscode.CancellationToken) => Promise<T>,
): Promise<T | undefined> {
  const source = new vscode.CancellationTokenSource();
  const running = task(source.token);
  const settled = running.then(
    () => true,
    () => true,
  );
  const slow = await Promise.race([
    settled.then(() => false),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 500)),
  ]);
  try {
    if (!slow) return await running;
    return await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      async (_, token) => {
        token.onCancellationRequested(() => source.cancel());
        const stopped = new Promise<undefined>((resolve) => token.onCancellationRequested(() => resolve(undefined)));
        return await Promise.race([running, stopped]);
      },
    );
  } catch (error) {
    if (source.token.isCancellationRequested) return undefined;
    throw error;
  } finally {
    source.dispose();
  }
}
