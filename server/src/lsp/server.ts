/** The language server: documents in, answers and diagnostics out. All of its state is made here, for one connection. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type Connection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  FileChangeType,
  type InitializeParams,
} from "vscode-languageserver/node";
import { codeOf } from "../checks/catalogue.ts";
import { isLevel, type Level, type Levels } from "../checks/levels.ts";
import { CONFIG_FILE } from "../service/service.ts";
import { VERSION } from "../version.ts";
import { type ClientSupport, serverCapabilities, supportOf } from "./capabilities.ts";
import { createDiagnostics, DEFAULT_DELAY } from "./diagnostics.ts";
import { createDisk } from "./disk.ts";
import { createDocuments } from "./documents.ts";
import { describe } from "./guard.ts";
import { registerHandlers, type Server } from "./handlers.ts";
import { registerKnetRequests } from "./knet.ts";
import { keyOf } from "./uri.ts";

export interface ServerOptions {
  /** How many didChange notifications have come in, handled or not; lets a long analysis notice that it is out of date. */
  readonly changesReceived?: () => number;
  readonly now?: () => number;
}

const NOTHING: ClientSupport = {
  snippets: false,
  suggest: false,
  definitionLinks: false,
  versionedEdits: false,
  configuration: false,
  configurationEvents: false,
  folders: false,
  watching: false,
  related: false,
  codeDescription: false,
  data: false,
};

/** Serves a connection; `connection.listen()` is called here. */
export function startServer(connection: Connection, options: ServerOptions = {}): void {
  const now = options.now ?? (() => performance.now());
  let support = NOTHING;
  let changesHandled = 0;
  const disk = createDisk();
  const documents = createDocuments(disk);
  const diagnostics = createDiagnostics({
    connection,
    documents,
    now,
    support: () => support,
    link: documentationLink,
    stale: () => (options.changesReceived?.() ?? 0) > changesHandled,
  });
  const server: Server = { connection, documents, disk, now, support: () => support };
  /** Notifications have no answer; a defect in one is logged. */
  const safely = <P>(name: string, work: (params: P) => void): ((params: P) => void) => {
    return (params) => {
      try {
        work(params);
      } catch (error) {
        connection.console.error(`${name}: ${describe(error)}`);
      }
    };
  };

  connection.onInitialize((params: InitializeParams) => {
    support = supportOf(params);
    disk.setFolders(foldersOf(params));
    return { capabilities: serverCapabilities(support), serverInfo: { name: "knet", version: VERSION } };
  });

  connection.onInitialized(
    safely("initialized", () => {
      if (support.configurationEvents) {
        void connection.client.register(DidChangeConfigurationNotification.type, { section: "knet" }).catch(logged);
      }
      if (support.watching) {
        void connection.client
          .register(DidChangeWatchedFilesNotification.type, {
            watchers: [{ globPattern: "**/*.knet" }, { globPattern: `**/${CONFIG_FILE}` }],
          })
          .catch(logged);
      }
      if (support.folders) {
        connection.workspace.onDidChangeWorkspaceFolders(
          safely("workspaceFolders", () => {
            void connection.workspace
              .getWorkspaceFolders()
              .then((folders) => {
                disk.setFolders((folders ?? []).map(({ uri }) => uri));
                diagnostics.schedule();
              })
              .catch(logged);
          }),
        );
      }
      readSettings(undefined);
    }),
  );
  const logged = (error: unknown): void => connection.console.error(describe(error));

  const apply = (settings: unknown): void => {
    diagnostics.setDelay(delayIn(settings));
    documents.service.configure(levelsIn(settings));
    diagnostics.schedule();
  };
  const readSettings = (pushed: unknown): void => {
    if (!support.configuration) {
      apply(pushed);
      return;
    }
    void connection.workspace.getConfiguration("knet").then(apply).catch(logged);
  };
  connection.onDidChangeConfiguration(
    safely("configuration", ({ settings }: { settings: unknown }) => readSettings(member(settings, "knet"))),
  );

  connection.onDidOpenTextDocument(
    safely("didOpen", ({ textDocument: { uri, version, text } }) => {
      documents.open(uri, version, text);
      diagnostics.schedule();
    }),
  );
  connection.onDidChangeTextDocument((params) => {
    changesHandled += 1;
    safely("didChange", () => {
      const { uri, version } = params.textDocument;
      if (!documents.change(uri, version, params.contentChanges)) {
        connection.console.warn(`didChange: ${uri} is not open`);
        return;
      }
      diagnostics.schedule();
    })(params);
  });
  connection.onDidCloseTextDocument(
    safely("didClose", ({ textDocument: { uri } }) => {
      const document = documents.get(uri);
      documents.close(uri);
      if (document) diagnostics.closed(document);
    }),
  );
  connection.onDidChangeWatchedFiles(
    safely("watchedFiles", ({ changes }) => {
      for (const { uri, type } of changes) {
        documents.service.invalidate(keyOf(uri));
        if (type !== FileChangeType.Changed) disk.forget();
      }
      diagnostics.schedule();
    }),
  );
  connection.onShutdown(() => diagnostics.stop());

  registerHandlers(server);
  registerKnetRequests(server);
  connection.listen();
}

function foldersOf({ workspaceFolders, rootUri }: InitializeParams): readonly string[] {
  if (workspaceFolders) return workspaceFolders.map(({ uri }) => uri);
  return typeof rootUri === "string" ? [rootUri] : [];
}

function delayIn(settings: unknown): number {
  const delay = member(member(settings, "diagnostics"), "delay");
  return typeof delay === "number" && delay >= 0 && delay <= 60_000 ? delay : DEFAULT_DELAY;
}

/** `knet.checks`: a code and what it is to be; whatever is not understood is left out, as the editor has marked it. */
function levelsIn(settings: unknown): Levels {
  const checks = member(settings, "checks");
  const levels = new Map<string, Level>();
  for (const [name, level] of Object.entries(typeof checks === "object" && checks !== null ? checks : {})) {
    const code = codeOf(name);
    if (code !== undefined && isLevel(level)) levels.set(code, level);
  }
  return levels;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** The page of a code in the documentation that is installed beside the server; nothing is fetched from anywhere. */
function documentationLink(code: string): string | undefined {
  const page = new URL("../docs/diagnostics.md", import.meta.url);
  return documented(page) ? `${page.href}#${code.toLowerCase()}` : undefined;
}

const pages = new Map<string, boolean>();
function documented(page: URL): boolean {
  let known = pages.get(page.href);
  if (known === undefined) {
    known = existsSync(fileURLToPath(page));
    pages.set(page.href, known);
  }
  return known;
}
