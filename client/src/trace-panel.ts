/**
 * The trace panel: a webview for each question. It shows what the server answers, asks again when a topology changes, and
 * comes back after a reload of the window. The page (client/webview) only draws.
 */
import * as vscode from "vscode";
import type { TraceQuery } from "../../server/src/lsp/protocol.ts";
import { waysOf } from "../../server/src/trace/layout.ts";
import type { Trace } from "../../server/src/trace/schema.ts";
import { type FromPage, type Place, readFromPage, readPanelState, type ToPage } from "../webview/messages.ts";
import { openLocation, pageOf, pageOptions } from "./page.ts";
import { type Server, withPatience } from "./server.ts";

const VIEW = "knet.trace";
const PAGE = { script: "webview.js", style: "trace.css", title: "Trace" };

export class TracePanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  readonly #context: vscode.ExtensionContext;
  readonly #server: Server;
  readonly #panels = new Map<string, TracePanel>();
  readonly #subscriptions: vscode.Disposable;

  constructor(context: vscode.ExtensionContext, server: Server) {
    this.#context = context;
    this.#server = server;
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(VIEW, this),
      // An imported file is analysed with its importer: any analysis may have changed any answer.
      server.onAnalysisDone(() => {
        for (const panel of this.#panels.values()) void panel.retrace();
      }),
    );
  }

  /** Shows the answer, in the panel that has it already or in a new one beside the editor. */
  async show(uri: vscode.Uri, query: TraceQuery): Promise<void> {
    const key = keyOf(uri, query);
    const known = this.#panels.get(key);
    if (known) {
      known.reveal();
      await known.retrace();
      return;
    }
    const panel = vscode.window.createWebviewPanel(
      VIEW,
      titleOf(query),
      vscode.ViewColumn.Beside,
      pageOptions(this.#context),
    );
    this.#add(panel, uri, query, undefined);
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const known = readPanelState(state);
    if (!known) {
      panel.dispose();
      return;
    }
    panel.webview.options = pageOptions(this.#context);
    this.#add(panel, vscode.Uri.parse(known.uri), known.query, { path: known.path, step: known.step });
  }

  dispose(): void {
    this.#subscriptions.dispose();
    for (const panel of this.#panels.values()) panel.dispose();
  }

  #add(webview: vscode.WebviewPanel, uri: vscode.Uri, query: TraceQuery, place: Place | undefined): void {
    const key = keyOf(uri, query);
    const panel = new TracePanel(this.#context, this.#server, webview, uri, query, place);
    this.#panels.set(key, panel);
    webview.onDidDispose(() => {
      if (this.#panels.get(key) === panel) this.#panels.delete(key);
    });
  }
}

const keyOf = (uri: vscode.Uri, query: TraceQuery): string =>
  JSON.stringify([uri.toString(), query.from, query.to, query.proto, query.port, query.size, query.df]);

const titleOf = (query: TraceQuery): string => `${query.from} → ${query.to}`;

class TracePanel {
  readonly #server: Server;
  readonly #panel: vscode.WebviewPanel;
  readonly #uri: vscode.Uri;
  readonly #query: TraceQuery;
  #trace: Trace | undefined;
  /** Where the page is, by its last word. */
  #last: Place | undefined;
  /** Where a page that begins anew goes on. */
  #place: Place | undefined;
  #ready = false;
  #turn = 0;

  constructor(
    context: vscode.ExtensionContext,
    server: Server,
    panel: vscode.WebviewPanel,
    uri: vscode.Uri,
    query: TraceQuery,
    place: Place | undefined,
  ) {
    this.#server = server;
    this.#panel = panel;
    this.#uri = uri;
    this.#query = query;
    this.#last = place;
    panel.title = titleOf(query);
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
  async retrace(): Promise<void> {
    if (!this.#ready) return;
    this.#turn += 1;
    const turn = this.#turn;
    const uri = this.#uri.toString();
    const query = this.#query;
    const file = vscode.workspace.asRelativePath(this.#uri);
    let message: ToPage;
    try {
      const answer = await withPatience("Tracing the packet", (token) =>
        this.#server.request("knet/trace", { uri, query }, token),
      );
      if (turn !== this.#turn || answer === undefined) return;
      if ("trace" in answer) {
        this.#trace = answer.trace;
        message = {
          type: "trace",
          uri,
          query,
          file,
          trace: answer.trace,
          ...(this.#place ? { place: this.#place } : {}),
        };
        this.#place = undefined;
      } else {
        message = { type: "failed", uri, query, file, error: answer.error, candidates: answer.candidates };
      }
    } catch (error) {
      if (turn !== this.#turn) return;
      message = {
        type: "failed",
        uri,
        query,
        file,
        error: `The language server does not answer: ${String(error)}`,
        candidates: [],
      };
    }
    await this.#panel.webview.postMessage(message);
  }

  async #receive(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        // Also when a hidden panel comes back: its page was thrown away and begins anew.
        this.#ready = true;
        this.#place = this.#last;
        return this.retrace();
      case "place":
        this.#last = { path: message.path, step: message.step };
        return;
      case "retrace":
        return this.retrace();
      case "change":
        await vscode.commands.executeCommand("knet.trace", { uri: this.#uri.toString() });
        return;
      case "showRule": {
        const path = this.#trace && waysOf(this.#trace)[message.path];
        const hop = path && [...path.hops, ...(path.reply?.hops ?? [])][message.step];
        return openLocation(hop?.rule?.location);
      }
      case "showReason": {
        const path = this.#trace && waysOf(this.#trace)[message.path];
        const leg = message.leg === "request" ? path : path?.reply;
        return openLocation(leg?.reason?.location);
      }
    }
  }
}
