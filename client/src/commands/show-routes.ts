/** Knet: Show Routes… – the addresses, routes, neighbor entries, and FDB entries of a network namespace, next to the file. */
import * as vscode from "vscode";
import { isObject } from "../../webview/messages.ts";
import type { RoutesDocuments } from "../routes-document.ts";
import type { Server } from "../server.ts";
import { knetDocument, pickEndpoint } from "../target.ts";

export async function showRoutes(server: Server, documents: RoutesDocuments, argument: unknown): Promise<void> {
  const uri = await knetDocument(argument);
  if (!uri) return;
  const where =
    isObject(argument) && typeof argument["where"] === "string"
      ? argument["where"]
      : (await pickEndpoint(server, uri, vscode.l10n.t("Show routes: select a machine or pod"), []))?.path;
  if (where === undefined) return;
  const document = await vscode.workspace.openTextDocument(documents.uriOf(uri, where));
  await vscode.window.showTextDocument(document, {
    viewColumn: vscode.ViewColumn.Beside,
    preserveFocus: true,
    preview: true,
  });
}
