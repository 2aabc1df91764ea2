/** The texts of files in the last commit, from the Git extension of VS Code, for requests that compare with it. */
import * as vscode from "vscode";
import type { OldFile, WantedFiles } from "../../server/src/lsp/protocol.ts";

/** The part of the API of the extension `vscode.git` that is used (extensions/git/src/api/git.d.ts, version 1). */
interface GitExtension {
  readonly enabled: boolean;
  getAPI(version: 1): GitApi;
}
interface GitApi {
  readonly state: "uninitialized" | "initialized";
  readonly onDidChangeState: vscode.Event<"uninitialized" | "initialized">;
  getRepository(uri: vscode.Uri): Repository | null;
  openRepository?(root: vscode.Uri): Promise<Repository | null>;
}
interface Repository {
  getCommit(ref: string): Promise<{ readonly hash: string }>;
  show(ref: string, path: string): Promise<string>;
}

export interface Head {
  /** Repeats the request with the old texts that the server requests. */
  ask<Answer>(
    uri: string,
    request: (old: OldFile[]) => Promise<Answer | WantedFiles>,
  ): Promise<Answer | { readonly error: string }>;
}

export function headOf(): Head {
  let commit: string | undefined;
  const texts = new Map<string, OldFile>();
  return {
    async ask(uri, request) {
      const repository = await repositoryOf(vscode.Uri.parse(uri));
      if (typeof repository === "string") return { error: repository };
      const current = await hashOfHead(repository);
      if (current === undefined) return { error: vscode.l10n.t("The repository has no commit yet.") };
      if (current !== commit) texts.clear();
      commit = current;
      if (!texts.has(uri)) texts.set(uri, await oldFile(repository, current, uri));
      for (;;) {
        const answer = await request([...texts.values()]);
        if (!isWanted(answer)) return answer;
        const missing = answer.wanted.filter((file) => !texts.has(file));
        // The server requests files that it has received: it uses other URIs for them.
        if (missing.length === 0) return { error: vscode.l10n.t("The files of the last commit cannot be read.") };
        for (const file of missing) texts.set(file, await oldFile(repository, current, file));
      }
    },
  };
}

/** From git itself: `state.HEAD` of the extension is outdated until its next refresh, seconds after a commit in a terminal. */
async function hashOfHead(repository: Repository): Promise<string | undefined> {
  try {
    return (await repository.getCommit("HEAD")).hash;
  } catch {
    return undefined;
  }
}

function isWanted(answer: unknown): answer is WantedFiles {
  return typeof answer === "object" && answer !== null && "wanted" in answer;
}

async function oldFile(repository: Repository, commit: string, uri: string): Promise<OldFile> {
  try {
    return { uri, text: await repository.show(commit, vscode.Uri.parse(uri).fsPath) };
  } catch {
    // `git show` fails if the commit does not contain the file.
    return { uri, text: null };
  }
}

/** The repository of a file, or the reason why it has no repository. */
async function repositoryOf(uri: vscode.Uri): Promise<Repository | string> {
  if (uri.scheme !== "file")
    return vscode.l10n.t("The file is not saved in a folder on this computer, so it has no commits.");
  const extension = vscode.extensions.getExtension<GitExtension>("vscode.git");
  if (!extension) return vscode.l10n.t("The Git extension of VS Code is not installed or not enabled.");
  const git = extension.isActive ? extension.exports : await extension.activate();
  if (!git.enabled)
    return vscode.l10n.t("Git is not enabled: check the setting git.enabled, and that git is installed.");
  const api = git.getAPI(1);
  if (api.state !== "initialized") await initialized(api);
  const folder = vscode.Uri.joinPath(uri, "..");
  const repository = api.getRepository(uri) ?? (await api.openRepository?.(folder)) ?? api.getRepository(uri);
  return repository ?? vscode.l10n.t("The file is not in a Git repository.");
}

function initialized(api: GitApi): Promise<void> {
  return new Promise((resolve) => {
    const subscription = api.onDidChangeState((state) => {
      if (state !== "initialized") return;
      subscription.dispose();
      resolve();
    });
  });
}
