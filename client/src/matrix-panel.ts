/** The matrix panel: reachability in a topology, one panel per topology. */
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
import { noAnswer } from "./asking.ts";
import { fileOf, openLocation } from "./page.ts";
import type { Panel, PanelKind, Panels } from "./panels.ts";
import { type Server, withPatience } from "./server.ts";

export type MatrixPanels = Panels<PanelState>;

export const MATRIX: PanelKind<PanelState, FromPage> = {
  view: "knet.matrix",
  page: { script: "matrix.js", style: "matrix.css", title: () => vscode.l10n.t("Matrix") },
  keyOf: ({ uri }) => uri,
  titleOf: ({ uri }) => vscode.l10n.t("Matrix of {0}", fileOf(uri)),
  readState: readPanelState,
  readMessage: readFromPage,
  open,
};

function open(server: Server, panel: vscode.WebviewPanel, { uri, ...first }: PanelState): Panel<FromPage> {
  let question: Question = first;
  let matrix: MatrixView | undefined;
  let isReady = false;
  let running: vscode.CancellationTokenSource | undefined;
  // VS Code destroys the page of a hidden panel; a new page sends `ready` when the panel is shown again.
  panel.onDidChangeViewState(() => {
    if (panel.visible) return;
    isReady = false;
    stop();
  });

  /** Cancels the running request, whose result is no longer needed. */
  function stop(): void {
    running?.cancel();
    running = undefined;
  }

  /** A later request cancels an earlier one. */
  async function draw(): Promise<void> {
    if (!isReady) return;
    stop();
    const own = new vscode.CancellationTokenSource();
    running = own;
    const state: PanelState = { uri, ...question };
    await say({ type: "working", state, file: fileOf(uri) });
    const message = await answerTo(server, state, own);
    if (running !== own || message === undefined) return;
    if (message.type === "matrix") matrix = message.matrix;
    await say(message);
  }

  async function say(message: ToPage): Promise<void> {
    await panel.webview.postMessage(message);
  }

  async function receive(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        isReady = true;
        return draw();
      case "again":
        return draw();
      case "ask": {
        const { by, from, to } = message;
        question = { by, from, to };
        return draw();
      }
      case "showEnd":
        return openLocation(matrix?.ends[message.end]?.location);
      case "showPolicy":
        return openLocation(matrix?.policies[message.policy]?.location);
      case "trace":
        return traceBetween(uri, matrix, message);
    }
  }

  return { draw, receive, stop };
}

/** The matrix, or the error that the page shows; undefined if a newer request follows. Disposes of `own`. */
async function answerTo(
  server: Server,
  state: PanelState,
  own: vscode.CancellationTokenSource,
): Promise<ToPage | undefined> {
  const { uri, by, from, to } = state;
  const file = fileOf(uri);
  const failed = (error: string, namespaces: string[] = []): ToPage => ({
    type: "failed",
    state,
    file,
    error,
    namespaces,
  });
  try {
    const answer = await withPatience(vscode.l10n.t("Computing reachability"), (token) => {
      token.onCancellationRequested(() => own.cancel());
      return server.request("knet/matrix", { uri, by, from, to }, own.token);
    });
    if (answer === undefined) return failed(vscode.l10n.t("Canceled."));
    if ("error" in answer) return failed(answer.error, answer.namespaces);
    return { type: "matrix", state, file, matrix: answer.matrix };
  } catch (error) {
    // The analysis of the newer text triggers a new request.
    if (error instanceof ResponseError && error.code === LSPErrorCodes.ContentModified) return undefined;
    return failed(noAnswer(error));
  } finally {
    own.dispose();
  }
}

async function traceBetween(
  uri: string,
  matrix: MatrixView | undefined,
  message: FromPage & { readonly type: "trace" },
): Promise<void> {
  const from = matrix?.ends[message.from]?.path;
  const to = matrix?.ends[message.to]?.path;
  if (from === undefined || to === undefined) return;
  const { proto, port } = message;
  const given = { uri, from, to, proto, ...(port === undefined ? {} : { port }) };
  await vscode.commands.executeCommand("knet.trace", given);
}
