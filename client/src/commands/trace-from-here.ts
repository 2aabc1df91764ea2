/** Knet: Trace From Here… – like Trace Packet, with the object at the cursor as the source. */
import * as vscode from "vscode";
import type { Server } from "../server.ts";
import type { TracePanels } from "../trace-panel.ts";
import { trace } from "./trace.ts";

export async function traceFromHere(
  context: vscode.ExtensionContext,
  server: Server,
  panels: TracePanels,
): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId !== "knet") return trace(context, server, panels, undefined);
  const uri = editor.document.uri.toString();
  const { line, character } = editor.selection.active;
  const here = await server.request("knet/endpointAt", { uri, position: { line, character } });
  if (!here)
    void vscode.window.setStatusBarMessage(
      vscode.l10n.t("knet: the cursor is not in a pod, node, router, or host"),
      4000,
    );
  return trace(context, server, panels, here ? { uri, from: here.path } : { uri });
}
