// Helpers for documents and language features, for tests in the extension host. All waits are for events of VS Code, never
// for a fixed time; a wait that times out fails with the current state.
//
//   const document = await openFixture("two-nodes.knet");      // a separate copy, shown in an editor
//   await replaceText(document, "10.1.2.0/24", "10.1.1.0/24"); // an edit like a typed one; never saved
//   const found = await waitForDiagnostics(document.uri, (all) => all.some((one) => codeOf(one) === "KN101"));
//   const text = await hoverText(document.uri, positionOf(document, "p1"));
//
// Helpers for the window around the extension host (keys, clicks, webviews) are in window.ts.

import { copyFile, mkdir, mkdtemp, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import * as vscode from "vscode";

export const extensionId = "knet.knet";
const patience = 20_000;

/** The open folder: a copy of test/editor/fixtures. */
export function workspaceFolder(): string {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (!folder) throw new Error("no folder is open");
  return folder;
}

/** The extension under test, when it is active. It must activate on its own: this function never activates it. */
export async function activeExtension<T = unknown>(): Promise<vscode.Extension<T>> {
  const find = (): vscode.Extension<T> | undefined => vscode.extensions.getExtension<T>(extensionId);
  await until(`${extensionId} to be active`, () => find()?.isActive === true);
  const extension = find();
  if (!extension) throw new Error(`${extensionId} is gone`);
  return extension;
}

/** Opens a new copy of a fixture, so tests cannot interfere with each other. */
export async function openFixture(name: string): Promise<vscode.TextDocument> {
  await mkdir(join(workspaceFolder(), "open"), { recursive: true });
  const folder = await mkdtemp(join(workspaceFolder(), "open", "copy-"));
  const copy = join(folder, basename(name));
  await copyFile(join(workspaceFolder(), name), copy);
  return openFile(copy);
}

/** Opens a new file of the workspace with the given text. */
export async function openText(name: string, text: string): Promise<vscode.TextDocument> {
  await mkdir(join(workspaceFolder(), "open"), { recursive: true });
  const folder = await mkdtemp(join(workspaceFolder(), "open", "text-"));
  const uri = vscode.Uri.file(join(folder, name));
  await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
  return openFile(uri.fsPath);
}

export async function openFile(path: string): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(path));
  await vscode.window.showTextDocument(document, { preview: false });
  return document;
}

/** Closes every editor without saving. */
export async function closeAll(): Promise<void> {
  for (const document of vscode.workspace.textDocuments) {
    if (!document.isDirty || document.isUntitled) continue;
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand("workbench.action.files.revert");
  }
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
}

/** Inserts text at a position (default: the end). */
export async function typeText(document: vscode.TextDocument, text: string, at?: vscode.Position): Promise<void> {
  const position = at ?? document.positionAt(document.getText().length);
  await edit(document, (change) => change.insert(document.uri, position, text));
}

/** Replaces the first occurrence of a text. */
export async function replaceText(document: vscode.TextDocument, from: string, to: string): Promise<void> {
  const range = rangeOf(document, from);
  await edit(document, (change) => change.replace(document.uri, range, to));
}

async function edit(document: vscode.TextDocument, make: (change: vscode.WorkspaceEdit) => void): Promise<void> {
  const change = new vscode.WorkspaceEdit();
  make(change);
  if (!(await vscode.workspace.applyEdit(change))) throw new Error(`${document.uri.path} rejected the edit`);
}

/** The position of a text: at the mark `|` or, without a mark, at its start. `positionOf(document, "pod p|1")` */
export function positionOf(document: vscode.TextDocument, marked: string): vscode.Position {
  const mark = Math.max(marked.indexOf("|"), 0);
  const text = marked.replace("|", "");
  return document.positionAt(document.offsetAt(rangeOf(document, text).start) + mark);
}

export function rangeOf(document: vscode.TextDocument, text: string): vscode.Range {
  const start = document.getText().indexOf(text);
  if (start < 0) throw new Error(`${basename(document.uri.path)} does not contain ${JSON.stringify(text)}`);
  return new vscode.Range(document.positionAt(start), document.positionAt(start + text.length));
}

export function codeOf(diagnostic: vscode.Diagnostic): string {
  const code = diagnostic.code;
  return String(typeof code === "object" ? code.value : (code ?? ""));
}

/** The diagnostics of a file as soon as they satisfy the predicate. */
export function waitForDiagnostics(
  uri: vscode.Uri,
  predicate: (diagnostics: vscode.Diagnostic[]) => boolean,
): Promise<vscode.Diagnostic[]> {
  return when(
    `diagnostics of ${basename(uri.path)}`,
    vscode.languages.onDidChangeDiagnostics,
    (event) => !event || event.uris.some((changed) => changed.toString() === uri.toString()),
    () => {
      const all = vscode.languages.getDiagnostics(uri);
      return predicate(all) ? all : undefined;
    },
    () => vscode.languages.getDiagnostics(uri).map((one) => `${codeOf(one)} ${one.message}`),
  );
}

/** The Markdown of a hover; empty if there is no hover. */
export async function hoverText(uri: vscode.Uri, position: vscode.Position): Promise<string> {
  const hovers = await executeCommand<vscode.Hover[]>("vscode.executeHoverProvider", uri, position);
  return hovers
    .flatMap((hover) => hover.contents)
    .map((content) => (typeof content === "string" ? content : content.value))
    .join("\n\n");
}

export async function completions(uri: vscode.Uri, position: vscode.Position): Promise<string[]> {
  const list = await executeCommand<vscode.CompletionList>("vscode.executeCompletionItemProvider", uri, position);
  return list.items.map((item) => (typeof item.label === "string" ? item.label : item.label.label));
}

export async function executeCommand<T = unknown>(command: string, ...args: unknown[]): Promise<T> {
  return (await vscode.commands.executeCommand<T>(command, ...args)) as T;
}

/** Waits until `result` returns a value; checks immediately and after each event of VS Code. */
export function when<E, T>(
  what: string,
  event: vscode.Event<E>,
  concerns: (event: E) => boolean,
  result: () => T | undefined,
  instead: () => unknown = () => "",
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      subscription.dispose();
      act();
    };
    const look = (): void => {
      try {
        const value = result();
        if (value !== undefined) settle(() => resolve(value));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const subscription = event((happened) => {
      if (concerns(happened)) look();
    });
    const timer = setTimeout(() => {
      settle(() =>
        reject(new Error(`waited ${patience / 1000} s for ${what}; current state: ${JSON.stringify(instead())}`)),
      );
    }, patience);
    look();
  });
}

/** Waits for a condition for which VS Code sends no event. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patience;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited ${patience / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The text of a file on disk, to check that nothing was saved. */
export function onDisk(document: vscode.TextDocument): Promise<string> {
  return readFile(document.uri.fsPath, "utf8");
}
