/** Knet: Import Kubernetes Manifests…, Import Dump…, Paste as knet – existing configuration as a topology. */
import * as vscode from "vscode";
import { type Server, withPatience } from "../server.ts";

/** Converts the chosen files to a new `.knet` document. */
export async function importManifests(server: Server): Promise<void> {
  const uris = await pick(vscode.l10n.t("Import"), vscode.l10n.t("Select manifests, a dump, or a Terraform plan"));
  if (!uris) return;
  const text = await requested(server, { uris: uris.map(String) });
  if (text !== undefined) await show(text);
}

/** A `.knet` file that reads the dump, next to it: the network around the cluster is declared there. */
export async function importDump(): Promise<void> {
  const uris = await pick(vscode.l10n.t("Use Dump"), vscode.l10n.t("Select a dump: a folder, an archive, or a file"));
  const [dump] = uris ?? [];
  if (!dump) return;
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(dump, "..", "topology.knet"),
    filters: { knet: ["knet"] },
  });
  if (!target) return;
  const path = relative(target.path, dump.path);
  const text = `# ${vscode.l10n.t("Declare the network around the cluster here: segments, routers, hosts, and expectations.")}

cluster prod {
  manifests ${JSON.stringify(path)}
}
`;
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(text));
  await vscode.window.showTextDocument(target);
}

/** Inserts YAML or JSON from the clipboard as `.knet` statements, or shows them in a new document. */
export async function pasteAsKnet(server: Server): Promise<void> {
  const clipboard = await vscode.env.clipboard.readText();
  const text = await requested(server, { text: clipboard });
  if (text === undefined) return;
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId !== "knet") await show(text);
  else await editor.edit((edit) => edit.replace(editor.selection, text));
}

async function pick(openLabel: string, title: string): Promise<readonly vscode.Uri[] | undefined> {
  return vscode.window.showOpenDialog({
    canSelectFiles: true,
    canSelectFolders: true,
    canSelectMany: true,
    openLabel,
    title,
  });
}

async function requested(
  server: Server,
  params: { readonly uris?: readonly string[]; readonly text?: string },
): Promise<string | undefined> {
  const result = await withPatience(vscode.l10n.t("Importing…"), (token) =>
    server.request("knet/import", params, token),
  );
  if (result && "text" in result) return result.text;
  if (result) void vscode.window.showErrorMessage(result.error);
  return undefined;
}

async function show(content: string): Promise<void> {
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "knet", content }));
}

/** "../dump/prod" for a file in a folder next to it. */
function relative(from: string, to: string): string {
  const [own, other] = [from.split("/").slice(0, -1), to.split("/")];
  let same = 0;
  while (same < own.length && own[same] === other[same]) same += 1;
  return [...own.slice(same).map(() => ".."), ...other.slice(same)].join("/");
}
