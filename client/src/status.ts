/** The status item: what knet is doing, how many problems the open file has, and the way to them. */
import * as vscode from "vscode";
import type { AnalysisDoneParams } from "../../server/src/lsp/protocol.ts";
import { KNET, type Server } from "./server.ts";

export function showStatus(server: Server): vscode.Disposable {
  const item = vscode.languages.createLanguageStatusItem("knet.status", KNET);
  item.name = "knet";
  const results = new Map<string, AnalysisDoneParams>();
  const update = (): void => {
    const uri = vscode.window.activeTextEditor?.document.uri.toString();
    const result = uri === undefined ? undefined : results.get(uri);
    item.busy = server.state === "starting" || (server.state === "running" && result === undefined);
    if (server.state === "stopped") {
      item.severity = vscode.LanguageStatusSeverity.Error;
      item.text = "knet: not running";
      item.command = { command: "knet.restartServer", title: "Restart" };
      return;
    }
    item.severity =
      result && result.errors > 0
        ? vscode.LanguageStatusSeverity.Error
        : result && result.warnings > 0
          ? vscode.LanguageStatusSeverity.Warning
          : vscode.LanguageStatusSeverity.Information;
    item.text = result === undefined ? "knet: checking" : summary(result);
    item.detail = result === undefined ? "" : `analysed in ${Math.round(result.durationMs)} ms`;
    item.command = { command: "workbench.actions.view.problems", title: "Show Problems" };
  };
  update();
  return vscode.Disposable.from(
    item,
    server.onStateChange(update),
    server.onAnalysisDone((result) => {
      results.set(result.uri, result);
      update();
    }),
    vscode.window.onDidChangeActiveTextEditor(update),
    vscode.workspace.onDidCloseTextDocument((document) => results.delete(document.uri.toString())),
  );
}

function summary({ errors, warnings }: AnalysisDoneParams): string {
  const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;
  if (errors + warnings === 0) return "knet: no problems";
  return `knet: ${plural(errors, "error")}, ${plural(warnings, "warning")}`;
}
