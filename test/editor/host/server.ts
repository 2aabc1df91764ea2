// Starts the VS Code server: a workbench for a browser, and the extension host in which knet runs.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installServer } from "./install.ts";

export interface EditorServer {
  readonly port: number;
  readonly origin: string;
  /** Resolves when the server has exited, regardless of the cause. */
  readonly ended: Promise<void>;
  /** Stops the server and its child processes, and removes its data. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly port?: number;
  readonly env?: Record<string, string>;
  readonly settings?: Record<string, unknown>;
  /** A folder with installed extensions (default: an empty one). */
  readonly extensions?: string;
  /** Receives the output of the server; ignored by default. */
  readonly log?: (text: string) => void;
}

/** Settings of a quiet editor: no automatic saving, no downloads, no pop-ups. */
const quiet: Record<string, unknown> = {
  "files.autoSave": "off",
  "files.hotExit": "off",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "workbench.startupEditor": "none",
  "workbench.enableExperiments": false,
  "workbench.tips.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "chat.disableAIFeatures": true,
  "chat.commandCenter.enabled": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "git.enabled": true,
  "git.autofetch": false,
};

export async function startServer(options: ServerOptions = {}): Promise<EditorServer> {
  const vscode = await installServer();
  const home = await mkdtemp(join(tmpdir(), "knet-editor-"));
  await mkdir(join(home, "data/User"), { recursive: true });
  await writeFile(join(home, "data/User/settings.json"), JSON.stringify({ ...quiet, ...options.settings }, null, 2));

  const { NODE_OPTIONS: _options, VSCODE_IPC_HOOK_CLI: _hook, ...environment } = process.env;
  const child = spawn(
    process.execPath,
    [
      join(vscode, "out/server-main.js"),
      ...["--host", "127.0.0.1", "--port", String(options.port ?? 0)],
      ...["--without-connection-token", "--accept-server-license-terms", "--telemetry-level", "off"],
      // Without the smoke-test driver a built workbench ignores the development and the test path.
      ...["--disable-workspace-trust", "--enable-smoke-test-driver"],
      ...["--server-data-dir", join(home, "server"), "--user-data-dir", join(home, "data")],
      ...["--extensions-dir", options.extensions ?? join(home, "extensions")],
    ],
    {
      cwd: home,
      env: { ...environment, EXTENSIONS_GALLERY: "{}", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a separate process group, so stop() also reaches extension hosts and language servers
    },
  );

  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    await end(child, ended);
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    const port = await listening(child, options.log);
    return { port, origin: `http://127.0.0.1:${port}`, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function listening(child: ChildProcess, log?: (text: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = "";
    const timer = setTimeout(() => reject(new Error(`the VS Code server did not start in 60 s\n${output}`)), 60_000);
    const read = (chunk: Buffer): void => {
      const text = chunk.toString();
      log?.(text);
      if (output.length > 20_000) return;
      output += text;
      const port = /Extension host agent listening on (\d+)/.exec(output)?.[1];
      if (!port) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`the VS Code server exited with code ${code}\n${output}`));
    });
  });
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined) return;
  const group = -child.pid;
  const send = (signal: NodeJS.Signals): boolean => {
    try {
      return process.kill(group, signal);
    } catch {
      return false; // the group is empty
    }
  };
  if (!send("SIGTERM")) return;
  const patience = new Promise<void>((resolve) => setTimeout(resolve, 3000).unref());
  await Promise.race([ended, patience]);
  send("SIGKILL"); // the remaining processes of the group
}
