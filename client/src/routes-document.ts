/** Read-only documents with the output of `knet routes`; they follow changes of their topology. */
import * as vscode from "vscode";
import type { Server } from "./server.ts";

const SCHEME = "knet-routes";

export class RoutesDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #server: Server;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly #subscriptions: vscode.Disposable;

  constructor(server: Server) {
    this.#server = server;
    this.#subscriptions = vscode.Disposable.from(
      this.#changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      server.onAnalysisDone(() => {
        for (const document of vscode.workspace.textDocuments)
          if (document.uri.scheme === SCHEME) this.#changed.fire(document.uri);
      }),
    );
  }

  get onDidChange(): vscode.Event<vscode.Uri> {
    return this.#changed.event;
  }

  /** The tab shows the path of the URI; the query identifies the file and the machine. */
  uriOf(file: vscode.Uri, where: string): vscode.Uri {
    return vscode.Uri.from({
      scheme: SCHEME,
      path: `/${vscode.l10n.t("Routes of {0}", where)}`,
      query: JSON.stringify({ file: file.toString(), where }),
    });
  }

  async provideTextDocumentContent(uri: vscode.Uri, token: vscode.CancellationToken): Promise<string> {
    const { file, where } = JSON.parse(uri.query) as { file: string; where: string };
    const answer = await this.#server.request("knet/routes", { uri: file, where }, token);
    return "text" in answer ? answer.text : `# ${answer.error}\n`;
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}
