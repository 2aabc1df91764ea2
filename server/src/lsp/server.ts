/** The language server of one connection; creates all of its state. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  CodeLensRefreshRequest,
  type Connection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  FileChangeType,
  type InitializeParams,
  WatchKind,
} from "vscode-languageserver/node";
import { installLocale } from "../bundles.ts";
import { CONFIG_FILE } from "../service/front-ends.ts";
import { type Bundle, installBundle } from "../text/l10n.ts";
import { VERSION } from "../version.ts";
import type { Server } from "./access.ts";
import { type ClientSupport, serverCapabilities, supportOf } from "./capabilities.ts";
import { createDiagnostics } from "./diagnostics.ts";
import { createDisk } from "./disk.ts";
import { createDocuments } from "./documents.ts";
import { describe } from "./guard.ts";
import { registerHandlers } from "./handlers.ts";
import { registerKnetRequests } from "./knet.ts";
import { registerMatrix } from "./matrix.ts";
import { registerPull } from "./pull.ts";
import { createReports } from "./reports.ts";
import { DEFAULTS, member, settingsIn } from "./settings.ts";
import { keyOf } from "./uri.ts";

export interface ServerOptions {
  /** Number of received didChange notifications, handled or not; a long analysis uses it to detect that it is out of date. */
  readonly changesReceived?: () => number;
  readonly now?: () => number;
}

const NOTHING: ClientSupport = {
  snippets: false,
  suggest: false,
  commitCharacters: false,
  definitionLinks: false,
  typeDefinitionLinks: false,
  implementationLinks: false,
  commands: false,
  pull: false,
  pullRefresh: false,
  hintRefresh: false,
  lensRefresh: false,
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
  let settings = DEFAULTS;
  const stale = (): boolean => (options.changesReceived?.() ?? 0) > changesHandled;
  const reports = createReports({ connection, documents, support: () => support, link: documentationLink, stale, now });
  const diagnostics = createDiagnostics({
    connection,
    documents,
    reports,
    push: () => !support.pull,
    changedAcross: () => refreshShown(),
    now,
  });
  const server: Server = {
    connection,
    documents,
    disk,
    now,
    stale,
    support: () => support,
    settings: () => settings,
    link: documentationLink,
  };
  /** Notifications have no response; exceptions in their handlers are logged. */
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
    installTexts(params);
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
            watchers: [
              { globPattern: "**/*.knet" },
              { globPattern: `**/${CONFIG_FILE}` },
              // If a folder is deleted, clients do not report the files in it.
              { globPattern: "**/*", kind: WatchKind.Delete },
            ],
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
                // The folders determine which files can be imported.
                documents.service.forget();
                diagnostics.schedule();
                refresh();
              })
              .catch(logged);
          }),
        );
      }
      readSettings(undefined);
    }),
  );
  const logged = (error: unknown): void => connection.console.error(describe(error));

  const readSettings = (pushed: unknown): void => {
    if (!support.configuration) {
      take(pushed);
      return;
    }
    void connection.workspace.getConfiguration("knet").then(take).catch(logged);
  };
  const take = (given: unknown): void => {
    const before = settings;
    settings = settingsIn(given);
    diagnostics.setDelay(settings.delay);
    documents.service.configure(settings.levels);
    diagnostics.schedule();
    if (JSON.stringify([before, [...before.levels]]) !== JSON.stringify([settings, [...settings.levels]])) refresh();
  };
  /** Hints and lenses depend on more than the text of their document. */
  const refreshShown = (): void => {
    if (support.hintRefresh) void connection.languages.inlayHint.refresh().catch(logged);
    if (support.lensRefresh) void connection.sendRequest(CodeLensRefreshRequest.type).catch(logged);
  };
  const refresh = (): void => {
    refreshShown();
    if (support.pull && support.pullRefresh) void connection.languages.diagnostics.refresh();
  };
  connection.onDidChangeConfiguration(
    safely("configuration", ({ settings }: { settings: unknown }) => readSettings(member(settings, "knet"))),
  );

  connection.onDidOpenTextDocument(
    safely("didOpen", ({ textDocument: { uri, version, text } }) => {
      // Without file watching, changes on disk are only noticed when a file is opened.
      if (!support.watching) documents.service.forget();
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
      const known = changes.map(({ uri, type }) => {
        const key = keyOf(uri);
        if (type !== FileChangeType.Changed) disk.changed(key);
        return documents.service.invalidate(key) || uri.endsWith(".knet");
      });
      if (!known.includes(true)) return;
      diagnostics.schedule();
      refresh();
    }),
  );
  connection.onShutdown(() => diagnostics.stop());

  registerHandlers(server);
  registerKnetRequests(server);
  registerMatrix(server);
  registerPull(server, reports);
  connection.listen();
}

/** Installs the translations: the bundle that the client has loaded, else the bundle of the package for its locale. */
function installTexts({ initializationOptions, locale }: InitializeParams): void {
  const given = member(initializationOptions, "l10n");
  const bundle = member(given, "bundle");
  const tag = member(given, "locale");
  if (isBundle(bundle)) installBundle(bundle, typeof tag === "string" ? tag : locale);
  else installLocale(locale);
}

function isBundle(value: unknown): value is Bundle {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}

function foldersOf({ workspaceFolders, rootUri }: InitializeParams): readonly string[] {
  if (workspaceFolders) return workspaceFolders.map(({ uri }) => uri);
  return typeof rootUri === "string" ? [rootUri] : [];
}

/** URL of a code in the documentation that is installed with the server; works offline. */
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
