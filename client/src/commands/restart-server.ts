/** Knet: Restart Language Server. */
import * as vscode from "vscode";
import type { Server } from "../server.ts";

export async function restartServer(server: Server): Promise<void> {
  try {
    await server.restart();
    void vscode.window.setStatusBarMessage("knet: the language server runs again", 4000);
  } catch (error) {
    const shown = await vscode.window.showErrorMessage(
      `knet's language server does not start: ${String(error)}`,
      "Show Log",
    );
    if (shown !== undefined) server.showLog();
  }
}
