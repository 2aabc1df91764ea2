/** The topology panel: a drawing of each topology that was asked for; it follows its file and survives a reload. */
import * as vscode from "vscode";
import type { TopologyDrawing } from "../../server/src/lsp/protocol.ts";
import {
  type FromPage,
  itemsOf,
  type PanelState,
  readFromPage,
  readPanelState,
  type ToPage,
} from "../webview/topology/messages.ts";
import { openLocation, pageOf, pageOptions } from "./page.ts";
import { type Server, withPatience } from "./server.ts";

const VIEW = "knet.topology";
const PAGE = { script: "topology.js", style: "topology.css", title: "Topology" };

export class TopologyPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #context: vscode.ExtensionContext;
  readonly #server: Server;
  readonly #panels = new Map<string, TopologyPanel>();
  readonly #subscriptions: vscode.Disposable;

  constructor(context: vscode.ExtensionContext, server: Server) {
    this.#context = context;
    this.#server = server;
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(VIEW, this),
      // An imported file is analysed with its importer: any analysis may have changed any drawing.
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
    const title = `Topology of ${vscode.workspace.asRelativePath(uri)}`;
    const options = pageOptions(this.#context);
    this.#add(vscode.window.createWebviewPanel(VIEW, title, vscode.ViewColumn.Beside, options), {
      uri: uri.toString(),
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

  #add(webview: vscode.WebviewPanel, { uri }: PanelState): void {
    const panel = new TopologyPanel(this.#context, this.#server, webview, vscode.Uri.parse(uri));
    this.#panels.set(uri, panel);
    webview.onDidDispose(() => {
      if (this.#panels.get(uri) === panel) this.#panels.delete(uri);
    });
  }
}

class TopologyPanel {
  readonly #server: Server;
  readonly #panel: vscode.WebviewPanel;
  readonly #uri: vscode.Uri;
  #drawing: TopologyDrawing | undefined;
  #ready = false;
  #turn = 0;

  constructor(context: vscode.ExtensionContext, server: Server, panel: vscode.WebviewPanel, uri: vscode.Uri) {
    this.#server = server;
    this.#panel = panel;
    this.#uri = uri;
    panel.webview.onDidReceiveMessage((message: unknown) => {
      const read = readFromPage(message);
      if (read) void this.#receive(read);
    });
    panel.webview.html = pageOf(panel.webview, context.extensionUri, PAGE);
  }

  reveal(): void {
    this.#panel.reveal(undefined, false);
  }

  dispose(): void {
    this.#panel.dispose();
  }

  /** Asks the server; an answer that a later question has overtaken is dropped. */
  async draw(): Promise<void> {
    if (!this.#ready) return;
    this.#turn += 1;
    const turn = this.#turn;
    const uri = this.#uri.toString();
    const file = vscode.workspace.asRelativePath(this.#uri);
    let message: ToPage;
    try {
      const answer = await withPatience("Drawing the topology", (token) =>
        this.#server.request("knet/topology", { uri }, token),
      );
      if (turn !== this.#turn || answer === undefined) return;
      if ("drawing" in answer) this.#drawing = answer.drawing;
      message =
        "drawing" in answer
          ? { type: "drawing", uri, file, drawing: answer.drawing }
          : { type: "failed", uri, file, error: answer.error };
    } catch (error) {
      if (turn !== this.#turn) return;
      message = { type: "failed", uri, file, error: `The language server does not answer: ${String(error)}` };
    }
    await this.#panel.webview.postMessage(message);
  }

  async #receive(message: FromPage): Promise<void> {
    if (message.type === "ready") {
      this.#ready = true;
      return this.draw();
    }
    const item = this.#drawing && itemsOf(this.#drawing)[message.item];
    const uri = this.#uri.toString();
    switch (message.type) {
      case "show":
        return openLocation(item?.location);
      case "trace":
        if (item?.path !== undefined) await vscode.commands.executeCommand("knet.trace", { uri, from: item.path });
        return;
      case "routes":
        if (item?.path !== undefined)
          await vscode.commands.executeCommand("knet.showRoutes", { uri, where: item.path });
    }
  }
}
