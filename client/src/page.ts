/** What all panels share: their page, and the way from it to a place in a file. */
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
  readonly title: string;
}

/** Nothing but the two files of the package runs or styles the page. */
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
<title>${files.title}</title>
</head>
<body>
<main id="app"></main>
<script type="application/json" id="l10n">${inertJson(installedBundle() ?? null)}</script>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}

/** JSON that cannot end the script element that it is in. */
function inertJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** A file as people name it: its path in the workspace. */
export const fileOf = (uri: string): string => vscode.workspace.asRelativePath(vscode.Uri.parse(uri));

/** Shows a place, in the editor that has its file already if there is one. */
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

/** The server names files by URI; a bare path is taken as one of this machine's. */
function fileUri(file: string): vscode.Uri {
  return /^[a-z][a-z0-9+.-]+:/i.test(file) ? vscode.Uri.parse(file) : vscode.Uri.file(file);
}
