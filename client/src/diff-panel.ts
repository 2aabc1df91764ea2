/** The comparison panel: what has changed in a topology since the last commit, one panel per topology. */
import * as vscode from "vscode";
import type { DiffView } from "../../server/src/lsp/protocol.ts";
import { type FromPage, type PanelState, readFromPage, readPanelState, type ToPage } from "../webview/diff/messages.ts";
import { asker } from "./asking.ts";
import { headOf } from "./head.ts";
import { fileOf, openLocation } from "./page.ts";
import type { Panel, PanelKind, Panels } from "./panels.ts";
import type { Server } from "./server.ts";

export type DiffPanels = Panels<PanelState>;

export const DIFF: PanelKind<PanelState, FromPage> = {
  view: "knet.diff",
  page: { script: "diff.js", style: "diff.css", title: () => vscode.l10n.t("Comparison") },
  keyOf: ({ uri }) => uri,
  titleOf: ({ uri }) => vscode.l10n.t("{0} compared with HEAD", fileOf(uri)),
  readState: readPanelState,
  readMessage: readFromPage,
  open,
};

/** A slower comparison is repeated on request only: the server handles no other request meanwhile. */
const SLOW_MS = 400;

function open(server: Server, panel: vscode.WebviewPanel, { uri }: PanelState): Panel<FromPage> {
  const ask = asker(vscode.l10n.t("Comparing with the last commit"));
  const head = headOf();
  let diff: DiffView | undefined;
  let isReady = false;
  let isSlow = false;
  panel.onDidChangeViewState(() => {
    // VS Code destroys the page of a hidden panel; a new page sends `ready` when the panel is shown again.
    if (!panel.visible) isReady = false;
  });

  async function compare(): Promise<void> {
    if (!isReady) return;
    const start = Date.now();
    const answer = await ask((token) =>
      head.ask(uri, (old) => server.request("knet/diff", { uri, name: "HEAD", old }, token)),
    );
    if (answer === undefined) return;
    isSlow = Date.now() - start > SLOW_MS;
    if ("diff" in answer) diff = answer.diff;
    const state = { uri, file: fileOf(uri) };
    await say(
      "diff" in answer ? { type: "diff", ...state, diff: answer.diff } : { type: "failed", ...state, ...answer },
    );
  }

  /** After each analysis of an open file. */
  async function draw(): Promise<void> {
    if (isReady && isSlow) return say({ type: "outdated", uri, file: fileOf(uri) });
    return compare();
  }

  async function say(message: ToPage): Promise<void> {
    await panel.webview.postMessage(message);
  }

  async function receive(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        isReady = true;
        return compare();
      case "again":
        return compare();
      case "showFinding":
        return openLocation(diff?.findings[message.finding]?.location);
      case "trace": {
        const packet = diff?.connections[message.connection]?.[message.side];
        if (packet)
          await vscode.commands.executeCommand("knet.trace", { uri, ...packet, before: message.side === "old" });
      }
    }
  }

  return { draw, receive };
}
