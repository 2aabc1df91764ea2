/** The language status item: state of knet, number of problems in the open file, and a link to them. */
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
      item.text = vscode.l10n.t("knet: not running");
      item.command = { command: "knet.restartServer", title: vscode.l10n.t("Restart") };
      return;
    }
    item.severity =
      result && result.errors > 0
        ? vscode.LanguageStatusSeverity.Error
        : result && result.warnings > 0
          ? vscode.LanguageStatusSeverity.Warning
          : vscode.LanguageStatusSeverity.Information;
    item.text = result === undefined ? vscode.l10n.t("knet: checking") : summary(result);
    item.detail = result === undefined ? "" : vscode.l10n.t("analyzed in {0} ms", Math.round(result.durationMs));
    item.command = { command: "workbench.actions.view.problems", title: vscode.l10n.t("Show Problems") };
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
  if (errors + warnings === 0) return vscode.l10n.t("knet: no problems");
  const errorCount = errors === 1 ? vscode.l10n.t("{0} error", errors) : vscode.l10n.t("{0} errors", errors);
  const warningCount =
    warnings === 1 ? vscode.l10n.t("{0} warning", warnings) : vscode.l10n.t("{0} warnings", warnings);
  return vscode.l10n.t("knet: {0}, {1}", errorCount, warningCount);
}
