/** The translations that VS Code has loaded for the extension, in the form that the server and the panels receive. */
import * as vscode from "vscode";
import type { InstalledBundle } from "../../server/src/lsp/protocol.ts";

export function installedBundle(): InstalledBundle | undefined {
  const { bundle } = vscode.l10n;
  return bundle === undefined ? undefined : { bundle, locale: vscode.env.language };
}
