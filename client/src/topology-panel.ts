/** The topology panel: a drawing of a topology, one panel per topology. */
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
import { asker } from "./asking.ts";
import { fileOf, openLocation } from "./page.ts";
import type { Panel, PanelKind, Panels } from "./panels.ts";
import type { Server } from "./server.ts";

export type TopologyPanels = Panels<PanelState>;

export const TOPOLOGY: PanelKind<PanelState, FromPage> = {
  view: "knet.topology",
  page: { script: "topology.js", style: "topology.css", title: () => vscode.l10n.t("Topology") },
  keyOf: ({ uri }) => uri,
  titleOf: ({ uri }) => vscode.l10n.t("Topology of {0}", fileOf(uri)),
  readState: readPanelState,
  readMessage: readFromPage,
  open,
};

function open(server: Server, { webview }: vscode.WebviewPanel, { uri }: PanelState): Panel<FromPage> {
  const ask = asker(vscode.l10n.t("Drawing the topology"));
  let drawing: TopologyDrawing | undefined;
  let isReady = false;

  async function draw(): Promise<void> {
    if (!isReady) return;
    const answer = await ask((token) => server.request("knet/topology", { uri }, token));
    if (answer === undefined) return;
    const file = fileOf(uri);
    if ("drawing" in answer) drawing = answer.drawing;
    const message: ToPage =
      "drawing" in answer
        ? { type: "drawing", uri, file, drawing: answer.drawing }
        : { type: "failed", uri, file, error: answer.error };
    await webview.postMessage(message);
  }

  async function receive(message: FromPage): Promise<void> {
    if (message.type === "ready") {
      isReady = true;
      return draw();
    }
    const item = drawing && itemsOf(drawing)[message.item];
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

  return { draw, receive };
}
