/** Selection of the topology of a command, and of an endpoint in it. */
import * as vscode from "vscode";
import type { EndpointItem } from "../../server/src/lsp/protocol.ts";
import { isObject } from "../webview/messages.ts";
import { lastCounts } from "./asking.ts";
import { type Server, withPatience } from "./server.ts";

/**
 * The file in the argument's `uri`, else the active knet file, else the only open knet file or the only one in the workspace.
 * Prompts the user if there are several, and shows a message if there is no knet file.
 */
export async function knetDocument(argument: unknown): Promise<vscode.Uri | undefined> {
  if (isObject(argument) && typeof argument["uri"] === "string") return vscode.Uri.parse(argument["uri"]);
  const active = vscode.window.activeTextEditor?.document;
  if (active?.languageId === "knet") return active.uri;
  const open = vscode.workspace.textDocuments.filter((document) => document.languageId === "knet");
  const files =
    open.length > 0
      ? open.map((document) => document.uri)
      : await vscode.workspace.findFiles("**/*.knet", "**/node_modules/**", 200);
  if (files.length <= 1) {
    if (files.length === 0)
      void vscode.window.showInformationMessage(vscode.l10n.t("No .knet file is open. Open one and try again."));
    return files[0];
  }
  const picked = await vscode.window.showQuickPick(
    files.map((file) => ({ label: vscode.workspace.asRelativePath(file), file })),
    { title: vscode.l10n.t("Select a topology") },
  );
  return picked?.file;
}

export interface PickedEndpoint {
  /** Value for a query: a path or an address. */
  readonly path: string;
  readonly ports: EndpointItem["ports"];
}

type Item = vscode.QuickPickItem & { readonly endpoint?: PickedEndpoint };
const ICONS: Readonly<Record<EndpointItem["kind"], string>> = {
  pod: "package",
  workload: "layers",
  service: "split-horizontal",
  node: "server",
  router: "type-hierarchy",
  host: "vm",
  internet: "globe",
};
/** Maximum number of items; typing narrows the list. */
const SHOWN = 300;

/**
 * Prompts for an endpoint: completes from the topology while the user types, and accepts any other text (an address,
 * `host:port`) unchanged. `recent` is listed first. Undefined if canceled.
 */
export async function pickEndpoint(
  server: Server,
  uri: vscode.Uri,
  title: string,
  recent: readonly string[],
): Promise<PickedEndpoint | undefined> {
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = title;
  pick.placeholder = vscode.l10n.t("Pod, container, node, daemon, router, host, or address");
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  const begin = lastCounts();
  const refill = async (): Promise<void> => {
    const isLast = begin();
    const filter = pick.value.trim();
    pick.busy = true;
    const items = await withPatience(vscode.l10n.t("Reading the topology"), (token) =>
      server.request("knet/endpoints", { uri: uri.toString(), filter, limit: SHOWN }, token),
    );
    // A later key press has sent a new request.
    if (!isLast()) return;
    pick.busy = false;
    pick.items = itemsFor(filter, items ?? [], recent);
  };
  return new Promise((resolve) => {
    pick.onDidChangeValue(() => void refill());
    pick.onDidAccept(() => {
      const chosen =
        pick.selectedItems[0]?.endpoint ??
        (pick.value.trim() === "" ? undefined : { path: pick.value.trim(), ports: [] });
      resolve(chosen);
      pick.hide();
    });
    pick.onDidHide(() => {
      // Invalidates a running request, so its result does not fill the list.
      begin();
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
    void refill();
  });
}

function itemsFor(filter: string, found: readonly EndpointItem[], recent: readonly string[]): Item[] {
  const byPath = new Map(found.map((item) => [item.path, item]));
  const items: Item[] = [];
  const earlier = filter === "" ? recent : [];
  if (earlier.length > 0) {
    items.push({ label: vscode.l10n.t("recent"), kind: vscode.QuickPickItemKind.Separator });
    for (const path of earlier)
      items.push({
        label: `$(history) ${path}`,
        description: byPath.get(path)?.detail ?? "",
        endpoint: { path, ports: byPath.get(path)?.ports ?? [] },
      });
    items.push({ label: vscode.l10n.t("topology"), kind: vscode.QuickPickItemKind.Separator });
  }
  for (const item of found) {
    if (earlier.includes(item.path)) continue;
    items.push({
      label: `$(${ICONS[item.kind]}) ${item.label}`,
      description: item.detail,
      endpoint: { path: item.path, ports: item.ports },
    });
  }
  if (filter !== "" && !byPath.has(filter))
    items.push({
      label: `$(arrow-right) ${filter}`,
      description: vscode.l10n.t("use as typed"),
      alwaysShow: true,
      endpoint: { path: filter, ports: [] },
    });
  return items;
}
