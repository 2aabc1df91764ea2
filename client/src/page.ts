/** Shared by all panels: their page, and opening a location in a file. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { Location } from "../../server/src/trace/schema.ts";
import { installedBundle } from "./l10n.ts";

export function pageOptions(context: vscode.ExtensionContext): vscode.WebviewPanelOptions & vscode.WebviewOptions {
  return {
    enableScripts: true,
    enableForms: false,
    localResourceRoots: [vscode.Uri.joinPath(context.extensionUri, "dist")],
    enableFindWidget: true,
  };
}

export interface Page {
  /** Files of the package, in `dist`. */
  readonly script: string;
  readonly style: string;
  readonly title: () => string;
}

/** The content security policy permits only these two files of the package. */
export function pageOf(webview: vscode.Webview, extension: vscode.Uri, files: Page): string {
  const nonce = randomBytes(16).toString("base64url");
  const script = webview.asWebviewUri(vscode.Uri.joinPath(extension, "dist", files.script)).toString();
  const style = webview.asWebviewUri(vscode.Uri.joinPath(extension, "dist", files.style)).toString();
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `img-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>${files.title()}</title>
</head>
<body>
<main id="app"></main>
<script type="application/json" id="l10n">${inertJson(installedBundle() ?? null)}</script>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}

/** JSON that cannot close the script element that contains it. */
function inertJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** Display name of a file: its path in the workspace. */
export const fileOf = (uri: string): string => vscode.workspace.asRelativePath(vscode.Uri.parse(uri));

/** Shows a location, in the editor that already shows the file if there is one. */
export async function openLocation(location: Location | undefined): Promise<void> {
  if (!location) return;
  const { start, end } = location.range;
  const range = new vscode.Range(start.line, start.character, end.line, end.character);
  const uri = fileUri(location.file);
  const shown = vscode.window.visibleTextEditors.find((editor) => editor.document.uri.toString() === uri.toString());
  const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), {
    viewColumn: shown?.viewColumn ?? vscode.ViewColumn.One,
    preserveFocus: false,
  });
  editor.selection = new vscode.Selection(range.start, range.end);
  editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** The server identifies files by URI; a path without scheme is a local file. */
function fileUri(file: string): vscode.Uri {
  return /^[a-z][a-z0-9+.-]+:/i.test(file) ? vscode.Uri.parse(file) : vscode.Uri.file(file);
}
