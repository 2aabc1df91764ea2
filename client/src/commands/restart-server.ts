/** Knet: Restart Language Server. */
import * as vscode from "vscode";
import type { Server } from "../server.ts";

export async function restartServer(server: Server): Promise<void> {
  try {
    await server.restart();
    void vscode.window.setStatusBarMessage(vscode.l10n.t("knet: language server restarted"), 4000);
  } catch (error) {
    const shown = await vscode.window.showErrorMessage(
      vscode.l10n.t("The knet language server does not start: {0}", String(error)),
      vscode.l10n.t("Show Log"),
    );
    if (shown !== undefined) server.showLog();
  }
}
