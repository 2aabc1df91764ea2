/** The matrix panel: who reaches whom in each topology that was asked for; it follows its file and survives a reload. */
import * as vscode from "vscode";
import { LSPErrorCodes, ResponseError } from "vscode-languageclient/node";
import type { MatrixView } from "../../server/src/lsp/protocol.ts";
import {
  type FromPage,
  type PanelState,
  type Question,
  readFromPage,
  readPanelState,
  type ToPage,
} from "../webview/matrix/messages.ts";
import { openLocation, pageOf, pageOptions } from "./page.ts";
import { type Server, withPatience } from "./server.ts";

const VIEW = "knet.matrix";
const PAGE = { script: "matrix.js", style: "matrix.css", title: "Matrix" };

export class MatrixPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #context: vscode.ExtensionContext;
  readonly #server: Server;
  readonly #panels = new Map<string, MatrixPanel>();
  readonly #subscriptions: vscode.Disposable;

  constructor(context: vscode.ExtensionContext, server: Server) {
    this.#context = context;
    this.#server = server;
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(VIEW, this),
      // An imported file is analysed with its importer: any analysis may have changed any matrix.
      server.onAnalysisDone(() => {
        for (const panel of this.#panels.values()) void panel.draw();
      }),
    );
  }

  async show(uri: vscode.Uri): Promise<void> {
    const known = this.#panels.get(uri.toString());
    if (known) {
      known.reveal();
      await known.draw();
      return;
    }
    const title = `Matrix of ${vscode.workspace.asRelativePath(uri)}`;
    const options = pageOptions(this.#context);
    this.#add(vscode.window.createWebviewPanel(VIEW, title, vscode.ViewColumn.Beside, options), {
      uri: uri.toString(),
      by: "packets",
      from: "",
      to: "",
    });
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const known = readPanelState(state);
    if (!known) {
      panel.dispose();
      return;
    }
    panel.webview.options = pageOptions(this.#context);
    this.#add(panel, known);
  }

  dispose(): void {
    this.#subscriptions.dispose();
    for (const panel of this.#panels.values()) panel.dispose();
  }

  #add(webview: vscode.WebviewPanel, state: PanelState): void {
    const panel = new MatrixPanel(this.#context, this.#server, webview, state);
    this.#panels.set(state.uri, panel);
    webview.onDidDispose(() => {
      panel.stop();
      if (this.#panels.get(state.uri) === panel) this.#panels.delete(state.uri);
    });
  }
}

class MatrixPanel {
  readonly #server: Server;
  readonly #panel: vscode.WebviewPanel;
  readonly #uri: string;
  #question: Question;
  #matrix: MatrixView | undefined;
  #ready = false;
  #running: vscode.CancellationTokenSource | undefined;

  constructor(context: vscode.ExtensionContext, server: Server, panel: vscode.WebviewPanel, state: PanelState) {
    const { uri, ...question } = state;
    this.#server = server;
    this.#panel = panel;
    this.#uri = uri;
    this.#question = question;
    panel.webview.onDidReceiveMessage((message: unknown) => {
      const read = readFromPage(message);
      if (read) void this.#receive(read);
    });
    // The page of a hidden panel is thrown away; it says that it is ready when it comes back.
    panel.onDidChangeViewState(() => {
      if (panel.visible) return;
      this.#ready = false;
      this.stop();
    });
    panel.webview.html = pageOf(panel.webview, context.extensionUri, PAGE);
  }

  reveal(): void {
    this.#panel.reveal(undefined, false);
  }

  dispose(): void {
    this.#panel.dispose();
  }

  /** Nobody waits for the answer any more; the server hears of it. */
  stop(): void {
    this.#running?.cancel();
    this.#running = undefined;
  }

  /** Asks the server; a later question ends an earlier one. */
  async draw(): Promise<void> {
    if (!this.#ready) return;
    this.stop();
    const own = new vscode.CancellationTokenSource();
    this.#running = own;
    const state: PanelState = { uri: this.#uri, ...this.#question };
    const file = vscode.workspace.asRelativePath(vscode.Uri.parse(this.#uri));
    const failed = (error: string, namespaces: string[] = []): ToPage => ({
      type: "failed",
      state,
      file,
      error,
      namespaces,
    });
    await this.#say({ type: "working", state, file });
    let message: ToPage;
    try {
      const { by, from, to } = this.#question;
      const answer = await withPatience("Asking who reaches whom", (token) => {
        token.onCancellationRequested(() => own.cancel());
        return this.#server.request("knet/matrix", { uri: this.#uri, by, from, to }, own.token);
      });
      if (this.#running !== own) return;
      if (answer === undefined) message = failed("Stopped.");
      else if ("error" in answer) message = failed(answer.error, answer.namespaces);
      else {
        this.#matrix = answer.matrix;
        message = { type: "matrix", state, file, matrix: answer.matrix };
      }
    } catch (error) {
      // The analysis of the newer text asks again.
      const isObsolete = error instanceof ResponseError && error.code === LSPErrorCodes.ContentModified;
      if (this.#running !== own || isObsolete) return;
      message = failed(`The language server does not answer: ${String(error)}`);
    } finally {
      own.dispose();
    }
    await this.#say(message);
  }

  async #say(message: ToPage): Promise<void> {
    await this.#panel.webview.postMessage(message);
  }

  async #receive(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        this.#ready = true;
        return this.draw();
      case "again":
        return this.draw();
      case "ask": {
        const { by, from, to } = message;
        this.#question = { by, from, to };
        return this.draw();
      }
      case "showEnd":
        return openLocation(this.#matrix?.ends[message.end]?.location);
      case "showPolicy":
        return openLocation(this.#matrix?.policies[message.policy]?.location);
      case "trace": {
        const from = this.#matrix?.ends[message.from]?.path;
        const to = this.#matrix?.ends[message.to]?.path;
        if (from === undefined || to === undefined) return;
        const { proto, port } = message;
        const given = { uri: this.#uri, from, to, proto, ...(port === undefined ? {} : { port }) };
        await vscode.commands.executeCommand("knet.trace", given);
      }
    }
  }
}
