/** The panels of one kind, one per key. They follow changes of their files and survive a reload of the window. */
import * as vscode from "vscode";
import { type Page, pageOf, pageOptions } from "./page.ts";
import type { Server } from "./server.ts";

/** `State`: the data needed to open a panel. `Message`: the messages from its page. */
export interface PanelKind<State, Message> {
  /** View type of the panel in VS Code, the same as in package.json. */
  readonly view: string;
  readonly page: Page;
  /** States with the same key share a panel. */
  keyOf(state: State): string;
  titleOf(state: State): string;
  /** Validates the state that the page of an earlier window has stored. */
  readState(kept: unknown): State | undefined;
  readMessage(message: unknown): Message | undefined;
  open(server: Server, webview: vscode.WebviewPanel, state: State): Panel<Message>;
}

export interface Panel<Message> {
  /** Requests new data from the server and shows the result. */
  draw(): Promise<void>;
  receive(message: Message): Promise<void>;
  /** The panel is closed. */
  stop?(): void;
}

export interface Panels<State> extends vscode.Disposable {
  /** Shows the state in its existing panel, or in a new panel next to the editor. */
  show(state: State): Promise<void>;
}

export function panelsOf<State, Message>(
  context: vscode.ExtensionContext,
  server: Server,
  kind: PanelKind<State, Message>,
): Panels<State> {
  const open = new Map<string, { readonly webview: vscode.WebviewPanel; readonly panel: Panel<Message> }>();
  const add = (webview: vscode.WebviewPanel, state: State): void => {
    const key = kind.keyOf(state);
    const panel = kind.open(server, webview, state);
    open.set(key, { webview, panel });
    webview.onDidDispose(() => {
      panel.stop?.();
      if (open.get(key)?.panel === panel) open.delete(key);
    });
    webview.webview.onDidReceiveMessage((message: unknown) => {
      const read = kind.readMessage(message);
      if (read !== undefined) void panel.receive(read);
    });
    webview.webview.html = pageOf(webview.webview, context.extensionUri, kind.page);
  };
  const subscriptions = vscode.Disposable.from(
    vscode.window.registerWebviewPanelSerializer(kind.view, {
      async deserializeWebviewPanel(webview, kept) {
        const state = kind.readState(kept);
        if (!state) return webview.dispose();
        webview.webview.options = pageOptions(context);
        add(webview, state);
      },
    }),
    // An imported file is analyzed with its importer, so any analysis can change the content of any panel.
    server.onAnalysisDone(() => {
      for (const { panel } of open.values()) void panel.draw();
    }),
  );
  return {
    async show(state) {
      const known = open.get(kind.keyOf(state));
      if (known) {
        known.webview.reveal(undefined, false);
        return known.panel.draw();
      }
      const column = vscode.ViewColumn.Beside;
      add(vscode.window.createWebviewPanel(kind.view, kind.titleOf(state), column, pageOptions(context)), state);
    },
    dispose() {
      subscriptions.dispose();
      for (const { webview } of open.values()) webview.dispose();
    },
  };
}
