/** Activation: starts the language server and connects commands, status, and panels to it. No knowledge of networks. */
import * as vscode from "vscode";
import { compareWithHead } from "./commands/compare-with-head.ts";
import { importDump, importManifests, pasteAsKnet } from "./commands/import.ts";
import { restartServer } from "./commands/restart-server.ts";
import { showMatrix } from "./commands/show-matrix.ts";
import { showRoutes } from "./commands/show-routes.ts";
import { showTopology } from "./commands/show-topology.ts";
import { trace } from "./commands/trace.ts";
import { traceFromHere } from "./commands/trace-from-here.ts";
import { DIFF } from "./diff-panel.ts";
import { MATRIX } from "./matrix-panel.ts";
import { panelsOf } from "./panels.ts";
import { RoutesDocuments } from "./routes-document.ts";
import { Server } from "./server.ts";
import { showStatus } from "./status.ts";
import { TOPOLOGY } from "./topology-panel.ts";
import { TRACE } from "./trace-panel.ts";

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const server = new Server(context);
  const traces = panelsOf(context, server, TRACE);
  const topologies = panelsOf(context, server, TOPOLOGY);
  const matrices = panelsOf(context, server, MATRIX);
  const comparisons = panelsOf(context, server, DIFF);
  const documents = new RoutesDocuments(server);
  context.subscriptions.push(
    server,
    traces,
    topologies,
    matrices,
    comparisons,
    documents,
    showStatus(server),
    vscode.commands.registerCommand("knet.trace", (argument?: unknown) => trace(context, server, traces, argument)),
    vscode.commands.registerCommand("knet.traceFromHere", () => traceFromHere(context, server, traces)),
    vscode.commands.registerCommand("knet.showRoutes", (argument?: unknown) => showRoutes(server, documents, argument)),
    vscode.commands.registerCommand("knet.showTopology", (argument?: unknown) => showTopology(topologies, argument)),
    vscode.commands.registerCommand("knet.showMatrix", (argument?: unknown) => showMatrix(matrices, argument)),
    vscode.commands.registerCommand("knet.compareWithHead", (argument?: unknown) =>
      compareWithHead(comparisons, argument),
    ),
    vscode.commands.registerCommand("knet.import", () => importManifests(server)),
    vscode.commands.registerCommand("knet.importDump", () => importDump()),
    vscode.commands.registerCommand("knet.pasteAsKnet", () => pasteAsKnet(server)),
    vscode.commands.registerCommand("knet.restartServer", () => restartServer(server)),
  );
  await startWhenNeeded(context, server);
}

/** Other YAML files activate the extension as well: the server starts only if there is something to check. */
async function startWhenNeeded(context: vscode.ExtensionContext, server: Server): Promise<void> {
  if (await isNeeded()) {
    await server.start();
    return;
  }
  const check = async (): Promise<void> => {
    if (await isNeeded()) await server.start();
  };
  context.subscriptions.push(
    vscode.workspace.onDidOpenTextDocument(check),
    vscode.workspace.onDidChangeConfiguration(check),
    vscode.workspace.onDidCreateFiles(check),
  );
}

async function isNeeded(): Promise<boolean> {
  return (
    vscode.workspace.textDocuments.some(({ languageId }) => languageId === "knet") ||
    vscode.workspace.getConfiguration("knet").get("kubernetes.enable") === true ||
    (await vscode.workspace.findFiles("**/*.knet", "**/node_modules/**", 1)).length > 0
  );
}
